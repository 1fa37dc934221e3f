//! `postern restore FILE`: a copy in the place of the database, with what ended since it was made. A PostgreSQL database
//! is restored by its own means; then this only writes again what ended.
//!
//! Everything happens to a second copy beside the database, which takes its place at the very end: a restore that is
//! interrupted or refused has changed nothing, and can be run again.

mod lines;
mod staged;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use self::{lines::events_of, staged::Staged};
use crate::{
    app::{App, Surroundings},
    base::time::Instant,
    cli::{
        failure::Usage,
        place::Place,
        words::{self, shell},
        world::World,
    },
    config::{Config, Overrides},
    flows::restore::{Report, Restoring},
    ports::lock::DatabaseLock,
    store::{backup, db::Location},
};

/// Restore a copy of the database.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("since").required(true))]
pub(super) struct RestoreCommand {
    /// The file that `postern backup` made; none for PostgreSQL, which was restored by its own means before this
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
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
    database: String,
    /// Where the database is now that was there before.
    replaced: Option<PathBuf>,
    /// Whether what ended since was not known.
    without_ends: bool,
    #[serde(flatten)]
    report: Report,
}

pub(super) async fn run(command: RestoreCommand, place: &Place, world: &mut World) -> anyhow::Result<()> {
    let config = world.config(place, &Overrides::default())?;
    if let Some(ends) = &command.ends {
        // Before anything is made: a file that cannot be read to its end is no file to restore by.
        for line in events_of(ends)? {
            line?;
        }
    }
    let restored = match (&config.database.location, &command.file) {
        (Location::Sqlite(database), Some(file)) => {
            let at = world.surroundings.clock.now();
            put_in_place(&config, &command, file, database, world.surroundings.clone(), at).await?
        }
        (Location::Sqlite(_), None) => {
            return Err(Usage("name the file that `postern backup` made".to_owned()).into());
        }
        (Location::Postgres(_), Some(_)) => bail!(
            "a PostgreSQL database is restored by PostgreSQL's own means (see docs/backup.md); afterwards, before the \
             first node starts: postern restore --ends FILE"
        ),
        (Location::Postgres(_), None) if command.none => bail!(
            "there is nothing to do: a PostgreSQL database is restored by PostgreSQL's own means, and --none writes \
             nothing again"
        ),
        (Location::Postgres(_), None) => Restored {
            database: config.database.location.to_string(),
            replaced: None,
            without_ends: false,
            report: write_again(&config, world.surroundings.clone(), command.ends.as_deref()).await?,
        },
    };
    world.output.result(command.json, &restored, || {
        shown(&restored, command.file.as_deref())
    })
}

/// Puts a copy in the place of an embedded database.
async fn put_in_place(
    config: &Config,
    command: &RestoreCommand,
    file: &Path,
    database: &Path,
    surroundings: Surroundings,
    now: Instant,
) -> anyhow::Result<Restored> {
    let _lock = DatabaseLock::exclusive(database)?;
    let staged = Staged::copy(file, database)?;
    let unusable = || format!("{} cannot be restored; nothing was changed", file.display());
    backup::check(&staged.database).await.with_context(unusable)?;
    backup::make_ready(&staged.database)
        .await
        .with_context(unusable)?;
    let mut copy = config.clone();
    copy.database.location = Location::Sqlite(staged.database.clone());
    let report = write_again(&copy, surroundings, command.ends.as_deref()).await;
    let report = report.with_context(unusable)?;
    let replaced = staged.put_in_place(database, now).await?;
    Ok(Restored {
        database: database.display().to_string(),
        replaced,
        without_ends: command.none,
        report,
    })
}

/// Opens a database as a server does, which checks its tables and the root secret, and writes again what it has lost.
async fn write_again(
    config: &Config,
    surroundings: Surroundings,
    ends: Option<&Path>,
) -> anyhow::Result<Report> {
    let app = App::open(config, surroundings).await?;
    let mut restoring = Restoring::begin(&app.provider).await?;
    if let Some(ends) = ends {
        for line in events_of(ends)? {
            restoring.write_again(line?).await?;
        }
    }
    let report = restoring.finish().await?;
    app.close().await;
    Ok(report)
}

fn shown(restored: &Restored, file: Option<&Path>) -> String {
    let Restored {
        database,
        replaced,
        without_ends,
        report,
    } = restored;
    let mut parts = vec![match file {
        Some(file) => format!("{} is in place as {database}.", file.display()),
        None => format!("What ended is written again: {database}."),
    }];
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
            "Keys were rotated since the backup, and older ones are back. If one of them must not be used, run `postern keys \
             rotate`."
                .to_owned(),
        );
    }
    if report.withdrawn_keys > 0 {
        parts.push(
            "Keys were withdrawn since the backup, and are back: to withdraw them again, before the server is started, run \
             `postern keys rotate --compromised --all`."
                .to_owned(),
        );
    }
    let names = |what: &str, names: &std::collections::BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(|name| format!("\n  {name}")).collect();
        (!names.is_empty()).then(|| format!("{what}{}", names.concat()))
    };
    parts.extend(names(
        "Changed their password since, and are signed out; the older one counts again. Set a new one with\n\
         `postern user password EMAIL`:",
        &report.old_passwords,
    ));
    parts.extend(names("Added since, and to be added again:", &report.users_lost));
    parts.extend(names(
        "Apps added since, and to be added again:",
        &report.clients_lost,
    ));
    parts.extend(names(
        "Apps whose secret was made since, and is lost (postern client secret rotate):",
        &report.secrets_lost,
    ));
    parts.join("\n\n")
}
