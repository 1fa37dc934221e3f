//! Group commit on the embedded database: one task runs changes to their end, many in one transaction, and makes them
//! durable with one fsync. Nobody is answered before the commit.
//!
//! What is in a batch when the database fails is rolled back as a whole, and its callers' channels are dropped, which
//! they read as "unavailable". A refusal, a panic or a wait for something else takes back only the change itself.

use std::{
    collections::HashMap,
    fmt::Write as _,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures_util::{FutureExt, TryStreamExt};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Either, Executor, SqlSafeStr, SqlStr, SqliteConnection,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow},
};
use tokio::sync::{mpsc, oneshot};

use crate::store::{
    db::{Change, WriteTx},
    error::{Result, StoreError},
};

/// How many jobs go into one transaction at most.
const BATCH: usize = 256;
/// How many neighbouring statements of one text become one command, at most.
const JOINED: usize = 32;
/// How long a change may take; longer means that it waits for something that is not its transaction.
const GUARD: Duration = Duration::from_secs(2);

tokio::task_local! {
    static INSIDE: ();
}

/// Whether this code runs as part of a change, which must not call the database again: it would wait for itself.
pub(super) fn inside_a_change() -> bool {
    INSIDE.try_with(|()| ()).is_ok()
}

/// Something to make durable.
pub(super) enum Job {
    /// One statement without Rust after it.
    Statement(Single),
    /// A change; its result stays inside until the commit.
    Change(Box<dyn Erased>),
}

/// One statement. Its row goes out early, the word that it is durable later.
pub(super) struct Single {
    pub(super) sql: &'static str,
    pub(super) binds: Box<dyn FnOnce(&mut SqliteArguments) -> Result<()> + Send>,
    /// How many values it takes.
    pub(super) width: usize,
    pub(super) row: oneshot::Sender<Option<SqliteRow>>,
    pub(super) durable: oneshot::Sender<Result<()>>,
}

type Applied<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A change without its type.
pub(super) trait Erased: Send {
    fn apply<'a>(&'a mut self, tx: &'a mut WriteTx<'_>) -> Applied<'a>;
    fn committed(self: Box<Self>);
    fn failed(self: Box<Self>, error: StoreError);
}

/// A change, its result when it has one, and who waits for it.
pub(super) struct Pending<C: Change> {
    change: C,
    out: Option<C::Out>,
    answer: oneshot::Sender<Result<C::Out>>,
}

impl<C: Change> Pending<C> {
    pub(super) fn new(change: C, answer: oneshot::Sender<Result<C::Out>>) -> Self {
        Self {
            change,
            out: None,
            answer,
        }
    }
}

impl<C: Change> Erased for Pending<C> {
    fn apply<'a>(&'a mut self, tx: &'a mut WriteTx<'_>) -> Applied<'a> {
        Box::pin(async move {
            self.out = Some(self.change.apply(tx).await?);
            Ok(())
        })
    }

    fn committed(self: Box<Self>) {
        if let Some(out) = self.out {
            let _ = self.answer.send(Ok(out));
        }
    }

    fn failed(self: Box<Self>, error: StoreError) {
        let _ = self.answer.send(Err(error));
    }
}

/// The writer: runs until every sender is gone.
pub(super) async fn run(
    connection: SqliteConnection,
    options: SqliteConnectOptions,
    mut queue: mpsc::Receiver<Job>,
    counter: Arc<AtomicU64>,
) {
    let mut writer = Writer {
        connection: Some(connection),
        options,
        counter,
        texts: HashMap::new(),
    };
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        if let Err(error) = writer.batch(steps(&mut jobs)).await {
            tracing::error!(%error, "a batch of changes was rolled back");
        }
    }
    if let Some(connection) = writer.connection {
        let _ = connection.close().await;
    }
}

/// What one command does.
enum Step {
    /// Neighbouring statements of one text.
    Statements(Vec<Single>),
    Change(Box<dyn Erased>),
}

/// Cuts the jobs into steps. Chunks have few sizes, so that few texts are prepared.
fn steps(jobs: &mut Vec<Job>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for job in jobs.drain(..) {
        match (job, steps.last_mut()) {
            (Job::Statement(single), Some(Step::Statements(chunk))) if chunk[0].sql == single.sql => {
                chunk.push(single)
            }
            (Job::Statement(single), _) => steps.push(Step::Statements(vec![single])),
            (Job::Change(change), _) => steps.push(Step::Change(change)),
        }
    }
    let mut cut = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Step::Statements(mut rest) => {
                while !rest.is_empty() {
                    let size = (1 << rest.len().ilog2()).min(JOINED);
                    let tail = rest.split_off(size);
                    cut.push(Step::Statements(std::mem::replace(&mut rest, tail)));
                }
            }
            change @ Step::Change(_) => cut.push(change),
        }
    }
    cut
}

/// Whom to tell when the batch is durable.
enum Waiting {
    Statement(oneshot::Sender<Result<()>>),
    Change(Box<dyn Erased>),
}

struct Writer {
    /// Nothing after a failure, until the next batch opens a new one.
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    counter: Arc<AtomicU64>,
    texts: HashMap<Text, SqlStr>,
}

/// Which command: a statement, how many times, and whether it begins or ends the transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Text {
    sql: &'static str,
    width: usize,
    times: usize,
    begin: bool,
    commit: bool,
}

impl Writer {
    async fn batch(&mut self, steps: Vec<Step>) -> Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let mut waiting = Vec::new();
        if let Err(error) = self.run_all(&mut connection, steps, &mut waiting).await {
            // Dropping `waiting` tells every caller. A connection that cannot roll back is not used again.
            if command(&mut connection, "ROLLBACK").await.is_ok() {
                self.connection = Some(connection);
            }
            return Err(error);
        }
        self.connection = Some(connection);
        for caller in waiting {
            match caller {
                Waiting::Statement(durable) => drop(durable.send(Ok(()))),
                Waiting::Change(change) => change.committed(),
            }
        }
        Ok(())
    }

    /// Runs the steps in one transaction. `BEGIN` and `COMMIT` travel with the first and last statements, where these
    /// are statements: every command is a trip to the connection's thread.
    async fn run_all(
        &mut self,
        connection: &mut SqliteConnection,
        steps: Vec<Step>,
        waiting: &mut Vec<Waiting>,
    ) -> Result<()> {
        let last = steps.len() - 1;
        let mut committed = false;
        if matches!(steps[0], Step::Change(_)) {
            command(connection, "BEGIN IMMEDIATE").await?;
        }
        for (index, step) in steps.into_iter().enumerate() {
            match step {
                Step::Statements(chunk) => {
                    let (begin, commit) = (index == 0, index == last);
                    committed = self
                        .run_statements(connection, chunk, (begin, commit), waiting)
                        .await?;
                }
                Step::Change(change) => self.run_change(connection, change, waiting).await?,
            }
        }
        if !committed {
            command(connection, "COMMIT").await?;
        }
        Ok(())
    }

    /// Runs a chunk; whether the transaction is committed with it.
    async fn run_statements(
        &mut self,
        connection: &mut SqliteConnection,
        chunk: Vec<Single>,
        (begin, commit): (bool, bool),
        waiting: &mut Vec<Waiting>,
    ) -> Result<bool> {
        let text = Text {
            sql: chunk[0].sql,
            width: chunk[0].width,
            times: chunk.len(),
            begin,
            commit,
        };
        let sql = self.texts.entry(text).or_insert_with(|| text.join()).clone();
        let mut arguments = SqliteArguments::default();
        let mut rows = Vec::with_capacity(chunk.len());
        let before = waiting.len();
        for single in chunk {
            (single.binds)(&mut arguments)?;
            rows.push(Some(single.row));
            waiting.push(Waiting::Statement(single.durable));
        }
        let outcome = stream_rows(connection, sql, arguments, &mut rows, usize::from(begin)).await;
        match outcome {
            Ok(()) => Ok(commit),
            // Alone, a statement that breaks a rule has changed nothing and hurts nobody else. Joined statements
            // are conditional updates that cannot break one; if one does, the batch is rolled back.
            Err(error @ StoreError::Conflict(_)) if text.times == 1 => {
                if let Some(Waiting::Statement(durable)) = waiting.drain(before..).next() {
                    drop(rows);
                    let _ = durable.send(Err(error));
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn run_change(
        &self,
        connection: &mut SqliteConnection,
        mut change: Box<dyn Erased>,
        waiting: &mut Vec<Waiting>,
    ) -> Result<()> {
        command(connection, "SAVEPOINT change").await?;
        let mut tx = WriteTx::new(connection, &self.counter);
        let applied = AssertUnwindSafe(INSIDE.scope((), change.apply(&mut tx))).catch_unwind();
        let refusal = match tokio::time::timeout(GUARD, applied).await {
            Ok(Ok(Ok(()))) => {
                command(connection, "RELEASE change").await?;
                waiting.push(Waiting::Change(change));
                return Ok(());
            }
            Ok(Ok(Err(error @ (StoreError::Conflict(_) | StoreError::Corrupt(_) | StoreError::Nested)))) => {
                error
            }
            Ok(Ok(Err(error))) => return Err(error),
            Ok(Err(_panic)) => StoreError::Stopped("it panicked"),
            Err(_elapsed) => StoreError::Stopped("it waited for something that is not its transaction"),
        };
        command(connection, "ROLLBACK TO change").await?;
        command(connection, "RELEASE change").await?;
        change.failed(refusal);
        Ok(())
    }
}

impl Text {
    /// The statement as often as it runs, its `$1` ... numbered on, between `BEGIN` and `COMMIT` where it has to be.
    fn join(self) -> SqlStr {
        let mut sql = String::with_capacity(self.sql.len() * self.times + 32);
        if self.begin {
            sql.push_str("BEGIN IMMEDIATE; ");
        }
        for time in 0..self.times {
            let mut parts = self.sql.split('$');
            sql.push_str(parts.next().unwrap_or_default());
            for part in parts {
                let digits = part.bytes().take_while(u8::is_ascii_digit).count();
                let number: usize = part[..digits].parse().unwrap_or(0);
                let _ = write!(sql, "${}{}", number + time * self.width, &part[digits..]);
            }
            sql.push_str("; ");
        }
        if self.commit {
            sql.push_str("COMMIT");
        }
        // Made of static texts and numbers only.
        AssertSqlSafe(sql).into_sql_str()
    }
}

/// Runs a command and hands each statement's first row out as soon as it is there: its caller works while the
/// transaction becomes durable. `skip` statements at the front have no caller.
async fn stream_rows(
    connection: &mut SqliteConnection,
    sql: SqlStr,
    arguments: SqliteArguments,
    rows: &mut [Option<oneshot::Sender<Option<SqliteRow>>>],
    skip: usize,
) -> Result<()> {
    let mut stream = connection.fetch_many(sqlx::query_with(sql, arguments));
    let mut finished = 0usize;
    while let Some(item) = stream.try_next().await? {
        let caller = finished.checked_sub(skip).and_then(|index| rows.get_mut(index));
        match item {
            Either::Right(row) => {
                if let Some(caller) = caller.and_then(Option::take) {
                    let _ = caller.send(Some(row));
                }
            }
            Either::Left(_) => {
                if let Some(caller) = caller.and_then(Option::take) {
                    let _ = caller.send(None);
                }
                finished += 1;
            }
        }
    }
    Ok(())
}

async fn command(connection: &mut SqliteConnection, sql: &'static str) -> Result<()> {
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}
