//! What a change owes its caller, on PostgreSQL: each has a transaction of its own.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{join, poll_immediate};
use postern::store::{
    db::{Change, Db, Statement, WriteTx},
    error::{Result, StoreError},
};
use tokio::sync::Barrier;

use crate::harness::postgres::{Database, database};

const TABLES: &str = "
    CREATE TABLE notes (id bigint PRIMARY KEY, text text NOT NULL);
    CREATE TABLE promises (note bigint NOT NULL REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED)";
const ADD: Statement<(i64, String), (i64,)> =
    Statement::new("INSERT INTO notes (id, text) VALUES ($1, $2) RETURNING id");
const RENAME: Statement<(i64, String), (i64,)> =
    Statement::new("UPDATE notes SET text = text || $2 WHERE id = $1 RETURNING id");
const PROMISE: Statement<(i64,), ()> = Statement::new("INSERT INTO promises (note) VALUES ($1)");
const COUNT: Statement<(), (i64,)> = Statement::new("SELECT COUNT(*) FROM notes");

struct Notes {
    db: Db,
    database: Database,
}

impl Notes {
    async fn start() -> Option<Self> {
        let database = database().await?;
        database.psql(TABLES);
        let db = Db::open(&database.location).await.expect("opened");
        Some(Self { db, database })
    }

    fn is(&self, notes: &str) {
        let found = self
            .database
            .psql("SELECT string_agg(id || text, ' ' ORDER BY id) FROM notes");
        assert_eq!(found, notes);
        let open = "SELECT COUNT(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'postern' AND state LIKE 'idle in transaction%'";
        assert_eq!(self.database.psql(open), "0");
    }
}

/// Adds notes one after the other, then does something else.
struct Add<F>(Vec<i64>, F);

fn add(ids: &[i64]) -> Add<impl Fn() -> Result<()> + Send + Sync + 'static> {
    Add(ids.to_vec(), || Ok(()))
}

impl<F: Fn() -> Result<()> + Send + Sync + 'static> Change for Add<F> {
    type Out = usize;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<usize> {
        for id in &self.0 {
            tx.one(ADD, (*id, "a".to_owned())).await?;
        }
        (self.1)()?;
        Ok(self.0.len())
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_neither_loses_nor_halves_its_change() {
    let Some(notes) = Notes::start().await else {
        return;
    };
    {
        let change = pin!(notes.db.write(add(&[1, 2, 3])));
        assert!(poll_immediate(change).await.is_none());
    }
    while notes.db.read(COUNT, ()).await.expect("read") != Some((3,)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    notes.is("1a 2a 3a");
}

#[tokio::test]
async fn callers_of_single_statements_that_go_away_leave_connections_that_work() {
    let Some(notes) = Notes::start().await else {
        return;
    };
    for id in 0..100 {
        let single = pin!(notes.db.execute(ADD, (id, "a".to_owned())));
        // At every point of its way.
        let limit = Duration::from_micros(40 * u64::try_from(id).expect("small"));
        let _ = tokio::time::timeout(limit, single).await;
    }
    for id in 100..110 {
        let row = notes.db.execute(ADD, (id, "a".to_owned())).await;
        assert_eq!(row.expect("added"), Some((id,)));
    }
    // Nothing that was acknowledged stands in a transaction that somebody left open.
    let seen = notes.database.psql("SELECT COUNT(*) FROM notes WHERE id >= 100");
    assert_eq!(seen, "10");
}

#[tokio::test]
async fn a_change_that_panics_or_is_refused_after_a_statement_is_taken_back_whole() {
    let Some(notes) = Notes::start().await else {
        return;
    };
    notes.db.write(add(&[7])).await.expect("added");
    let panicked = notes.db.write(Add(vec![1], || panic!("on purpose"))).await;
    assert!(matches!(panicked, Err(StoreError::Stopped(_))), "{panicked:?}");
    let refused = notes.db.write(add(&[5, 6, 7])).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let refused = notes
        .db
        .write(Add(vec![8], || Err(StoreError::corrupt("text"))))
        .await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    notes.is("7a");
}

#[tokio::test]
async fn a_change_that_goes_on_after_a_statement_failed_is_not_reported_as_made() {
    struct GoesOn;
    impl Change for GoesOn {
        type Out = ();
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
            tx.one(ADD, (1, "a".to_owned())).await?;
            let _ = tx.one(ADD, (1, "again".to_owned())).await;
            Ok(())
        }
    }
    let Some(notes) = Notes::start().await else {
        return;
    };
    let gone_on = notes.db.write(GoesOn).await;
    assert!(matches!(gone_on, Err(StoreError::Stopped(_))), "{gone_on:?}");
    notes.is("");
}

#[tokio::test]
async fn a_commit_that_is_refused_is_reported_as_that() {
    struct Promises;
    impl Change for Promises {
        type Out = ();
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
            tx.one(ADD, (1, "a".to_owned())).await?;
            tx.run(PROMISE, (404,)).await.map(drop)
        }
    }
    let Some(notes) = Notes::start().await else {
        return;
    };
    let promised = notes.db.write(Promises).await;
    assert!(matches!(promised, Err(StoreError::Conflict(_))), "{promised:?}");
    notes.is("");
}

#[tokio::test]
async fn a_nested_call_is_refused_and_nothing_hangs() {
    struct Nests(Db);
    impl Change for Nests {
        type Out = ();
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
            tx.one(ADD, (1, "a".to_owned())).await?;
            self.0.read(COUNT, ()).await.map(drop)
        }
    }
    let Some(notes) = Notes::start().await else {
        return;
    };
    let nested = notes.db.write(Nests(notes.db.clone())).await;
    assert!(matches!(nested, Err(StoreError::Nested)), "{nested:?}");
    notes.is("");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_lock_in_opposite_order_both_happen() {
    struct Both(i64, i64, Arc<Barrier>, AtomicBool);
    impl Change for Both {
        type Out = ();
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
            tx.one(RENAME, (self.0, "x".to_owned())).await?;
            // The first time both have what the other one wants; one of them runs again, and waits for nobody.
            if !self.3.swap(true, Ordering::Relaxed) {
                let _ = tokio::time::timeout(Duration::from_secs(3), self.2.wait()).await;
            }
            tx.one(RENAME, (self.1, "y".to_owned())).await.map(drop)
        }
    }
    let Some(notes) = Notes::start().await else {
        return;
    };
    notes.db.write(add(&[1, 2])).await.expect("added");
    let barrier = Arc::new(Barrier::new(2));
    let there = notes
        .db
        .write(Both(1, 2, Arc::clone(&barrier), AtomicBool::new(false)));
    let back = notes.db.write(Both(2, 1, barrier, AtomicBool::new(false)));
    let (there, back) = join(there, back).await;
    there.expect("one of them, after the other");
    back.expect("and the other");
    let texts = notes.database.psql("SELECT text FROM notes ORDER BY id");
    assert!(["axy\nayx", "ayx\naxy"].contains(&texts.as_str()), "{texts}");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    for _ in 0..100 {
        if notes.database.psql(deadlocks) == "1" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("there was no deadlock");
}

#[tokio::test]
async fn what_does_not_fit_is_a_conflict_and_no_loss_of_the_database() {
    let Some(notes) = Notes::start().await else {
        return;
    };
    notes.db.write(add(&[1])).await.expect("added");
    for (id, text) in [(1, "taken"), (2, "a NUL: \0")] {
        let refused = notes.db.execute(ADD, (id, text.to_owned())).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }
    assert_eq!(notes.db.losses(), 0);
    notes.is("1a");
}

#[tokio::test]
async fn a_row_that_does_not_read_is_a_fault_and_its_connection_goes_on() {
    const WRONG: Statement<(), (i64,)> = Statement::new("SELECT text FROM notes");
    let Some(notes) = Notes::start().await else {
        return;
    };
    notes.db.write(add(&[1])).await.expect("added");
    let wrong = notes.db.read(WRONG, ()).await;
    assert!(matches!(wrong, Err(StoreError::Corrupt(_))), "{wrong:?}");
    assert_eq!(notes.db.losses(), 0);
    notes.is("1a");
}

#[tokio::test]
async fn a_change_that_is_cut_off_is_taken_back_and_told_to_come_back() {
    struct Cut(String);
    impl Change for Cut {
        type Out = ();
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
            const END: Statement<(String,), (bool,)> = Statement::new(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = $1 AND application_name = 'postern'",
            );
            tx.one(ADD, (1, "a".to_owned())).await?;
            tx.one(END, (self.0.clone(),)).await.map(drop)
        }
    }
    let Some(notes) = Notes::start().await else {
        return;
    };
    let cut = notes.db.write(Cut(notes.database.name.clone())).await;
    assert!(matches!(cut, Err(StoreError::Unavailable(_))), "{cut:?}");
    notes.db.write(add(&[2])).await.expect("a new connection");
    notes.is("2a");
}

/// The test above would be none if a change were not a future that can be left.
const _: fn(&Db) = |db| {
    fn is_send(_: impl Future + Send) {}
    is_send(db.write(add(&[])));
};
