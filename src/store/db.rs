//! The back end, named here and in the files below and beside it (`migrate.rs`, `backup.rs`, `error.rs`), and nowhere else: typed
//! statements, the two kinds of access, and changes as named values.

mod listener;
mod pool;
mod postgres;
mod sqlite;
mod statement;
mod writer;

use std::{
    fmt,
    future::{self, Future},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sqlx::{PgConnection, SqliteConnection};

pub(in crate::store) use self::{
    pool::connect as connect_to_postgres, sqlite::options as sqlite_options, statement::statements,
};
use self::{postgres::Postgres, sqlite::Sqlite, statement::decode};
pub use self::{
    postgres::{PostgresOptions, PostgresUrl},
    statement::{Binds, Declared, Prepared, Row, Sql, Statement, Value},
};
use crate::store::error::{Result, StoreError};

/// Where the data is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file of the embedded database.
    Sqlite(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(PostgresOptions),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(options) => options.url.fmt(f),
        }
    }
}

/// Something that is written together or not at all. Owned, and able to run again.
pub trait Change: Send + Sync + 'static {
    /// What the caller gets when it is durable.
    type Out: Send + 'static;

    /// Makes the change. Awaits nothing but `tx`.
    fn apply(&self, tx: &mut WriteTx<'_>) -> impl Future<Output = Result<Self::Out>> + Send;
}

tokio::task_local! {
    static INSIDE: ();
}

/// Runs a change: what it calls can tell that it is part of one.
fn inside_a_change<F: Future>(change: F) -> impl Future<Output = F::Output> {
    INSIDE.scope((), change)
}

/// A change must not call the database again: it would wait for itself, or leave its transaction.
fn refuse_nested() -> Result<()> {
    match INSIDE.try_with(|()| ()) {
        Ok(()) => Err(StoreError::Nested),
        Err(_) => Ok(()),
    }
}

/// The transaction of a change.
#[derive(Debug)]
pub struct WriteTx<'c> {
    connection: Connection<'c>,
    counter: &'c AtomicU64,
    /// Why the transaction cannot be committed any more, when a statement failed: on PostgreSQL that is its end.
    broken: Option<StoreError>,
    /// Whether the other nodes are told of the commit.
    notifies: bool,
}

#[derive(Debug)]
enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl<'c> WriteTx<'c> {
    fn sqlite(connection: &'c mut SqliteConnection, counter: &'c AtomicU64) -> Self {
        Self {
            connection: Connection::Sqlite(connection),
            counter,
            broken: None,
            notifies: false,
        }
    }

    fn postgres(connection: &'c mut PgConnection, counter: &'c AtomicU64) -> Self {
        Self {
            connection: Connection::Postgres(connection),
            counter,
            broken: None,
            notifies: false,
        }
    }

    /// The first row that the statement gives.
    pub async fn one<B: Binds, R: Row>(&mut self, statement: Statement<B, R>, binds: B) -> Result<Option<R>> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(statement.sql().sqlite, binds.to_sqlite()?);
                let row = query.fetch_optional(&mut **connection).await?;
                row.as_ref().map(decode).transpose()
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(statement.sql().postgres, binds.to_postgres()?);
                let row = query.fetch_optional(&mut **connection).await;
                let row = row.map_err(|error| fail(&mut self.broken, error))?;
                row.as_ref().map(decode).transpose()
            }
        }
    }

    /// All rows that the statement gives.
    pub async fn all<B: Binds, R: Row>(&mut self, statement: Statement<B, R>, binds: B) -> Result<Vec<R>> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(statement.sql().sqlite, binds.to_sqlite()?);
                let rows = query.fetch_all(&mut **connection).await?;
                rows.iter().map(decode).collect()
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(statement.sql().postgres, binds.to_postgres()?);
                let rows = query.fetch_all(&mut **connection).await;
                let rows = rows.map_err(|error| fail(&mut self.broken, error))?;
                rows.iter().map(decode).collect()
            }
        }
    }

    /// Tells the other nodes, when this is committed, that there is something to read. It only makes them faster: their
    /// polls find it by themselves, and those of the embedded database have nothing else.
    pub fn notify(&mut self) {
        self.notifies = true;
    }

    /// How many rows the statement changed.
    pub async fn run<B: Binds>(&mut self, statement: Statement<B, ()>, binds: B) -> Result<u64> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(statement.sql().sqlite, binds.to_sqlite()?);
                Ok(query.execute(&mut **connection).await?.rows_affected())
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(statement.sql().postgres, binds.to_postgres()?);
                let done = query.execute(&mut **connection).await;
                let done = done.map_err(|error| fail(&mut self.broken, error))?;
                Ok(done.rows_affected())
            }
        }
    }
}

fn fail(broken: &mut Option<StoreError>, error: sqlx::Error) -> StoreError {
    *broken = Some(StoreError::Stopped("it went on after a statement had failed"));
    error.into()
}

/// The database.
#[derive(Debug, Clone)]
pub struct Db {
    arm: Arm,
    counter: Arc<AtomicU64>,
    losses: Arc<AtomicU64>,
}

#[derive(Debug, Clone)]
enum Arm {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// The same call on whichever back end there is.
macro_rules! on_the_arm {
    ($db:expr, $arm:ident => $call:expr) => {
        match $db {
            Arm::Sqlite($arm) => $call,
            Arm::Postgres($arm) => $call,
        }
    };
}

impl Db {
    /// Opens a database that exists and has its tables.
    pub async fn open(location: &Location) -> Result<Self> {
        let counter = Arc::new(AtomicU64::new(0));
        let arm = match location {
            Location::Sqlite(path) => Arm::Sqlite(Sqlite::open(path, Arc::clone(&counter)).await?),
            Location::Postgres(options) => {
                Arm::Postgres(Postgres::open(options, Arc::clone(&counter)).await?)
            }
        };
        Ok(Self {
            arm,
            counter,
            losses: Arc::default(),
        })
    }

    /// The same database for what must not wait behind requests: on PostgreSQL by a connection of its own. Close both.
    pub async fn aside(&self) -> Result<Self> {
        let arm = match &self.arm {
            Arm::Sqlite(arm) => Arm::Sqlite(arm.clone()),
            Arm::Postgres(arm) => Arm::Postgres(arm.aside().await?),
        };
        Ok(Self { arm, ..self.clone() })
    }

    /// How many statements ran so far, without `BEGIN`, `COMMIT` and savepoints.
    pub fn statements_run(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    /// How often the database could not be asked or did not take a change. When it is back it may be another one that is
    /// behind: whoever remembers has to compare.
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::SeqCst)
    }

    /// The first row of a statement that changes nothing.
    pub async fn read<B: Binds, R: Row>(&self, statement: Statement<B, R>, binds: B) -> Result<Option<R>> {
        self.start_statement()?;
        self.watch(on_the_arm!(&self.arm, arm => arm.read(statement, binds).await))
    }

    /// All rows of a statement that changes nothing. The statement has a limit.
    pub async fn read_all<B: Binds, R: Row>(&self, statement: Statement<B, R>, binds: B) -> Result<Vec<R>> {
        self.start_statement()?;
        self.watch(on_the_arm!(&self.arm, arm => arm.read_all(statement, binds).await))
    }

    /// Makes one statement durable and gives its row: the path for what is a single conditional statement.
    pub async fn execute<B: Binds, R: Row>(&self, statement: Statement<B, R>, binds: B) -> Result<Option<R>> {
        self.execute_while(statement, binds, |row| row).await
    }

    /// Like [`Db::execute`], with `work` done on the row, where that is possible while the change becomes durable. Its
    /// result comes out only when that is so: nothing can leak before the commit.
    pub async fn execute_while<B: Binds, R: Row, T>(
        &self,
        statement: Statement<B, R>,
        binds: B,
        work: impl FnOnce(Option<R>) -> T,
    ) -> Result<T> {
        self.start_statement()?;
        self.watch(on_the_arm!(&self.arm, arm => arm.execute_while(statement, binds, work).await))
    }

    /// Makes a change durable. It runs to its end whoever still waits for it.
    pub async fn write<C: Change>(&self, change: C) -> Result<C::Out> {
        refuse_nested()?;
        self.watch(on_the_arm!(&self.arm, arm => arm.write(change).await))
    }

    /// Calls `heard` whenever another node has written what nodes want to know at once, as long as it is awaited. Those
    /// of the embedded database are not told: they poll.
    pub async fn listen(&self, heard: impl Fn()) {
        match &self.arm {
            Arm::Sqlite(_) => future::pending().await,
            Arm::Postgres(arm) => arm.listen(heard).await,
        }
    }

    /// Ends the database for every clone of this: nothing new is taken, what was asked before is done, and the files
    /// or connections are closed when this returns.
    pub async fn close(self) {
        on_the_arm!(self.arm, arm => arm.close().await);
    }

    /// Prepares a statement. For the test that prepares them all.
    pub async fn prepare(&self, statement: &Declared) -> Result<Prepared> {
        match &self.arm {
            Arm::Sqlite(arm) => arm.prepare(statement.sql.sqlite).await,
            Arm::Postgres(arm) => arm.prepare(statement.sql.postgres, &(statement.types)()).await,
        }
    }

    /// Counts a loss of the database.
    fn watch<T>(&self, answer: Result<T>) -> Result<T> {
        if matches!(answer, Err(StoreError::Unavailable(_))) {
            self.losses.fetch_add(1, Ordering::SeqCst);
        }
        answer
    }

    /// The start of every call but [`Db::write`], whose transaction counts for itself.
    fn start_statement(&self) -> Result<()> {
        refuse_nested()?;
        self.counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
