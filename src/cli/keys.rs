//! `postern keys list`.

use clap::{Args, Subcommand};

use crate::{
    base::{page::Page, time::Instant},
    cli::{place::Place, table::table, world::World},
    domain::key::KeyInfo,
    flows::keys,
};

/// List the keys of the server.
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
    /// List every key: its ring, where it stands and since when
    List,
}

pub(super) async fn run(command: &KeysCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let Verb::List = command.verb;
    let app = world.app(place).await?;
    let items = keys::list(&app.provider.db).await?;
    let page = Page { items, next: None };
    world.output.result(command.json, &page, || {
        let row = |key: &KeyInfo| {
            let (state, since) = key.state.to_columns();
            [
                key.ring.as_str().to_owned(),
                key.id.to_string(),
                state.to_owned(),
                since.map(Instant::to_rfc3339).unwrap_or_default(),
                key.created_at.to_rfc3339(),
            ]
        };
        table(
            ["RING", "KID", "STATE", "SINCE", "MADE"],
            page.items.iter().map(row),
        )
    })
}
