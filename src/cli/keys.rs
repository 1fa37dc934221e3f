//! `postern keys list|rotate`.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    base::{
        id::KeyId,
        page::Page,
        time::{Instant, Lifetime},
    },
    cli::{place::Place, table::table, world::World},
    domain::{
        actor::Actor,
        key::{KeyInfo, KeyState, Ring, rotation::RingKeys},
    },
    flows::keys::{
        self,
        rotate::{Rotated, Withdrawn, rotate, withdraw},
    },
};

/// List and rotate the keys of the server. Keys rotate by themselves; see the section [keys] of the configuration.
#[derive(Debug, Args)]
pub(super) struct KeysCommand {
    #[command(subcommand)]
    verb: Verb,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List every key: its ring, where it stands and since when, what comes next and when
    List,
    /// Put the next key of each ring into use now; everything that the old ones made stays good
    Rotate {
        /// Rotate only this ring: signing:ES256, signing:RS256, mac or seal
        #[arg(long, value_name = "NAME")]
        ring: Option<Ring>,
        /// The keys in use may be known to others: replace them now, and refuse what they signed
        #[arg(long)]
        compromised: bool,
        /// Replace the next ones too, which lay beside them; other verifiers may refuse tokens for up to 11 minutes
        #[arg(long, requires = "compromised")]
        all: bool,
    },
}

pub(super) async fn run(command: &KeysCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let app = world.app(place).await?;
    match command.verb {
        Verb::List => {
            let keys = keys::list(&app.provider.db).await?;
            let rotate_every = app.provider.lifetimes.key_rotation;
            let items = keys
                .iter()
                .map(|key| Listed::new(key, &keys, rotate_every))
                .collect();
            let page = Page { items, next: None };
            world
                .output
                .result(command.json, &page, || listed_table(&page.items))
        }
        Verb::Rotate {
            ring,
            compromised,
            all: renew_all,
        } => {
            let there = keys::list(&app.provider.db).await?;
            let has_keys = |ring: &Ring| there.iter().any(|key| key.ring == *ring);
            let all = || Ring::every().filter(has_keys).collect();
            let rings = ring.map_or_else(all, |ring| vec![ring]);
            if compromised {
                let items = withdraw(&app.provider, &rings, renew_all, Actor::Operator).await?;
                let page = Page { items, next: None };
                return world
                    .output
                    .result(command.json, &page, || withdrawn_text(&page.items));
            }
            let items = rotate(&app.provider, &rings, Actor::Operator).await?;
            let page = Page { items, next: None };
            world
                .output
                .result(command.json, &page, || rotated_table(&page.items))
        }
    }
}

/// A key with what comes next.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    key: &'a KeyInfo,
    then: Option<Then>,
}

#[derive(Debug, Serialize)]
struct Then {
    state: &'static str,
    at: Instant,
}

impl<'a> Listed<'a> {
    fn new(key: &'a KeyInfo, all: &[KeyInfo], rotate_every: Lifetime) -> Self {
        let rotates_at = || RingKeys::of(key.ring, all).rotates_at(rotate_every);
        let (state, at) = match key.state {
            KeyState::Next => ("active", rotates_at()),
            KeyState::Active { .. } => ("retiring", rotates_at()),
            KeyState::Retiring { .. } => ("gone", key.gone_at()),
            KeyState::Gone { .. } => ("gone", None),
        };
        Self {
            key,
            then: at.map(|at| Then { state, at }),
        }
    }
}

fn listed_table(keys: &[Listed<'_>]) -> String {
    let row = |listed: &Listed<'_>| {
        let (state, since) = listed.key.state.to_columns();
        let then = listed.then.as_ref();
        [
            listed.key.ring.as_str().to_owned(),
            listed.key.id.to_string(),
            state.to_owned(),
            since.map(Instant::to_rfc3339).unwrap_or_default(),
            listed.key.created_at.to_rfc3339(),
            then.map(|then| format!("{} {}", then.state, then.at.to_rfc3339()))
                .unwrap_or_default(),
        ]
    };
    table(
        ["RING", "KID", "STATE", "SINCE", "MADE", "THEN"],
        keys.iter().map(row),
    )
}

fn rotated_table(rotated: &[Rotated]) -> String {
    let shown = |key: Option<KeyId>| key.map(|key| key.to_string()).unwrap_or_default();
    let row = |rotated: &Rotated| {
        [
            rotated.ring.as_str().to_owned(),
            shown(rotated.active),
            shown(rotated.retiring),
            rotated.next.to_string(),
        ]
    };
    table(["RING", "ACTIVE", "RETIRING", "NEXT"], rotated.iter().map(row))
}

fn withdrawn_text(withdrawn: &[Withdrawn]) -> String {
    let row = |withdrawn: &Withdrawn| {
        let keys: Vec<String> = withdrawn.withdrawn.iter().map(ToString::to_string).collect();
        [withdrawn.ring.as_str().to_owned(), keys.join(" ")]
    };
    let mut text = table(["RING", "WITHDRAWN"], withdrawn.iter().map(row));
    text.push_str("\n\nNobody is signed out: apps get new access tokens with their next refresh.");
    let known = withdrawn.iter().filter_map(|one| one.known_everywhere_at).max();
    if let Some(known) = known {
        let until = known.to_rfc3339();
        text.push_str(
            "\nThe key that signs now is new: APIs that keep the published keys may refuse its tokens until ",
        );
        text.push_str(&until);
        text.push_str(" at the latest.");
    }
    text
}
