//! Copies of an embedded database: made beside a process that serves, and checked before they are trusted.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::store::{db::sqlite_options, error::StoreError, facts};

/// Why a file is no backup.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It cannot be read as a database.
    #[error("it cannot be read as a database of Postern: {0}")]
    Unreadable(String),
    /// It was changed by something else, or its disk is failing.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The check value of the root secret is missing.
    #[error("it holds no keys: it was not made by `postern init`")]
    Empty,
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Writes the database, as it is at one moment, into the empty file `to`. Others read and write it meanwhile; what they
/// write is not in the copy, and stays in the write-ahead log until the copy is done.
pub async fn copy(database: &Path, to: &Path) -> Result<(), StoreError> {
    let mut connection = sqlite_options(database).read_only(true).connect().await?;
    let name = to
        .to_str()
        .ok_or_else(|| StoreError::Unavailable("the file's name is not UTF-8".to_owned()))?;
    sqlx::query("VACUUM INTO $1")
        .bind(name)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

/// Makes a copy what a server can open: a copy has no write-ahead log yet, and readers cannot begin one.
pub async fn make_ready(path: &Path) -> Result<(), StoreError> {
    sqlite_options(path).connect().await?.close().await?;
    Ok(())
}

/// How many bytes a copy of the database has, about.
pub async fn size(database: &Path) -> Result<u64, StoreError> {
    let mut connection = sqlite_options(database).read_only(true).connect().await?;
    let sql = "SELECT (c.page_count - f.freelist_count) * s.page_size
         FROM pragma_page_count c, pragma_freelist_count f, pragma_page_size s";
    let bytes: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Checks a database that nobody has open: every page and index of it. Gives the fingerprint of the root secret that
/// seals its keys.
pub async fn check(path: &Path) -> Result<String, CopyError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = options.disable_statement_logging().connect().await?;
    let checked = check_all(&mut connection).await;
    connection.close().await?;
    checked
}

async fn check_all(connection: &mut SqliteConnection) -> Result<String, CopyError> {
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(10)")
        .fetch_all(&mut *connection)
        .await?;
    if found != ["ok"] {
        return Err(CopyError::Damaged(found.join("; ")));
    }
    let root: Option<Vec<u8>> = sqlx::query_scalar(facts::FIND.sql().sqlite)
        .bind(facts::ROOT_CHECK)
        .fetch_optional(connection)
        .await?;
    let root = root.ok_or(CopyError::Empty)?;
    let (fingerprint, _sealed) = facts::parts_of_root_check(&root).ok_or(CopyError::Empty)?;
    Ok(fingerprint)
}
