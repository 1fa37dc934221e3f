//! `postern migrate`: brings the tables up to date, or says what that would do.

use clap::Args;
use serde::Serialize;

use crate::{
    app::AppError,
    cli::{place::Place, world::World},
    config::Overrides,
    store::migrate::{self, Progress, Step},
};

/// Bring the tables of the database up to date. `postern serve` does so too; this does it before, and by itself.
#[derive(Debug, Args)]
pub(super) struct MigrateCommand {
    /// Print what would run, and run nothing
    #[arg(long)]
    plan: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Migrations {
    migrations: Vec<Step>,
}

pub(super) async fn run(command: &MigrateCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let config = world.config(place, &Overrides::default())?;
    let location = &config.database.location;
    if let Some(file) = config.database.file().filter(|file| !file.is_file()) {
        return Err(AppError::NoDatabase(file.to_owned()).into());
    }
    let before = Migrations {
        migrations: migrate::plan(location).await?,
    };
    if command.plan {
        return world
            .output
            .result(command.json, &before, || planned(&before.migrations));
    }
    migrate::run(location, false).await?;
    let after = Migrations {
        migrations: migrate::plan(location).await?,
    };
    let ran = pending(&before.migrations).count();
    world.output.result(command.json, &after, || match ran {
        0 => "The tables are up to date; nothing was to do.".to_owned(),
        1 => "The tables are up to date; one migration was run.".to_owned(),
        ran => format!("The tables are up to date; {ran} migrations were run."),
    })
}

fn pending(steps: &[Step]) -> impl Iterator<Item = &Step> {
    steps.iter().filter(|step| step.progress == Progress::Pending)
}

fn planned(steps: &[Step]) -> String {
    let texts: Vec<String> = pending(steps)
        .map(|step| {
            let sql = step.sql.as_deref().unwrap_or_default();
            format!("-- would run: {} {}\n{}", step.version, step.name, sql.trim_end())
        })
        .collect();
    if texts.is_empty() {
        return "The tables are up to date; nothing would run.".to_owned();
    }
    texts.join("\n\n")
}
