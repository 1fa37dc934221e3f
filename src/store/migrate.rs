//! The tables: embedded migrations, the same file names for every back end.

use std::{fs::OpenOptions, io, path::Path};

use sqlx::{
    ConnectOptions, Connection,
    migrate::{MigrateError, Migrator},
};

use crate::store::{
    db::{Location, sqlite_options},
    error::{Result, StoreError},
};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Brings a database up to date; makes the file of an embedded one when `create` says so. Runs before the pool is
/// opened, since prepared statements do not survive a change of the tables.
pub async fn run(location: &Location, create: bool) -> Result<()> {
    match location {
        Location::Sqlite(path) => {
            if create {
                create_private(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            }
            let mut connection = sqlite_options(path).connect().await?;
            SQLITE.run(&mut connection).await.map_err(refused)?;
            connection.close().await?;
        }
        Location::Postgres(options) => {
            // Straight to the server: the lock against a second one belongs to the connection.
            let mut connection = options.direct().options().connect().await?;
            POSTGRES.run(&mut connection).await.map_err(refused)?;
            connection.close().await?;
        }
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
fn refused(error: MigrateError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// An empty file is an empty database. Only its owner reads it, and SQLite gives its mode to the files beside it.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
