//! The tables: embedded migrations, the same file names for every back end.

use std::{fs::OpenOptions, io, path::Path};

use sqlx::{ConnectOptions, Connection};

use crate::store::{
    db::sqlite_options,
    error::{Result, StoreError},
};

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// Brings an embedded database up to date; makes the file when `create` says so. Runs before the pool is opened,
/// since prepared statements do not survive a change of the tables.
pub async fn sqlite(path: &Path, create: bool) -> Result<()> {
    if create {
        create_private(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    }
    let mut connection = sqlite_options(path).connect().await?;
    SQLITE
        .run(&mut connection)
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    connection.close().await?;
    Ok(())
}

/// An empty file is an empty database. Only its owner reads it, and SQLite gives its mode to the files beside it.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
