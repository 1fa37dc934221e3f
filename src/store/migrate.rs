//! The tables: embedded migrations, the same file names for every back end.

use std::path::Path;

use sqlx::{ConnectOptions, Connection};

use crate::store::{
    db::sqlite_options,
    error::{Result, StoreError},
};

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// Brings an embedded database up to date; makes the file when `create` says so. Runs before the pool is opened,
/// since prepared statements do not survive a change of the tables.
pub async fn sqlite(path: &Path, create: bool) -> Result<()> {
    let mut connection = sqlite_options(path).create_if_missing(create).connect().await?;
    SQLITE
        .run(&mut connection)
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    connection.close().await?;
    Ok(())
}
