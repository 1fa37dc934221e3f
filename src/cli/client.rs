//! `postern client add|list|show|remove`.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    base::{id::ClientId, page::Page, time::Instant, url::RedirectUri},
    cli::{
        client::add::AddClient,
        place::Place,
        table::{facts, table},
        words,
        world::World,
    },
    config::Overrides,
    domain::client::{Client, ClientKind, ConsentPolicy},
    flows::clients::{self as verbs, ClientError},
    store::clients,
};

mod add;

/// Add, list, show and remove clients.
#[derive(Debug, Args)]
pub(super) struct ClientCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Register an app
    Add(Box<AddClient>),
    /// List the apps
    List,
    /// Show everything about an app
    Show {
        /// Which
        id: ClientId,
    },
    /// Remove an app, end its sessions, forget what people allowed it
    Remove {
        /// Which
        id: ClientId,
    },
}

pub(super) async fn run(command: ClientCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let client = match command.verb {
        Verb::Add(adding) => add(&adding, place, world).await?,
        Verb::List => return list(command.json, place, world).await,
        Verb::Show { id } => {
            let (_, all) = clients::all(&world.app(place).await?.provider.db).await?;
            let found = all.into_iter().find(|client| client.id == id);
            found.ok_or_else(|| unknown(&id))?
        }
        Verb::Remove { id } => {
            let app = world.app(place).await?;
            let ended = verbs::remove(&app.provider, id.clone()).await?;
            let ended = ended.ok_or_else(|| unknown(&id))?;
            let text = || format!("Removed {id}; {}.", words::ended(ended));
            let value = json!({ "client": id, "ended": ended });
            return world.output.result(command.json, &value, text);
        }
    };
    world
        .output
        .result(command.json, &client, || facts(&about(&client)))
}

async fn add(adding: &AddClient, place: &Place, world: &mut World) -> anyhow::Result<Client> {
    let config = world.config(place, &Overrides::default())?;
    // What is wrong with the words is told before the database is opened.
    let (id, name, settings) = adding.check(&config.lifetimes)?;
    let app = world.app(place).await?;
    let added = verbs::add(&app.provider, id.clone(), name, settings).await;
    added.map_err(|error| match error {
        ClientError::Taken => anyhow!(
            "there is a client {id} already; look at it with `postern client show {id}`, or choose another id"
        ),
        other => other.into(),
    })
}

async fn list(json: bool, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let (_, items) = clients::all(&world.app(place).await?.provider.db).await?;
    let page = Page { items, next: None };
    world.output.result(json, &page, || {
        if page.items.is_empty() {
            return "No app yet. Add one: postern client add ID --name NAME --redirect-uri URI".to_owned();
        }
        let row = |client: &Client| {
            let settings = &client.settings;
            let redirects: Vec<_> = settings.redirect_uris.iter().map(RedirectUri::as_str).collect();
            [
                client.id.to_string(),
                client.name.to_string(),
                kind(settings.kind).to_owned(),
                settings.scope.to_string(),
                redirects.join(" "),
            ]
        };
        let headings = ["ID", "NAME", "KIND", "SCOPE", "REDIRECT URIS"];
        table(headings, page.items.iter().map(row))
    })
}

fn unknown(id: &ClientId) -> anyhow::Error {
    anyhow!("there is no client {id}; see `postern client list`")
}

fn about(client: &Client) -> Vec<(&'static str, String)> {
    let settings = &client.settings;
    let own = settings.lifetimes;
    let consent = match settings.consent {
        ConsentPolicy::Ask => "people are asked",
        ConsentPolicy::Never => "never asked: people continue with one tap",
    };
    let mut rows = vec![
        ("id", client.id.to_string()),
        ("name", client.name.to_string()),
        (
            "kind",
            format!("{}: public, it has no secret", kind(settings.kind)),
        ),
        ("scope", settings.scope.to_string()),
        ("consent", consent.to_owned()),
    ];
    if settings.answers_without_tap {
        rows.push(("tap", "not asked for when there is nothing to ask".to_owned()));
    }
    if settings.may_end_browser_session {
        rows.push((
            "sign-out",
            "it may end the browser session that it came from".to_owned(),
        ));
    }
    let redirects = settings.redirect_uris.iter();
    rows.extend(redirects.map(|uri| ("redirect URI", uri.to_string())));
    rows.extend(client.resources().map(|api| ("resource", api.to_string())));
    let after = settings.post_logout_redirect_uris.iter();
    rows.extend(after.map(|uri| ("after sign-out", uri.to_string())));
    let optional = [
        ("access token life", own.access_token.map(|life| life.to_string())),
        (
            "session idle",
            own.device_session_idle.map(|life| life.to_string()),
        ),
        (
            "session absolute",
            own.device_session_absolute.map(|life| life.to_string()),
        ),
        ("added", Some(client.created_at.to_rfc3339())),
        ("disabled", client.disabled_at.map(Instant::to_rfc3339)),
    ];
    rows.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    rows
}

fn kind(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Native => "native",
    }
}
