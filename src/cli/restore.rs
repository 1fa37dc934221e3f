//! `postern restore FILE`: a copy in the place of the database, with what ended since it was made.
//!
//! Everything happens to a second copy beside the database, which takes its place at the very end: a restore that is
//! interrupted or refused has changed nothing, and can be run again.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    app::{App, Surroundings},
    base::time::Instant,
    cli::{
        backup::{embedded, sync_folder_of},
        folder,
        place::Place,
        words::{self, shell},
        world::World,
    },
    config::{Config, Overrides},
    domain::event::EventLine,
    flows::restore::{self, Report, Restoring},
    ports::lock::{DatabaseLock, beside},
    store::{
        backup,
        db::{Db, Location},
        restoring::Effect,
    },
};

/// No event is longer than this.
const MAX_LINE: u64 = 64 * 1024;

/// Restore a copy of the database.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("since").required(true))]
pub(super) struct RestoreCommand {
    /// The file that `postern backup` made
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// What happened since, as `postern events export` printed it: what ended then is ended again
    #[arg(long, group = "since", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ends: Option<PathBuf>,
    /// There is no such file: sessions that ended since, people who were disabled, apps that were removed and passwords
    /// that were changed are back as they were
    #[arg(long, group = "since")]
    none: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Restored {
    database: PathBuf,
    /// Where the database is now that was there before.
    replaced: Option<PathBuf>,
    /// Whether what ended since was not known.
    without_ends: bool,
    #[serde(flatten)]
    report: Report,
}

pub(super) async fn run(command: RestoreCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let config = world.config(place, &Overrides::default())?;
    let database = embedded(&config)?.to_owned();
    let file = &command.file;
    let _lock = DatabaseLock::exclusive(&database)?;
    if let Some(ends) = &command.ends {
        // Before anything is made: a file that cannot be read to its end is no file to restore by.
        for line in events_of(ends)? {
            line?;
        }
    }
    let staged = Staged::copy(file, &database)?;
    let unusable = || format!("{} cannot be restored; nothing was changed", file.display());
    backup::check(&staged.database).await.with_context(unusable)?;
    let restored = bring_up(
        &config,
        &staged,
        world.surroundings.clone(),
        command.ends.as_deref(),
    )
    .await;
    let report = restored.with_context(unusable)?;
    let replaced = staged
        .put_in_place(&database, world.surroundings.clock.now())
        .await?;
    let restored = Restored {
        database,
        replaced,
        without_ends: command.none,
        report,
    };
    world
        .output
        .result(command.json, &restored, || shown(&restored, file))
}

/// Opens the copy as a server does, which checks its tables and the root secret, and writes again what it has lost.
async fn bring_up(
    config: &Config,
    staged: &Staged,
    surroundings: Surroundings,
    ends: Option<&Path>,
) -> anyhow::Result<Report> {
    let mut config = config.clone();
    config.database.location = Location::Sqlite(staged.database.clone());
    backup::make_ready(&staged.database).await?;
    let app = App::open(&config, surroundings).await?;
    let mut restoring = Restoring::begin(&app.provider).await?;
    if let Some(ends) = ends {
        for line in events_of(ends)? {
            let (line, effect) = line?;
            restoring.write_again(line, effect).await?;
        }
    }
    let report = restoring.report();
    app.close().await;
    Ok(report)
}

/// The events in a file, one a line; what cannot be read is named by its number.
fn events_of(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<(EventLine, Effect)>>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let mut file = BufReader::new(File::open(path).with_context(unreadable)?);
    let name = path.display().to_string();
    let mut number = 0;
    Ok(std::iter::from_fn(move || {
        number += 1;
        let event = next_event(&mut file);
        event
            .with_context(|| format!("line {number} of {name} cannot be used; nothing was changed"))
            .transpose()
    }))
}

fn next_event(file: &mut impl BufRead) -> anyhow::Result<Option<(EventLine, Effect)>> {
    let mut line = String::new();
    let read = file.by_ref().take(MAX_LINE).read_line(&mut line)?;
    if read == 0 {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix('\n') else {
        bail!("it does not end: the file was cut off, or this is no line of `postern events export`");
    };
    Ok(Some(restore::read(line)?))
}

/// The copy while it is being brought up, in a folder of its own beside the database.
struct Staged {
    folder: PathBuf,
    database: PathBuf,
}

impl Staged {
    fn copy(file: &Path, database: &Path) -> anyhow::Result<Self> {
        let log = beside(file, "-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            bail!(
                "{} is a database in use, not a backup: what {} holds would be lost; make a backup with \
                 `postern backup`",
                file.display(),
                log.display()
            );
        }
        let place = beside(database, ".restoring");
        let staged = Self {
            database: place.join("copy.db"),
            folder: place,
        };
        // What an interrupted restore left.
        if staged.folder.exists() {
            fs::remove_dir_all(&staged.folder)
                .with_context(|| format!("{} cannot be deleted", staged.folder.display()))?;
        }
        folder::make(&staged.folder)?;
        let copy = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            io::copy(&mut File::open(file)?, &mut options.open(&staged.database)?)?;
            Ok(())
        };
        copy().with_context(|| format!("{} cannot be copied; nothing was changed", file.display()))?;
        Ok(staged)
    }

    /// Puts the copy in the place of the database, which gets another name: where it is then.
    async fn put_in_place(self, database: &Path, now: Instant) -> anyhow::Result<Option<PathBuf>> {
        File::open(&self.database)?.sync_all()?;
        let replaced = keep(database, now).await?;
        let put = fs::rename(&self.database, database).and_then(|()| sync_folder_of(database));
        put.with_context(|| format!("{} cannot be replaced", database.display()))?;
        Ok(replaced)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // The next restore deletes it, if this does not work.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Gives the database that is there a second name. The first one stays until the copy takes it: there is always a
/// database. A log beside it goes, too, also where the database itself is gone: it would be taken for the copy's own.
async fn keep(database: &Path, now: Instant) -> anyhow::Result<Option<PathBuf>> {
    // To be closed in order: then everything is in the one file. A database that is broken is kept as it is.
    if let Ok(db) = Db::open(&Location::Sqlite(database.to_owned())).await {
        db.close().await;
    }
    let mut names = (0..).map(|n| beside(database, &format!(".replaced-{}", now.millis() + n)));
    let is_free = |name: &PathBuf| !name.exists() && !beside(name, "-wal").exists();
    let kept = names.find(is_free).unwrap_or_default();
    let is_there = database.exists();
    let keep = || -> io::Result<()> {
        if is_there {
            fs::hard_link(database, &kept)?;
        }
        for end in ["-wal", "-shm"] {
            let log = beside(database, end);
            if log.exists() {
                fs::rename(&log, beside(&kept, end))?;
            }
        }
        Ok(())
    };
    keep().with_context(|| format!("{} cannot be kept as {}", database.display(), kept.display()))?;
    Ok(is_there.then_some(kept))
}

fn shown(restored: &Restored, file: &Path) -> String {
    let Restored {
        database,
        replaced,
        without_ends,
        report,
    } = restored;
    let mut parts = vec![format!(
        "{} is in place as {}.",
        file.display(),
        database.display()
    )];
    if let Some(replaced) = replaced {
        parts.push(format!(
            "The database that was there is kept: {0}\nWhen you need it no more: rm {1}*",
            replaced.display(),
            shell(replaced)
        ));
    }
    if *without_ends {
        parts.push(
            "Whatever ended since the backup was made is alive again: sessions, people who were disabled, apps that \
             were\nremoved, older passwords. Look through `postern session list` and `postern user list`."
                .to_owned(),
        );
    } else {
        parts.push(format!(
            "Events that the backup had lost: {}; {}.",
            report.lost,
            words::ended(report.ended)
        ));
    }
    if report.sessions_lost > 0 {
        let lost = i64::try_from(report.sessions_lost).unwrap_or(i64::MAX);
        parts.push(format!(
            "{} opened since the backup: these people sign in again.",
            words::count(lost, "app session")
        ));
    }
    if report.keys_lost > 0 {
        parts.push(
            "Keys were rotated since the backup, and older ones are back. If one of them must not be used: postern keys \
             rotate"
                .to_owned(),
        );
    }
    let names = |what: &str, names: &std::collections::BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(|name| format!("\n  {name}")).collect();
        (!names.is_empty()).then(|| format!("{what}{}", names.concat()))
    };
    parts.extend(names(
        "Changed their password since, and are signed out; the older one counts again. Set a new one with\n\
         `postern user password`:",
        &report.old_passwords,
    ));
    parts.extend(names("Added since, and to be added again:", &report.users_lost));
    parts.extend(names(
        "Apps added since, and to be added again:",
        &report.clients_lost,
    ));
    parts.join("\n\n")
}
