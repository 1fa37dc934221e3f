//! `postern events export`: what happened, as lines of JSON.

use clap::{Args, Subcommand};

use crate::{
    base::text::Email,
    cli::{moment::Moment, place::Place, world::World},
    domain::{event_filter::EventFilter, event_kind::EventKind},
};

/// How many events are read at once.
const PAGE: i64 = 500;

/// Export what happened.
#[derive(Debug, Args)]
pub(super) struct EventsCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print events as lines of JSON, oldest first
    Export {
        /// From this time on: a date as 2026-11-22T10:00:00Z, or how long ago, as 2h
        #[arg(long, value_name = "TIME")]
        since: Moment,
        /// Until before this time [default: now]
        #[arg(long, value_name = "TIME")]
        until: Option<Moment>,
        /// Only events of this kind, such as session.ended
        #[arg(long, value_name = "KIND")]
        kind: Option<EventKind>,
        /// Only events about this person
        #[arg(long, value_name = "EMAIL")]
        user: Option<Email>,
    },
}

pub(super) async fn run(command: EventsCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let Verb::Export {
        since,
        until,
        kind,
        user,
    } = command.verb;
    let admin = world.admin(place).await?;
    let now = admin.now();
    let user = match user {
        Some(email) => Some(admin.user(&email).await?.id),
        None => None,
    };
    let filter = EventFilter {
        kind,
        user,
        since: Some(since.at(now)),
        until: until.map(|until| until.at(now)),
        ..EventFilter::default()
    };
    let mut after = None;
    loop {
        let page = admin.events(&filter, after, PAGE).await?;
        if !page.items.is_empty() {
            let lines: Result<Vec<_>, _> = page.items.iter().map(serde_json::to_string).collect();
            world.output.line(lines?.join("\n"))?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
