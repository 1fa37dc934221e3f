//! `postern events export`: what happened, as lines of JSON.

use clap::{Args, Subcommand};

use crate::{
    cli::{moment::Moment, place::Place, world::World},
    flows::events::Export,
};

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
    },
}

pub(super) async fn run(command: EventsCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let Verb::Export { since, until } = command.verb;
    let app = world.app(place).await?;
    let now = app.provider.clock.now();
    let mut export = Export::new(since.at(now), until.map(|until| until.at(now)));
    loop {
        let page = export.next(&app.provider).await?;
        if page.is_empty() {
            return Ok(());
        }
        let lines: Result<Vec<_>, _> = page.iter().map(serde_json::to_string).collect();
        world.output.line(lines?.join("\n"))?;
    }
}
