//! Connections to PostgreSQL: so many at most, each lent for one thing. What comes back is in a known state, or is not
//! used again: neither a server that says nothing nor one that has become another keeps a place in the pool.
//!
//! Not sqlx's pool: it asks each connection that is given back whether it still works, which makes two round trips of
//! every statement.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{PostgresOptions, PostgresUrl};
use crate::store::error::{Result, StoreError};

/// How long a request waits for a connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(5);
/// How long a connection may take to say that it still works.
const PING: Duration = Duration::from_secs(1);
/// A connection that was not used for so long is asked whether it still works.
const STALE: Duration = Duration::from_secs(1);
/// A connection that nobody needed for so long is closed.
const IDLE: Duration = Duration::from_mins(10);
/// So old a connection is not used again: what its server process has gathered is freed, and a name that leads to
/// another server by now is looked up anew.
const AGE: Duration = Duration::from_mins(30);

/// The pool of this process.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    url: PostgresUrl,
    /// What each connection is told first.
    settings: String,
    /// One for each connection that may be open.
    places: Arc<Semaphore>,
    /// The one used last is lent next, so that those which nobody needs grow old.
    idle: Mutex<Vec<Pooled>>,
}

#[derive(Debug)]
struct Pooled {
    connection: PgConnection,
    opened: Instant,
    used: Instant,
}

impl Pool {
    /// Opens a first connection; every one gives up transactions that nobody goes on with after `idle`.
    pub(super) async fn open(
        options: &PostgresOptions,
        idle: Duration,
        max_connections: u32,
    ) -> Result<Self> {
        // Not in the start-up message: PgBouncer refuses what it does not know there.
        let settings = format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            options.statement_timeout.millis(),
            idle.as_millis()
        );
        let pool = Self(Arc::new(Shared {
            url: options.url.clone(),
            settings,
            places: Arc::new(Semaphore::new(max_connections as usize)),
            idle: Mutex::default(),
        }));
        let mut first = pool.lend().await?;
        first.state = State::Clean;
        drop(first);
        Ok(pool)
    }

    /// A connection, as soon as one is free.
    pub(super) async fn lend(&self) -> Result<Lent> {
        let shared = Arc::clone(&self.0);
        within(ACQUIRE, async move {
            let place = Arc::clone(&shared.places).acquire_owned().await;
            let place = place.map_err(|_| StoreError::Unavailable("the server is stopping".to_owned()))?;
            let pooled = shared.working().await?;
            Ok(Lent {
                pooled: Some((pooled, place)),
                state: State::Unread,
                shared,
            })
        })
        .await
    }

    /// Lends no more, and says goodbye on the connections that nobody uses.
    pub(super) async fn close(self) {
        self.0.places.close();
        let idle = std::mem::take(&mut *self.0.idle());
        for pooled in idle {
            // The server notices it also without.
            let _ = tokio::time::timeout(PING, pooled.connection.close()).await;
        }
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Pooled>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that nobody uses and that works, or a new one.
    async fn working(&self) -> Result<Pooled> {
        while let Some(mut pooled) = self.pop() {
            if pooled.used.elapsed() < STALE || answers(&mut pooled.connection).await {
                return Ok(pooled);
            }
        }
        let options = self.url.options().statement_cache_capacity(512);
        let mut connection = options.connect().await?;
        // Made of numbers only.
        let settings = sqlx::raw_sql(AssertSqlSafe(self.settings.clone()));
        connection.execute(settings).await?;
        let opened = now();
        Ok(Pooled {
            connection,
            opened,
            used: opened,
        })
    }

    fn pop(&self) -> Option<Pooled> {
        self.idle().pop()
    }

    /// Takes a connection back that works.
    fn keep(&self, mut pooled: Pooled) {
        if self.places.is_closed() || pooled.opened.elapsed() > AGE {
            return;
        }
        pooled.used = now();
        let mut idle = self.idle();
        idle.push(pooled);
        // One each time is enough: more come back than grow old.
        if idle[0].used.elapsed() > IDLE {
            idle.remove(0);
        }
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

#[expect(
    clippy::disallowed_methods,
    reason = "sockets age by themselves, not by the server's clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// What is known of a connection when it is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Everything that was asked has been answered.
    Clean,
    /// Who asked has gone away: the answer has to be read before the next question.
    Unread,
    /// It may be inside a transaction, or lead to a server that is no longer the right one: it is closed, and so are
    /// those that nobody uses.
    Doubtful,
}

/// A connection as long as it is used.
pub(super) struct Lent {
    /// Nothing only after it was given back.
    pooled: Option<(Pooled, OwnedSemaphorePermit)>,
    pub(super) state: State,
    shared: Arc<Shared>,
}

impl Lent {
    /// An answer of it. One that says that the database is not available may be of a server that was the right one
    /// before a failover and is read-only now, so who comes next connects anew.
    pub(super) fn judge<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T> {
        let answer = answer.map_err(StoreError::from);
        self.state = State::after(&answer);
        answer
    }
}

impl State {
    pub(super) fn after<T>(answer: &Result<T>) -> Self {
        match answer {
            Err(StoreError::Unavailable(_)) => Self::Doubtful,
            _ => Self::Clean,
        }
    }
}

const LENT: &str = "a connection is given back once";

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.pooled.as_ref().expect(LENT).0.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.pooled.as_mut().expect(LENT).0.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some((mut pooled, place)) = self.pooled.take() else {
            return;
        };
        match self.state {
            State::Clean => self.shared.keep(pooled),
            State::Unread => {
                let shared = Arc::clone(&self.shared);
                tokio::spawn(async move {
                    // Cheaper than a new connection, which strangers could cause by going away again and again.
                    if answers(&mut pooled.connection).await {
                        shared.keep(pooled);
                    }
                    drop(place);
                });
            }
            State::Doubtful => self.shared.idle().clear(),
        }
    }
}
