//! `postern registration token add|list|remove`.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    base::{
        id::RegistrationTokenId,
        page::Page,
        time::{Instant, Lifetime},
    },
    cli::{place::Place, table::table, world::World},
    domain::{actor::Actor, client::RegistrationMode, registration::KeptInitialAccessToken, scope::ScopeSet},
    flows::registration::tokens,
};

/// Give out, list and remove the tokens with which clients register themselves (RFC 7591).
#[derive(Debug, Args)]
pub(super) struct RegistrationCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The initial access tokens
    Token {
        #[command(subcommand)]
        verb: TokenVerb,
    },
}

#[derive(Debug, Subcommand)]
enum TokenVerb {
    /// Make a token, which is shown once
    Add {
        /// How long it is good, such as 7d
        #[arg(long, value_name = "LIFE", default_value = "7d")]
        expires: Lifetime,
        /// How many clients it lets in [default: any number]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        uses: Option<i64>,
        /// The most that its clients may ask for [default: registration.scope]
        #[arg(long)]
        scope: Option<ScopeSet>,
    },
    /// List the tokens by their names: made, uses left, good until
    List,
    /// End a token at once; the clients that it let in stay
    Remove {
        /// Its name, as `list` shows it
        token: RegistrationTokenId,
    },
}

pub(super) async fn run(
    command: RegistrationCommand,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    let Verb::Token { verb } = command.verb;
    let json = command.json;
    match verb {
        TokenVerb::Add { expires, uses, scope } => add(expires, uses, scope, json, place, world).await,
        TokenVerb::List => list(json, place, world).await,
        TokenVerb::Remove { token } => {
            let app = world.app(place).await?;
            if !tokens::remove(&app.provider, token, Actor::Operator).await? {
                bail!("there is no token {token}; see `postern registration token list`");
            }
            let text = || format!("Removed {token}: it lets nobody in any more.");
            world.output.result(json, &json!({ "removed": token }), text)
        }
    }
}

async fn add(
    expires: Lifetime,
    uses: Option<i64>,
    scope: Option<ScopeSet>,
    json: bool,
    place: &Place,
    world: &mut World,
) -> anyhow::Result<()> {
    if expires < Lifetime::from_secs(1) || expires > Lifetime::from_days(3650) {
        bail!("--expires {expires}: write a time from 1s to 3650d");
    }
    let app = world.app(place).await?;
    let is_off = app.provider.registration.mode == RegistrationMode::Off;
    let new = tokens::add(&app.provider, Some(expires), uses, scope, Actor::Operator).await?;
    let value = json!({ "initial_access_token": new.token.expose(), "token": new.kept });
    world.output.result(json, &value, || {
        let off = "\nRegistration is off: set registration.mode to \"token\" before it can be used.";
        format!(
            "{}\nGive this to who registers clients: it is not shown again. Its name is {}.{}",
            new.token.expose(),
            new.kept.id,
            if is_off { off } else { "" }
        )
    })
}

async fn list(json: bool, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let app = world.app(place).await?;
    let items = tokens::list(&app.provider).await?;
    let now = app.provider.clock.now();
    let page = Page { items, next: None };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "No token. Make one: postern registration token add".to_owned();
        }
        let row = |token: &KeptInitialAccessToken| {
            let until = token
                .expires_at
                .map_or("it is removed".to_owned(), Instant::to_rfc3339);
            let is_over = token.expires_at.is_some_and(|at| at <= now);
            [
                token.id.to_string(),
                token.created_at.to_rfc3339(),
                token.uses_left.map_or("any".to_owned(), |left| left.to_string()),
                token
                    .scope
                    .as_ref()
                    .map_or("as configured".to_owned(), ToString::to_string),
                if is_over { format!("{until} (over)") } else { until },
            ]
        };
        table(
            ["TOKEN", "MADE", "USES LEFT", "SCOPE", "GOOD UNTIL"],
            page.items.iter().map(row),
        )
    })
}
