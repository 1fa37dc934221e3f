//! The embedded database: many rows a statement, thousands a transaction, and nobody else at the file.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, SqlSafeStr, SqlStr, SqliteConnection,
    sqlite::{SqliteArguments, SqliteLockingMode, SqliteSynchronous},
};

use super::{Part, rows::Cell};
use crate::store::{
    db::sqlite_options,
    error::{Result, StoreError},
};

/// How many rows one statement adds: more make it no faster.
const ROWS: usize = 64;
/// How long a command that is just ending is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// 256 MiB, as SQLite wants it written: what is sorted and what is filled at random stays in memory.
const CACHE: &str = "-262144";
/// An index that no constraint makes; of one that does there is no text.
const PARTS: &str = "SELECT sql AS make, 'DROP INDEX ' || name AS \"drop\" FROM sqlite_schema
    WHERE type = 'index' AND sql LIKE 'CREATE INDEX %' AND tbl_name IN ";

/// A connection that has the file for itself.
#[derive(Debug)]
pub(super) struct Sqlite(SqliteConnection);

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Option<Self>> {
        let options = sqlite_options(path)
            .locking_mode(SqliteLockingMode::Exclusive)
            // A killed process loses nothing by it, a power failure the last seconds.
            .synchronous(SqliteSynchronous::Normal)
            // Every row refers to one that was added before it.
            .foreign_keys(false)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", "FILE")
            .busy_timeout(PATIENCE);
        let opened = async {
            let mut connection = options.connect().await?;
            // The lock is taken with the first write.
            connection.execute("BEGIN IMMEDIATE; COMMIT").await?;
            Ok(connection)
        };
        match opened.await {
            Ok(connection) => Ok(Some(Self(connection))),
            Err(error) if is_locked(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn texts(&mut self, text: &str) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(safe(text)).fetch_all(&mut self.0).await?)
    }

    pub(super) async fn run(&mut self, text: &str) -> Result<()> {
        self.0.execute(sqlx::raw_sql(safe(text))).await?;
        Ok(())
    }

    pub(super) async fn parts(&mut self, tables: &[&str]) -> Result<Vec<Part>> {
        let text = format!("{PARTS}('{}')", tables.join("', '"));
        Ok(sqlx::query_as(safe(&text)).fetch_all(&mut self.0).await?)
    }

    pub(super) async fn add(&mut self, table: &str, columns: &[&str], cells: &[Cell]) -> Result<()> {
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let insert = |rows| {
            let rows = vec![row.as_str(); rows].join(", ");
            safe(&format!(
                "INSERT INTO {table} ({}) VALUES {rows}",
                columns.join(", ")
            ))
        };
        let (many, one) = (insert(ROWS), insert(1));
        let mut full = cells.chunks_exact(columns.len() * ROWS);
        self.0.execute("BEGIN IMMEDIATE").await?;
        for chunk in &mut full {
            self.insert(many.clone(), chunk).await?;
        }
        for chunk in full.remainder().chunks(columns.len()) {
            self.insert(one.clone(), chunk).await?;
        }
        self.0.execute("COMMIT").await?;
        Ok(())
    }

    async fn insert(&mut self, text: SqlStr, cells: &[Cell]) -> Result<()> {
        let mut arguments = SqliteArguments::default();
        for cell in cells {
            bind(&mut arguments, cell).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        }
        sqlx::query_with(text, arguments).execute(&mut self.0).await?;
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<()> {
        // A thousand entries of each index tell enough.
        self.run("PRAGMA analysis_limit = 1000; ANALYZE").await?;
        Ok(self.0.close().await?)
    }
}

fn bind(arguments: &mut SqliteArguments, cell: &Cell) -> Result<(), sqlx::error::BoxDynError> {
    use sqlx::Arguments;
    match cell {
        Cell::Null => arguments.add(None::<i64>),
        Cell::Number(number) => arguments.add(*number),
        Cell::Text(text) => arguments.add(text.as_str()),
        Cell::Id(id) => arguments.add(id.as_slice()),
        Cell::Digest(digest) => arguments.add(digest.as_slice()),
    }
}

/// `SQLITE_BUSY`: another connection, of this or another process, has the file open.
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    // The low byte is the kind, what is above it the reason (extended result codes).
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}

/// Made of names and definitions that the schema has.
fn safe(text: &str) -> SqlStr {
    AssertSqlSafe(text.to_owned()).into_sql_str()
}
