//! A database of one's own with a few more tables, and a second connection that sees only what is committed.

use std::path::{Path, PathBuf};

use postern::store::{
    db::{Change, Db, Location, Statement, WriteTx},
    error::Result,
    migrate,
};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

pub(crate) const ADD: Statement<(i64, String), (i64,)> =
    Statement::new("INSERT INTO notes (id, text) VALUES ($1, $2) RETURNING id");
/// Breaks a rule that is judged at the commit: the batch's commit fails.
pub(crate) const PROMISE: Statement<(i64,), (i64,)> =
    Statement::new("INSERT INTO promises (note) VALUES ($1) RETURNING note");
/// Breaks, for a note that is not there, a rule that is judged over the whole statement.
pub(crate) const CHILD: Statement<(i64,), (i64,)> =
    Statement::new("INSERT INTO children (note) VALUES ($1), ($1) RETURNING note");

const TABLES: [&str; 5] = [
    "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, text TEXT NOT NULL) STRICT",
    "CREATE TABLE promises (note INTEGER NOT NULL REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED) STRICT",
    "CREATE TABLE children (note INTEGER NOT NULL REFERENCES notes (id)) STRICT",
    "CREATE TABLE log (at INTEGER NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "CREATE TABLE wide (a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER, g INTEGER, h INTEGER,
       i INTEGER, j INTEGER, k INTEGER, l INTEGER) STRICT",
];

pub(crate) struct Scratch {
    pub(crate) db: Db,
    pub(crate) path: PathBuf,
    _folder: Option<TempDir>,
}

impl Scratch {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let scratch = Self::start_in(folder.path()).await;
        Self {
            _folder: Some(folder),
            ..scratch
        }
    }

    pub(crate) async fn start_in(folder: &Path) -> Self {
        let path = folder.join("postern.db");
        let location = Location::Sqlite(path.clone());
        migrate::run(&location, true).await.expect("migrated");
        let mut second = connect(&path).await;
        for table in TABLES {
            sqlx::query(table).execute(&mut second).await.expect("a table");
        }
        let db = Db::open(&location).await.expect("opened");
        Self {
            db,
            path,
            _folder: None,
        }
    }

    pub(crate) async fn second_connection(&self) -> SqliteConnection {
        connect(&self.path).await
    }

    /// The ids of the notes that are committed.
    pub(crate) async fn notes(&self) -> Vec<i64> {
        let mut second = self.second_connection().await;
        sqlx::query_scalar("SELECT id FROM notes ORDER BY id")
            .fetch_all(&mut second)
            .await
            .expect("read")
    }

    pub(crate) async fn add(&self, id: i64) -> Result<Option<(i64,)>> {
        self.db.execute(ADD, (id, "a note".to_owned())).await
    }

    /// How many transactions stand in the write-ahead log (<https://sqlite.org/fileformat2.html#the_write_ahead_log>):
    /// the last frame of each tells the size of the database.
    pub(crate) fn commits(&self) -> usize {
        const PAGE: usize = 4096;
        let log = std::fs::read(self.path.with_extension("db-wal")).expect("a log");
        let salt = &log[16..24];
        let frames = log[32..].chunks_exact(24 + PAGE);
        frames
            .filter(|frame| &frame[8..16] == salt && frame[4..8] != [0; 4])
            .count()
    }
}

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .connect()
        .await
        .expect("a second connection")
}

/// Adds notes, one after the other.
pub(crate) struct AddNotes(pub(crate) Vec<i64>);

impl Change for AddNotes {
    type Out = usize;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<usize> {
        for id in &self.0 {
            tx.one(ADD, (*id, "of a change".to_owned())).await?;
        }
        Ok(self.0.len())
    }
}
