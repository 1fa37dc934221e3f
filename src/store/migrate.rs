//! The tables: embedded migrations, the same file names for every back end.
//!
//! A migration expands (`0002_expand_nodes.sql`: tables, columns and indexes that the version before does not miss) or
//! contracts (takes away what no version in use needs, a release later). So nodes of two neighbouring versions work on
//! one database while one after the other is restarted. Filling new columns is a job of the server, never a migration:
//! no start waits for it.

use std::time::Duration;

use serde::Serialize;
use sqlx::{
    ConnectOptions, Connection,
    migrate::{MigrateError as SqlxError, Migrator},
    sqlite::SqliteConnectOptions,
};

use crate::{
    base::file::private,
    store::{
        db::{Location, connect_to_postgres, sqlite_options},
        error::StoreError,
    },
};

/// Why a database was not brought up to date. Nothing was changed, or everything up to the migration that failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer version has been here.
    #[error(
        "the database has the migration {version} ({name}), which this version of Postern does not know and cannot work \
         with; run the version that made it, or a newer one"
    )]
    Ahead {
        /// Its number.
        version: i64,
        /// Its name.
        name: String,
    },
    /// A migration did not run, or is not the one that ran here before.
    #[error("the tables cannot be brought up to date: {0}")]
    Failed(String),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a migration does to the version before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It goes on working.
    Expand,
    /// It does not.
    Contract,
}

impl Kind {
    /// Told by the name of the file.
    fn of(name: &str) -> Self {
        if name.starts_with("contract") {
            Self::Contract
        } else {
            Self::Expand
        }
    }
}

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It has run.
    Applied,
    /// It runs at the next start.
    Pending,
    /// It was made by the next version, and this one works with it.
    Ahead,
}

/// A migration of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// What it does to the version before.
    pub kind: Kind,
    /// Where it stands.
    pub progress: Progress,
    /// Its text, when it would run.
    pub sql: Option<String>,
}

/// How often a process looks again, and how long it waits before: a migration takes moments.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// A migration by number and name.
type Named = (i64, String);

/// What would run on a database, and what has; nothing is changed.
pub async fn plan(location: &Location) -> Result<Vec<Step>, MigrateError> {
    const APPLIED: &str = "SELECT version, description FROM _sqlx_migrations WHERE success ORDER BY version";
    let applied: Result<Vec<Named>, sqlx::Error> = match location {
        Location::Sqlite(path) => {
            // Without the options that would write to an empty file.
            let options = SqliteConnectOptions::new().filename(path).read_only(true);
            let mut connection = options.connect().await.map_err(store)?;
            sqlx::query_as(APPLIED).fetch_all(&mut connection).await
        }
        Location::Postgres(options) => {
            let mut connection = connect_to_postgres(options.direct()).await?;
            sqlx::query_as(APPLIED).fetch_all(&mut connection).await
        }
    };
    let applied = match applied {
        Err(sqlx::Error::Database(error)) if is_missing_table(error.as_ref()) => Vec::new(),
        applied => applied.map_err(store)?,
    };
    steps(&files(location), &applied)
}

/// Brings a database up to date; makes the file of an embedded one when `create` says so. Runs before the pool is
/// opened, since prepared statements do not survive a change of the tables.
pub async fn run(location: &Location, create: bool) -> Result<(), MigrateError> {
    if create && let Location::Sqlite(path) = location {
        // An empty file is an empty database. SQLite gives its mode to the files beside it.
        let made = private().append(true).create(true).open(path);
        made.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    }
    // SQLite has no lock for this: where another process is at it, this one fails, and looks again.
    for _ in 0..PATIENCE {
        if is_up_to_date(location).await? || matches!(run_pending(location).await, Ok(Ok(()))) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    match run_pending(location).await? {
        Ok(()) => Ok(()),
        Err(SqlxError::Execute(error)) => Err(store(error)),
        Err(error) => Err(MigrateError::Failed(error.to_string())),
    }
}

/// Runs what has not run: how that went, or why it could not begin.
async fn run_pending(location: &Location) -> Result<Result<(), SqlxError>, MigrateError> {
    match location {
        Location::Sqlite(path) => {
            let mut connection = sqlite_options(path).connect().await.map_err(store)?;
            let ran = files(location).run(&mut connection).await;
            connection.close().await.map_err(store)?;
            Ok(ran)
        }
        Location::Postgres(options) => {
            // Straight to the server: the lock against a second one belongs to the connection.
            let mut connection = connect_to_postgres(options.direct()).await?;
            let ran = files(location).run(&mut connection).await;
            connection.close().await.map_err(store)?;
            Ok(ran)
        }
    }
}

async fn is_up_to_date(location: &Location) -> Result<bool, MigrateError> {
    let steps = plan(location).await?;
    Ok(steps.iter().all(|step| step.progress != Progress::Pending))
}

/// The migrations that this version knows. What another version ran is judged by [`steps`].
fn files(location: &Location) -> Migrator {
    let mut files = match location {
        Location::Sqlite(_) => sqlx::migrate!("migrations/sqlite"),
        Location::Postgres(_) => sqlx::migrate!("migrations/postgres"),
    };
    files.set_ignore_missing(true);
    files
}

/// What there is to do; or why this version must not work on the database: it is served one expansion ahead, no more.
fn steps(known: &Migrator, applied: &[Named]) -> Result<Vec<Step>, MigrateError> {
    let known_steps = known.iter().map(|migration| {
        let is_applied = applied.iter().any(|(version, _)| *version == migration.version);
        Step {
            version: migration.version,
            name: migration.description.to_string(),
            kind: Kind::of(&migration.description),
            progress: if is_applied {
                Progress::Applied
            } else {
                Progress::Pending
            },
            sql: (!is_applied).then(|| migration.sql.as_str().to_owned()),
        }
    });
    let mut steps: Vec<Step> = known_steps.collect();
    let mut unknown = applied
        .iter()
        .filter(|(version, _)| !known.version_exists(*version));
    if let Some((version, name)) = unknown.next() {
        steps.push(Step {
            version: *version,
            name: name.clone(),
            kind: Kind::of(name),
            progress: Progress::Ahead,
            sql: None,
        });
    }
    let refused = steps
        .iter()
        .find(|step| step.progress == Progress::Ahead && step.kind == Kind::Contract)
        .map(|step| (step.version, step.name.clone()));
    match refused.or_else(|| unknown.next().cloned()) {
        Some((version, name)) => Err(MigrateError::Ahead { version, name }),
        None => Ok(steps),
    }
}

fn is_missing_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    // 42P01 is PostgreSQL's `undefined_table`; for SQLite it is an error like any other.
    error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
}

fn store(error: sqlx::Error) -> MigrateError {
    MigrateError::Store(error.into())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn judged(ahead: &[(i64, &str)]) -> Result<Vec<Progress>, String> {
        let known = files(&Location::Sqlite(PathBuf::new()));
        let mut applied: Vec<Named> = known
            .iter()
            .map(|file| (file.version, file.description.to_string()))
            .collect();
        applied.extend(ahead.iter().map(|(version, name)| (*version, (*name).to_owned())));
        let steps = steps(&known, &applied).map_err(|error| error.to_string())?;
        Ok(steps
            .iter()
            .map(|step| step.progress)
            .filter(|progress| *progress != Progress::Applied)
            .collect())
    }

    #[test]
    fn one_expansion_of_the_next_version_is_served_and_nothing_further() {
        assert_eq!(judged(&[]), Ok(vec![]));
        assert_eq!(judged(&[(9001, "expand logout")]), Ok(vec![Progress::Ahead]));
        let contract = judged(&[(9001, "contract logout")]).expect_err("refused");
        assert!(
            contract.contains("migration 9001 (contract logout)"),
            "{contract}"
        );
        let two = judged(&[(9001, "expand logout"), (9002, "expand more")]).expect_err("refused");
        assert!(two.contains("migration 9002 (expand more)"), "{two}");
    }
}
