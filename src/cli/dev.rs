//! `postern dev`: tools for development and benchmarks.

mod progress;
mod seed;

use clap::{Args, Subcommand};

use self::seed::SeedCommand;
use crate::cli::{place::Place, world::World};

/// Tools for development. None of them is for a database that people use.
#[derive(Debug, Args)]
pub(super) struct DevCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fill the database with people and sessions that nobody has
    Seed(SeedCommand),
}

pub(super) async fn run(command: DevCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    match command.verb {
        Verb::Seed(command) => seed::run(command, place, world).await,
    }
}
