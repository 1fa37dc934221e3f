//! PostgreSQL: rows by COPY, in the binary form that needs no escapes.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqlSafeStr, SqlStr};

use super::{Part, rows::Cell};
use crate::store::{
    db::PostgresOptions,
    error::{Result, StoreError},
};

/// Nothing here may be stopped for its length; a crash may cost the last seconds; indexes are sorted in memory.
const SETTINGS: &str =
    "SET statement_timeout = 0; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'";
/// One run at a time: the number is this purpose's alone.
const LOCK: &str = "SELECT CAST(pg_try_advisory_lock(7266279) AS text)";
/// Indexes that no constraint makes, and foreign keys, whose check would cost a look-up for each row.
const PARTS: &str = "
    SELECT pg_get_indexdef(i.indexrelid) AS make, 'DROP INDEX ' || CAST(CAST(i.indexrelid AS regclass) AS text) AS drop
    FROM pg_index i WHERE NOT i.indisunique AND CAST(i.indrelid AS regclass) = ANY (CAST($1 AS regclass[]))
    UNION ALL
    SELECT 'ALTER TABLE ' || CAST(CAST(conrelid AS regclass) AS text) || ' ADD CONSTRAINT ' || quote_ident(conname) || ' '
        || pg_get_constraintdef(oid),
      'ALTER TABLE ' || CAST(CAST(conrelid AS regclass) AS text) || ' DROP CONSTRAINT ' || quote_ident(conname)
    FROM pg_constraint WHERE contype = 'f' AND CAST(conrelid AS regclass) = ANY (CAST($1 AS regclass[]))";

/// What COPY's binary form begins with: signature, flags, length of the extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with: a row of -1 columns.
const TAIL: &[u8] = &[0xff, 0xff];
/// How much is sent at once.
const PIECE: usize = 1 << 20;

/// A connection straight to the server.
#[derive(Debug)]
pub(super) struct Postgres(PgConnection);

impl Postgres {
    pub(super) async fn open(options: &PostgresOptions) -> Result<Option<Self>> {
        let mut connection = options.direct().options().connect().await?;
        connection.execute(SETTINGS).await?;
        let locked: String = sqlx::query_scalar(LOCK).fetch_one(&mut connection).await?;
        Ok((locked == "true").then_some(Self(connection)))
    }

    pub(super) async fn texts(&mut self, text: &str) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(safe(text)).fetch_all(&mut self.0).await?)
    }

    pub(super) async fn run(&mut self, text: &str) -> Result<()> {
        self.0.execute(sqlx::raw_sql(safe(text))).await?;
        Ok(())
    }

    pub(super) async fn parts(&mut self, tables: &[&str]) -> Result<Vec<Part>> {
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        Ok(sqlx::query_as(PARTS).bind(tables).fetch_all(&mut self.0).await?)
    }

    pub(super) async fn add(&mut self, table: &str, columns: &[&str], cells: &[Cell]) -> Result<()> {
        let text = format!(
            "COPY {table} ({}) FROM STDIN WITH (FORMAT binary)",
            columns.join(", ")
        );
        let mut copy = self.0.copy_in_raw(&text).await?;
        let mut bytes = HEAD.to_vec();
        for row in cells.chunks(columns.len()) {
            bytes.extend(i16::try_from(row.len()).map_err(too_long)?.to_be_bytes());
            for cell in row {
                write(&mut bytes, cell)?;
            }
            if bytes.len() >= PIECE {
                copy.send(bytes.as_slice()).await?;
                bytes.clear();
            }
        }
        bytes.extend(TAIL);
        copy.send(bytes.as_slice()).await?;
        copy.finish().await?;
        Ok(())
    }

    pub(super) async fn finish(mut self, tables: &[&str]) -> Result<()> {
        // Not in the way of what is measured afterwards.
        self.run(&format!("VACUUM (ANALYZE) {}", tables.join(", ")))
            .await?;
        Ok(self.0.close().await?)
    }
}

/// A value with its length before it.
fn write(bytes: &mut Vec<u8>, cell: &Cell) -> Result<()> {
    let number;
    let value = match cell {
        Cell::Null => {
            bytes.extend((-1_i32).to_be_bytes());
            return Ok(());
        }
        Cell::Number(value) => {
            number = value.to_be_bytes();
            number.as_slice()
        }
        Cell::Text(text) => text.as_bytes(),
        Cell::Id(id) => id.as_slice(),
        Cell::Digest(digest) => digest.as_slice(),
    };
    bytes.extend(i32::try_from(value.len()).map_err(too_long)?.to_be_bytes());
    bytes.extend(value);
    Ok(())
}

fn too_long(error: std::num::TryFromIntError) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

/// Made of names and definitions that the schema has.
fn safe(text: &str) -> SqlStr {
    AssertSqlSafe(text.to_owned()).into_sql_str()
}
