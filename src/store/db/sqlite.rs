//! The embedded database: a pool of readers, and one writer with group commit.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Executor, SqlStr, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Change,
    statement::{Binds, Prepared, Row, Statement, decode},
    writer::{self, Job, Pending, Single},
};
use crate::store::error::{Result, StoreError};

/// How many changes may wait before callers are told to come back.
const QUEUE: usize = 1024;
/// One reader is bad, more than four give nothing (measured).
const READERS: u32 = 4;

/// An open SQLite file.
#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    read: SqlitePool,
    queue: mpsc::Sender<Job>,
}

impl Sqlite {
    /// Opens a file that exists and has its tables.
    pub(super) async fn open(path: &Path, counter: Arc<AtomicU64>) -> Result<Self> {
        let options = options(path);
        let read = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.clone().read_only(true))
            .await?;
        let connection = options.connect().await?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(writer::run(connection, options, jobs, counter));
        Ok(Self { read, queue })
    }

    pub(super) async fn read<B: Binds, R: Row>(
        &self,
        statement: Statement<B, R>,
        binds: B,
    ) -> Result<Option<R>> {
        let query = sqlx::query_with(statement.sql().sqlite, binds.to_sqlite()?);
        let row = query.fetch_optional(&self.read).await?;
        row.as_ref().map(decode).transpose()
    }

    pub(super) async fn read_all<B: Binds, R: Row>(
        &self,
        statement: Statement<B, R>,
        binds: B,
    ) -> Result<Vec<R>> {
        let query = sqlx::query_with(statement.sql().sqlite, binds.to_sqlite()?);
        let rows = query.fetch_all(&self.read).await?;
        rows.iter().map(decode).collect()
    }

    pub(super) async fn execute_while<B: Binds, R: Row, T>(
        &self,
        statement: Statement<B, R>,
        binds: B,
        work: impl FnOnce(Option<R>) -> T,
    ) -> Result<T> {
        let (row, early) = oneshot::channel();
        let (durable, committed) = oneshot::channel();
        self.send(Job::Statement(Single {
            sql: statement.sql().sqlite,
            binds: Box::new(move |arguments| binds.add_to_sqlite(arguments)),
            width: B::WIDTH,
            row: Some(row),
            durable,
        }))?;
        // A closed channel means that there is no row to come; the other one says why.
        let Ok(row) = early.await else {
            return Err(committed
                .await
                .map_or_else(|_| lost(), |result| result.err().unwrap_or_else(lost)));
        };
        let result = row.as_ref().map(decode).transpose().map(work);
        committed.await.map_err(|_| lost())??;
        result
    }

    pub(super) async fn write<C: Change>(&self, change: C) -> Result<C::Out> {
        let (answer, result) = oneshot::channel();
        self.send(Job::Change(Box::new(Pending::new(change, answer))))?;
        result.await.map_err(|_| lost())?
    }

    /// Nothing new is taken, what was asked before is done, and the files are closed when this returns.
    pub(super) async fn close(self) {
        self.read.close().await;
        let (closed, done) = oneshot::channel();
        if self.queue.send(Job::Close(closed)).await.is_ok() {
            let _ = done.await;
        }
    }

    pub(super) async fn prepare(&self, sql: &'static str) -> Result<Prepared> {
        let prepared = (&self.read).prepare(SqlStr::from_static(sql)).await?;
        Ok(Prepared::of(&prepared))
    }

    fn send(&self, job: Job) -> Result<()> {
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Unavailable("it is closed".to_owned()),
        })
    }
}

/// Options of every connection to an embedded database.
pub(in crate::store) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(256)
        .row_buffer_size(256)
        .disable_statement_logging()
}

/// The writer dropped the job: its batch was rolled back.
fn lost() -> StoreError {
    StoreError::Unavailable("the batch of changes was rolled back".to_owned())
}
