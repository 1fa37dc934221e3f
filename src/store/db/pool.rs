//! Connections to PostgreSQL: a bounded pool that lends each for one thing. What comes back is in a known state, or is
//! not used again: neither a server that says nothing nor one that has become another keeps a place in the pool.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool,
    pool::PoolConnection,
    postgres::{PgPoolOptions, Postgres},
};

use super::{PostgresOptions, PostgresUrl};
use crate::store::error::{Result, StoreError};

/// How long a request waits for a connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(5);
/// How long a connection may take to say that it still works.
const PING: Duration = Duration::from_secs(1);
/// A connection that was not used for so long is asked whether it still works.
const STALE: Duration = Duration::from_secs(1);

/// The pool of this process.
#[derive(Debug, Clone)]
pub(super) struct Pool(PgPool);

impl Pool {
    /// Opens a first connection; every one gives up transactions that nobody goes on with after `idle`.
    pub(super) async fn open(
        options: &PostgresOptions,
        idle: Duration,
        max_connections: u32,
    ) -> Result<Self> {
        // Not in the start-up message: PgBouncer refuses what it does not know there.
        let settings: Arc<str> = format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            options.statement_timeout.millis(),
            idle.as_millis()
        )
        .into();
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move { Ok(meta.idle_for < STALE || answers(connection).await) })
            })
            .after_connect(move |connection, _| {
                let settings = Arc::clone(&settings);
                Box::pin(async move {
                    // Made of numbers only.
                    connection.execute(sqlx::raw_sql(AssertSqlSafe(settings))).await?;
                    Ok(())
                })
            })
            .connect_with(options.url.options().statement_cache_capacity(512))
            .await?;
        Ok(Self(pool))
    }

    /// A connection, as soon as one is free.
    pub(super) async fn lend(&self) -> Result<Lent<'_>> {
        Ok(Lent {
            connection: self.0.acquire().await?,
            is_doubtful: false,
            pool: &self.0,
        })
    }

    pub(super) async fn close(self) {
        self.0.close().await;
    }
}

/// A connection outside of any pool.
pub(in crate::store) async fn connect(url: &PostgresUrl) -> Result<PgConnection> {
    within(ACQUIRE, async { Ok(url.options().connect().await?) }).await
}

async fn answers(connection: &mut PgConnection) -> bool {
    let answer = tokio::time::timeout(PING, connection.ping()).await;
    matches!(answer, Ok(Ok(())))
}

/// A server that does not answer at all must not keep a request: the connection is given up.
pub(super) async fn within<T>(limit: Duration, asked: impl Future<Output = Result<T>>) -> Result<T> {
    let unanswered = || StoreError::Unavailable("the database did not answer in time".to_owned());
    tokio::time::timeout(limit, asked)
        .await
        .unwrap_or_else(|_elapsed| Err(unanswered()))
}

/// A connection as long as it is used.
pub(super) struct Lent<'a> {
    connection: PoolConnection<Postgres>,
    /// It may be inside a transaction, or lead to a server that is no longer the right one: it is closed, and so are
    /// those that nobody uses.
    pub(super) is_doubtful: bool,
    pool: &'a PgPool,
}

impl Lent<'_> {
    /// An answer of it. One that says that the database is not available may be of a server that was the right one
    /// before a failover and is read-only now, so who comes next connects anew.
    pub(super) fn judge<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T> {
        let answer = answer.map_err(StoreError::from);
        self.is_doubtful = matches!(answer, Err(StoreError::Unavailable(_)));
        answer
    }
}

impl Deref for Lent<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if self.is_doubtful {
            self.connection.close_on_drop();
            while let Some(mut idle) = self.pool.try_acquire() {
                idle.close_on_drop();
            }
        } else {
            // Reads what a caller that went away did not. By itself the pool would wait for it as long as it takes.
            tokio::spawn(tokio::time::timeout(PING, self.connection.return_to_pool()));
        }
    }
}
