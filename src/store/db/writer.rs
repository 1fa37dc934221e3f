//! Group commit on the embedded database: one task runs changes to their end, many in one transaction, and makes them
//! durable with one fsync. Nobody is answered before the commit.
//!
//! What is in a batch when the database fails is rolled back as a whole, and its callers' channels are dropped, which
//! they read as "unavailable". A refusal, a panic or a wait for something else takes back only the change itself; its
//! caller hears of it after the commit like the others, since it was judged by what the batch had changed before it.

use std::{
    collections::HashMap,
    fmt::Write as _,
    mem,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures_util::{FutureExt, TryStreamExt};
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, SqlSafeStr, SqlStr, SqliteConnection,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow},
};
use tokio::sync::{mpsc, oneshot};

use super::{Change, WriteTx, inside_a_change};
use crate::store::error::{Result, StoreError};

/// How many jobs go into one transaction at most.
const BATCH: usize = 256;
/// How many neighbouring statements of one text become one command, at most.
const JOINED: usize = 32;
/// So many have a command of exactly their number: most batches are one trip to the connection's thread.
const EXACT: usize = 16;
/// How long a change may take; longer means that it waits for something that is not its transaction.
const GUARD: Duration = Duration::from_secs(2);

/// Something to make durable.
pub(super) enum Job {
    /// One statement without Rust after it.
    Statement(Single),
    /// A change; its result stays inside until the commit.
    Change(Box<dyn Erased>),
    /// The end: nothing new is taken, what is waiting is done, and then the caller hears of it.
    Close(oneshot::Sender<()>),
}

/// Adds a statement's values to a command's; again, where the command stopped before it.
type AddBinds = Box<dyn Fn(&mut SqliteArguments) -> Result<()> + Send>;

/// One statement. Its row goes out early, the word that it is durable later.
pub(super) struct Single {
    pub(super) sql: &'static str,
    pub(super) binds: AddBinds,
    /// How many values it takes.
    pub(super) width: usize,
    /// Nothing when the row has gone out.
    pub(super) row: Option<oneshot::Sender<Option<SqliteRow>>>,
    pub(super) durable: oneshot::Sender<Result<()>>,
}

type Applied<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A change without its type.
pub(super) trait Erased: Send {
    fn apply<'a>(&'a mut self, tx: &'a mut WriteTx<'_>) -> Applied<'a>;
    fn answer(self: Box<Self>, outcome: Result<()>);
}

/// A change, its result when it has one, and who waits for it.
pub(super) struct Pending<C: Change> {
    change: C,
    out: Option<C::Out>,
    caller: oneshot::Sender<Result<C::Out>>,
}

impl<C: Change> Pending<C> {
    pub(super) fn new(change: C, caller: oneshot::Sender<Result<C::Out>>) -> Self {
        Self {
            change,
            out: None,
            caller,
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

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let Self { out, caller, .. } = *self;
        if let Some(answer) = outcome.map(|()| out).transpose() {
            let _ = caller.send(answer);
        }
    }
}

/// The writer: runs until it is closed or every sender is gone.
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
    let mut closing = Vec::new();
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        let steps = steps(&mut jobs, &mut closing);
        if !closing.is_empty() {
            queue.close();
        }
        if steps.is_empty() {
            continue;
        }
        // A panic outside of a change is a fault of this file; its batch is lost with its connection, not the writer.
        match AssertUnwindSafe(writer.batch(steps)).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "a batch of changes was rolled back"),
            Err(_panic) => tracing::error!("the writer panicked, and a batch of changes was rolled back"),
        }
    }
    if let Some(connection) = writer.connection {
        let _ = connection.close().await;
    }
    for caller in closing {
        let _ = caller.send(());
    }
}

/// What is done at once.
enum Step {
    /// Neighbouring statements of one text.
    Statements(Vec<Single>),
    Change(Box<dyn Erased>),
}

/// Cuts the jobs into steps. Chunks have few sizes, so that few texts are prepared.
fn steps(jobs: &mut Vec<Job>, closing: &mut Vec<oneshot::Sender<()>>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for job in jobs.drain(..) {
        match (job, steps.last_mut()) {
            (Job::Statement(single), Some(Step::Statements(chunk))) if chunk[0].sql == single.sql => {
                chunk.push(single);
            }
            (Job::Statement(single), _) => steps.push(Step::Statements(vec![single])),
            (Job::Change(change), _) => steps.push(Step::Change(change)),
            (Job::Close(caller), _) => closing.push(caller),
        }
    }
    let mut cut = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Step::Statements(mut rest) => {
                while !rest.is_empty() {
                    let size = match rest.len() {
                        exact @ ..=EXACT => exact,
                        many => (1 << many.ilog2()).min(JOINED),
                    };
                    let tail = rest.split_off(size);
                    cut.push(Step::Statements(mem::replace(&mut rest, tail)));
                }
            }
            change @ Step::Change(_) => cut.push(change),
        }
    }
    cut
}

/// Who is told what when the batch is durable.
enum Waiting {
    Statement(oneshot::Sender<Result<()>>, Result<()>),
    Change(Box<dyn Erased>, Result<()>),
}

struct Writer {
    /// Nothing after a failure, until the next batch opens a new one.
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    counter: Arc<AtomicU64>,
    texts: HashMap<Text, SqlStr>,
}

/// Which ends of the transaction a step has: `BEGIN` and `COMMIT` travel with the first and the last, since every
/// command is a trip to the connection's thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Ends {
    begin: bool,
    commit: bool,
}

/// Which command: a statement, how many times, and whether it begins or ends the transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Text {
    sql: &'static str,
    width: usize,
    times: usize,
    ends: Ends,
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
                Waiting::Statement(durable, outcome) => drop(durable.send(outcome)),
                Waiting::Change(change, outcome) => change.answer(outcome),
            }
        }
        Ok(())
    }

    /// Runs the steps in one transaction.
    async fn run_all(
        &mut self,
        connection: &mut SqliteConnection,
        steps: Vec<Step>,
        waiting: &mut Vec<Waiting>,
    ) -> Result<()> {
        let last = steps.len() - 1;
        for (index, step) in steps.into_iter().enumerate() {
            let ends = Ends {
                begin: index == 0,
                commit: index == last,
            };
            match step {
                Step::Statements(chunk) => self.run_statements(connection, chunk, ends, waiting).await?,
                Step::Change(change) => self.run_change(connection, change, ends, waiting).await?,
            }
        }
        Ok(())
    }

    /// Runs a chunk. A statement that breaks a rule of the schema has changed nothing: it is refused, and the chunk
    /// goes on behind it.
    async fn run_statements(
        &mut self,
        connection: &mut SqliteConnection,
        mut chunk: Vec<Single>,
        mut ends: Ends,
        waiting: &mut Vec<Waiting>,
    ) -> Result<()> {
        while !chunk.is_empty() {
            let text = Text {
                sql: chunk[0].sql,
                width: chunk[0].width,
                times: chunk.len(),
                ends,
            };
            let sql = self.texts.entry(text).or_insert_with(|| text.join()).clone();
            let mut arguments = SqliteArguments::default();
            arguments.reserve(text.width * text.times, 0);
            for single in &chunk {
                (single.binds)(&mut arguments)?;
            }
            let (ran, outcome) =
                stream_rows(connection, sql, arguments, &mut chunk, usize::from(ends.begin)).await;
            let refusal = match outcome {
                Ok(()) => None,
                // Not that of the COMMIT, which is everybody's.
                Err(error @ StoreError::Conflict(_)) if ran < chunk.len() => Some(error),
                Err(error) => return Err(error),
            };
            let behind = chunk.split_off(chunk.len().min(ran + 1));
            let refused = if refusal.is_some() { chunk.pop() } else { None };
            waiting.extend(
                chunk
                    .into_iter()
                    .map(|single| Waiting::Statement(single.durable, Ok(()))),
            );
            let (Some(error), Some(refused)) = (refusal, refused) else {
                return Ok(());
            };
            waiting.push(Waiting::Statement(refused.durable, Err(error)));
            chunk = behind;
            ends.begin = false;
        }
        if ends.commit {
            command(connection, "COMMIT").await?;
        }
        Ok(())
    }

    async fn run_change(
        &self,
        connection: &mut SqliteConnection,
        mut change: Box<dyn Erased>,
        ends: Ends,
        waiting: &mut Vec<Waiting>,
    ) -> Result<()> {
        let before = if ends.begin {
            "BEGIN IMMEDIATE; SAVEPOINT change"
        } else {
            "SAVEPOINT change"
        };
        command(connection, before).await?;
        let mut tx = WriteTx::sqlite(connection, &self.counter);
        let applied = AssertUnwindSafe(inside_a_change(change.apply(&mut tx))).catch_unwind();
        let outcome = match tokio::time::timeout(GUARD, applied).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error @ (StoreError::Conflict(_) | StoreError::Corrupt(_) | StoreError::Nested)))) => {
                Err(error)
            }
            Ok(Ok(Err(error))) => return Err(error),
            Ok(Err(_panic)) => Err(StoreError::Stopped("it panicked")),
            Err(_elapsed) => Err(StoreError::Stopped(
                "it waited for something that is not its transaction",
            )),
        };
        let after = match (outcome.is_ok(), ends.commit) {
            (true, false) => "RELEASE change",
            (true, true) => "RELEASE change; COMMIT",
            (false, false) => "ROLLBACK TO change; RELEASE change",
            (false, true) => "ROLLBACK TO change; RELEASE change; COMMIT",
        };
        command(connection, after).await?;
        waiting.push(Waiting::Change(change, outcome));
        Ok(())
    }
}

impl Text {
    /// The statement as often as it runs, its `$1` ... numbered on, between `BEGIN` and `COMMIT` where it has to be.
    fn join(self) -> SqlStr {
        let mut sql = String::with_capacity(self.sql.len() * self.times + 32);
        if self.ends.begin {
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
        if self.ends.commit {
            sql.push_str("COMMIT");
        }
        // Made of static texts and numbers only. Shared: a clone of an owned text would be a copy.
        AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
    }
}

/// Runs a command and hands each statement's first row out as soon as it is there: its caller works while the
/// transaction becomes durable. `skip` statements at the front have no caller. Gives how many of the chunk ran.
async fn stream_rows(
    connection: &mut SqliteConnection,
    sql: SqlStr,
    arguments: SqliteArguments,
    chunk: &mut [Single],
    skip: usize,
) -> (usize, Result<()>) {
    let mut stream = connection.fetch_many(sqlx::query_with(sql, arguments));
    let mut finished = 0usize;
    let outcome = loop {
        let item = match stream.try_next().await {
            Ok(Some(item)) => item,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        };
        let single = finished.checked_sub(skip).and_then(|index| chunk.get_mut(index));
        let caller = single.and_then(|single| single.row.take());
        let row = item.right();
        finished += usize::from(row.is_none());
        if let Some(caller) = caller {
            let _ = caller.send(row);
        }
    };
    (finished.saturating_sub(skip).min(chunk.len()), outcome)
}

async fn command(connection: &mut SqliteConnection, sql: &'static str) -> Result<()> {
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}
