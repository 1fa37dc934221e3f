//! `postern backup FILE`: a copy of the database, made beside the running server.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    app::AppError,
    base::{
        file::{beside, private, put_in_place},
        time::{Instant, Lifetime},
    },
    cli::{
        output::Output,
        place::Place,
        words::{self, shell},
        world::World,
    },
    config::{Config, Overrides},
    ports::lock::DatabaseLock,
    store::backup,
};

/// Copy the database.
#[derive(Debug, Args)]
pub(super) struct BackupCommand {
    /// The file to make
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Longer than anything that is asked for takes to be durable. What an export holds twice is done once.
const UNDER_WAY: Lifetime = Lifetime::from_secs(600);

#[derive(Serialize)]
struct Made<'a> {
    file: &'a Path,
    bytes: u64,
    /// What happened later may not be in it: a change has the time at which it was asked for, some seconds before it is
    /// durable.
    at: Instant,
    /// Of the root secret without which the copy is worth nothing.
    root_secret_fingerprint: String,
}

pub(super) async fn run(command: BackupCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let BackupCommand { file, json } = command;
    let config = world.config(place, &Overrides::default())?;
    let database = embedded(&config)?;
    if !database.is_file() {
        return Err(AppError::NoDatabase(database.to_owned()).into());
    }
    let _lock = DatabaseLock::shared(database)?;
    let at = world.surroundings.clock.now().minus(UNDER_WAY);
    let unfinished = Unfinished::begin(&file)?;
    let progress = world.output.is_rich() && !json;
    copy(database, &unfinished.path, progress.then_some(&mut world.output)).await?;
    let checked = backup::check(&unfinished.path).await;
    let fingerprint = checked.context("the copy is not what it should be, and was deleted")?;
    let bytes = unfinished.finish(&file)?;
    let made = Made {
        file: &file,
        bytes,
        at,
        root_secret_fingerprint: fingerprint,
    };
    world.output.result(json, &made, || shown(&made))
}

/// The file of the embedded database; PostgreSQL has tools of its own.
pub(super) fn embedded(config: &Config) -> anyhow::Result<&Path> {
    config.database.file().with_context(|| {
        format!(
            "{} is copied and restored by PostgreSQL's own tools: docs/backup.md says how, and what to do with what \
             ended since",
            config.database.location
        )
    })
}

/// Copies, and says how far it is about twice a second to whoever watches.
async fn copy(database: &Path, to: &Path, mut watched: Option<&mut Output>) -> anyhow::Result<()> {
    let whole = backup::size(database).await?.max(1);
    let copying = backup::copy(database, to);
    tokio::pin!(copying);
    loop {
        match tokio::time::timeout(Duration::from_millis(500), &mut copying).await {
            Ok(copied) => return Ok(copied?),
            Err(_elapsed) => {
                if let Some(output) = &mut watched {
                    let bytes = fs::metadata(to).map_or(0, |file| file.len());
                    let percent = (bytes * 100 / whole).min(99);
                    output.line(format_args!("{percent:>3} % of about {}", words::size(whole)))?;
                }
            }
        }
    }
}

/// The copy under another name, until it is whole. Deleted when it does not come to that.
struct Unfinished {
    path: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    /// Makes the empty file, for its owner only. It is also what keeps a second backup of the same name away.
    fn begin(file: &Path) -> anyhow::Result<Self> {
        if fs::symlink_metadata(file).is_ok() {
            bail!(
                "{} is there already and was not touched; choose another name",
                file.display()
            );
        }
        let path = beside(file, ".unfinished");
        match private().write(true).create_new(true).open(&path) {
            Ok(_empty) => Ok(Self {
                path,
                is_finished: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
                "{0} is there: another backup to this name is running, or was interrupted; when none is running, \
                 delete it: rm {1}",
                path.display(),
                shell(&path)
            ),
            Err(error) => Err(error).with_context(|| {
                format!(
                    "{} cannot be made; choose a folder that is there and is yours",
                    path.display()
                )
            }),
        }
    }

    /// Puts it on disk and gives it its name. How many bytes it has.
    fn finish(mut self, file: &Path) -> anyhow::Result<u64> {
        let named = put_in_place(&self.path, file).and_then(|()| fs::metadata(file));
        let copy = named.with_context(|| format!("{} cannot be written", file.display()))?;
        self.is_finished = true;
        Ok(copy.len())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            // There is nobody left to tell if this does not work.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn shown(made: &Made<'_>) -> String {
    format!(
        "Wrote {}: {}, every page of it checked.\n\n\
         The root secret is not in it. To use it, you need the one with the fingerprint {}, kept elsewhere.\n\
         What ends from now on is not in it either. Keep the events, too:\n  \
         postern events export --since {} > ends.jsonl",
        made.file.display(),
        words::size(made.bytes),
        made.root_secret_fingerprint,
        made.at.to_rfc3339(),
    )
}
