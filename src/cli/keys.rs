//! `postern keys list|rotate`.

use clap::{Args, Subcommand};

use crate::{
    base::{id::KeyId, page::Page, time::Instant},
    cli::{place::Place, table::table, world::World},
    domain::key::Ring,
    flows::keys::{
        ListedKey,
        rotate::{Rotated, Withdrawn},
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
    let admin = world.admin(place).await?;
    match command.verb {
        Verb::List => {
            let items = admin.keys().await?;
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
            if compromised {
                let items = admin.withdraw(ring, renew_all).await?;
                let page = Page { items, next: None };
                return world
                    .output
                    .result(command.json, &page, || withdrawn_text(&page.items));
            }
            let items = admin.rotate(ring).await?;
            let page = Page { items, next: None };
            world
                .output
                .result(command.json, &page, || rotated_table(&page.items))
        }
    }
}

fn listed_table(keys: &[ListedKey]) -> String {
    let row = |listed: &ListedKey| {
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
