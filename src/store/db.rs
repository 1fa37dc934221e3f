//! The back end, named here and in `writer.rs`, `migrate.rs` and `error.rs` beside it, and nowhere else: typed statements, the two kinds of access, and changes as named values.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Arguments, ConnectOptions, Encode, FromRow, Sqlite, SqliteConnection, SqlitePool, Type,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use tokio::sync::{mpsc, oneshot};

use crate::store::{
    error::{Result, StoreError},
    writer::{self, Job, Pending, Single},
};

/// The text of a statement. It is the same for every back end but for a word or two: a dialect pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    /// For the embedded database.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sqlite)
    }
}

/// A statement with the types of what is bound and what comes back.
pub struct Statement<B, R> {
    sql: Sql,
    types: PhantomData<fn(B) -> R>,
}

impl<B, R> Statement<B, R> {
    /// The statement with this text, which is the same for every back end.
    pub const fn new(sql: &'static str) -> Self {
        Self::with_dialects(Sql {
            sqlite: sql,
            postgres: sql,
        })
    }

    /// The statement with a text for each back end.
    pub const fn with_dialects(sql: Sql) -> Self {
        Self {
            sql,
            types: PhantomData,
        }
    }

    /// The text.
    pub const fn sql(&self) -> Sql {
        self.sql
    }
}

impl<B, R> Clone for Statement<B, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B, R> Copy for Statement<B, R> {}

impl<B, R> fmt::Debug for Statement<B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sql.fmt(f)
    }
}

/// Declares statements, and the list of them all that a test prepares. Where the back ends need different words, a
/// dialect pair stands between two pieces of the text: `"SELECT ..." { sqlite: "", postgres: "FOR SHARE" } "..."`.
macro_rules! statements {
    ($($(#[$doc:meta])* $vis:vis $name:ident: ($($bind:ty),* $(,)?) => $row:ty =
        $first:literal $({ sqlite: $sqlite:literal, postgres: $postgres:literal } $rest:literal)*;)*) => {
        $($(#[$doc])* $vis const $name: $crate::store::db::Statement<($($bind,)*), $row> =
            $crate::store::db::Statement::with_dialects($crate::store::db::Sql {
                sqlite: concat!($first $(, $sqlite, $rest)*),
                postgres: concat!($first $(, $postgres, $rest)*),
            });)*
        /// Every statement in this file.
        pub(super) const ALL: &[$crate::store::db::Declared] = &[$($crate::store::db::Declared {
            file: file!(),
            name: stringify!($name),
            sql: $name.sql(),
            binds: <($($bind,)*) as $crate::store::db::Binds>::WIDTH,
            row: std::any::type_name::<$row>,
        }),*];
    };
}
pub(super) use statements;

/// A statement as its file declares it. For the test that prepares them all.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// The file.
    pub file: &'static str,
    /// The constant.
    pub name: &'static str,
    /// The text.
    pub sql: Sql,
    /// How many values it is given.
    pub binds: usize,
    /// The name of the type that its row is read into.
    pub row: fn() -> &'static str,
}

/// A statement as a back end understands it. For the test that prepares them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// How many different values it takes.
    pub binds: usize,
    /// How many columns its rows have.
    pub columns: usize,
}

/// A value that every back end can bind.
pub trait Value: Send + 'static + for<'q> Encode<'q, Sqlite> + Type<Sqlite> {}
impl<T> Value for T where T: Send + 'static + for<'q> Encode<'q, Sqlite> + Type<Sqlite> {}

/// A row that every back end can give.
pub trait Row: Send + Unpin + 'static + for<'r> FromRow<'r, SqliteRow> {}
impl<T> Row for T where T: Send + Unpin + 'static + for<'r> FromRow<'r, SqliteRow> {}

/// The values of a statement, in the order of their numbers: a tuple.
pub trait Binds: Send + 'static {
    /// How many there are.
    const WIDTH: usize;

    /// Adds them to what the embedded database is given.
    fn add_to(&self, arguments: &mut SqliteArguments) -> Result<()>;
}

macro_rules! binds {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: Value),*> Binds for ($($name,)*) {
            const WIDTH: usize = { const NAMES: &[&str] = &[$(stringify!($name)),*]; NAMES.len() };

            #[allow(non_snake_case, unused_variables, clippy::allow_attributes, reason = "the tuple's letters; none in the empty one")]
            fn add_to(&self, arguments: &mut SqliteArguments) -> Result<()> {
                let ($($name,)*) = self;
                $(arguments.add($name).map_err(|error| StoreError::Corrupt(error.to_string()))?;)*
                Ok(())
            }
        }
    )*};
}

binds! {
    ;
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I;
    A B C D E F G H I J; A B C D E F G H I J K; A B C D E F G H I J K L; A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N; A B C D E F G H I J K L M N O; A B C D E F G H I J K L M N O P;
}

/// Something that is written together or not at all. Owned, and able to run again.
pub trait Change: Send + Sync + 'static {
    /// What the caller gets when it is durable.
    type Out: Send + 'static;

    /// Makes the change. Awaits nothing but `tx`.
    fn apply(&self, tx: &mut WriteTx<'_>) -> impl Future<Output = Result<Self::Out>> + Send;
}

/// The transaction of a change.
#[derive(Debug)]
pub struct WriteTx<'c> {
    connection: &'c mut SqliteConnection,
    counter: &'c AtomicU64,
}

impl<'c> WriteTx<'c> {
    pub(super) fn new(connection: &'c mut SqliteConnection, counter: &'c AtomicU64) -> Self {
        Self { connection, counter }
    }

    /// The first row that the statement gives.
    pub async fn one<B: Binds, R: Row>(&mut self, statement: Statement<B, R>, binds: B) -> Result<Option<R>> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        let query = sqlx::query_with(statement.sql.sqlite, sqlite(&binds)?);
        let first = query.fetch_optional(&mut *self.connection).await?;
        first.map(|row| decode(&row)).transpose()
    }

    /// All rows that the statement gives.
    pub async fn all<B: Binds, R: Row>(&mut self, statement: Statement<B, R>, binds: B) -> Result<Vec<R>> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        let query = sqlx::query_with(statement.sql.sqlite, sqlite(&binds)?);
        let rows = query.fetch_all(&mut *self.connection).await?;
        rows.iter().map(decode).collect()
    }

    /// Tells the other nodes, when this is committed, that there is something to read. It only makes them faster: their
    /// polls find it by themselves, and those of the embedded database have nothing else.
    #[expect(clippy::unused_async, reason = "the embedded database tells nobody")]
    pub async fn notify(&mut self) -> Result<()> {
        Ok(())
    }

    /// How many rows the statement changed.
    pub async fn run<B: Binds>(&mut self, statement: Statement<B, ()>, binds: B) -> Result<u64> {
        self.counter.fetch_add(1, Ordering::Relaxed);
        let query = sqlx::query_with(statement.sql.sqlite, sqlite(&binds)?);
        Ok(query.execute(&mut *self.connection).await?.rows_affected())
    }
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
    /// One writer task with group commit, and a pool of readers.
    Sqlite {
        read: SqlitePool,
        queue: mpsc::Sender<Job>,
    },
}

/// How many changes may wait before callers are told to come back.
const QUEUE: usize = 1024;
/// One reader is bad, more than four give nothing (measured).
const READERS: u32 = 4;

impl Db {
    /// Opens an embedded database that exists and has its tables.
    pub async fn open_sqlite(path: &Path) -> Result<Self> {
        let options = sqlite_options(path);
        let counter = Arc::new(AtomicU64::new(0));
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
        tokio::spawn(writer::run(connection, options, jobs, counter.clone()));
        Ok(Self {
            arm: Arm::Sqlite { read, queue },
            counter,
            losses: Arc::default(),
        })
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

    /// Counts an error that is a loss of the database.
    fn failed(&self, error: impl Into<StoreError>) -> StoreError {
        let error = error.into();
        if matches!(error, StoreError::Unavailable(_)) {
            self.losses.fetch_add(1, Ordering::SeqCst);
        }
        error
    }

    /// The first row of a statement that changes nothing.
    pub async fn read<B: Binds, R: Row>(&self, statement: Statement<B, R>, binds: B) -> Result<Option<R>> {
        self.start_statement()?;
        match &self.arm {
            Arm::Sqlite { read, .. } => {
                let row = sqlx::query_with(statement.sql.sqlite, sqlite(&binds)?)
                    .fetch_optional(read)
                    .await
                    .map_err(|error| self.failed(error))?;
                row.map(|row| decode(&row)).transpose()
            }
        }
    }

    /// All rows of a statement that changes nothing. The statement has a limit.
    pub async fn read_all<B: Binds, R: Row>(&self, statement: Statement<B, R>, binds: B) -> Result<Vec<R>> {
        self.start_statement()?;
        match &self.arm {
            Arm::Sqlite { read, .. } => {
                let rows = sqlx::query_with(statement.sql.sqlite, sqlite(&binds)?)
                    .fetch_all(read)
                    .await
                    .map_err(|error| self.failed(error))?;
                rows.iter().map(decode).collect()
            }
        }
    }

    /// Makes one statement durable and gives its row: the path for what is a single conditional statement.
    pub async fn execute<B: Binds, R: Row>(&self, statement: Statement<B, R>, binds: B) -> Result<Option<R>> {
        self.execute_while(statement, binds, |row| row).await
    }

    /// Like [`Db::execute`], with `work` done on the row while the change becomes durable. Its result comes out only
    /// when that is so: nothing can leak before the commit.
    pub async fn execute_while<B: Binds, R: Row, T>(
        &self,
        statement: Statement<B, R>,
        binds: B,
        work: impl FnOnce(Option<R>) -> T,
    ) -> Result<T> {
        self.start_statement()?;
        match &self.arm {
            Arm::Sqlite { queue, .. } => {
                let (row, early) = oneshot::channel();
                let (durable, committed) = oneshot::channel();
                send(
                    queue,
                    Job::Statement(Single {
                        sql: statement.sql.sqlite,
                        binds: Box::new(move |arguments| binds.add_to(arguments)),
                        width: B::WIDTH,
                        row: Some(row),
                        durable,
                    }),
                )?;
                // A closed channel means that there is no row to come; the other one says why.
                let Ok(row) = early.await else {
                    let why = committed.await.map(Result::err);
                    return Err(self.failed(why.ok().flatten().unwrap_or_else(lost)));
                };
                let result = row.as_ref().map(decode).transpose().map(work);
                committed.await.map_err(|_| self.failed(lost()))??;
                result
            }
        }
    }

    /// Makes a change durable. It runs to its end whoever still waits for it.
    pub async fn write<C: Change>(&self, change: C) -> Result<C::Out> {
        refuse_nested()?;
        match &self.arm {
            Arm::Sqlite { queue, .. } => {
                let (answer, result) = oneshot::channel();
                send(queue, Job::Change(Box::new(Pending::new(change, answer))))?;
                result.await.map_err(|_| self.failed(lost()))?
            }
        }
    }

    /// Ends the database for every clone of this: nothing new is taken, what was asked before is done, and the files
    /// are closed when this returns.
    pub async fn close(self) {
        match self.arm {
            Arm::Sqlite { read, queue } => {
                read.close().await;
                let (closed, done) = oneshot::channel();
                if queue.send(Job::Close(closed)).await.is_ok() {
                    let _ = done.await;
                }
            }
        }
    }

    /// The start of every call but [`Db::write`], whose transaction counts for itself.
    fn start_statement(&self) -> Result<()> {
        refuse_nested()?;
        self.counter.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Prepares a statement. For the test that prepares them all.
    pub async fn prepare(&self, sql: &'static str) -> Result<Prepared> {
        use sqlx::{Either, Executor, SqlStr, Statement as _};
        match &self.arm {
            Arm::Sqlite { read, .. } => {
                let prepared = read.prepare(SqlStr::from_static(sql)).await?;
                let binds = match prepared.parameters() {
                    Some(Either::Left(types)) => types.len(),
                    Some(Either::Right(count)) => count,
                    None => 0,
                };
                let columns = prepared.columns().len();
                Ok(Prepared { binds, columns })
            }
        }
    }
}

fn refuse_nested() -> Result<()> {
    if writer::inside_a_change() {
        return Err(StoreError::Nested);
    }
    Ok(())
}

/// Options of every connection to an embedded database.
pub(super) fn sqlite_options(path: &Path) -> SqliteConnectOptions {
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

fn sqlite<B: Binds>(binds: &B) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    binds.add_to(&mut arguments)?;
    Ok(arguments)
}

fn decode<R: Row>(row: &SqliteRow) -> Result<R> {
    R::from_row(row).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn send(queue: &mpsc::Sender<Job>, job: Job) -> Result<()> {
    queue.try_send(job).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => StoreError::Busy,
        mpsc::error::TrySendError::Closed(_) => StoreError::Unavailable("it is closed".to_owned()),
    })
}

/// The writer dropped the job: its batch was rolled back.
fn lost() -> StoreError {
    StoreError::Unavailable("the batch of changes was rolled back".to_owned())
}
