//! Many changes, one transaction, and each caller's own answer, only when it is durable.
//!
//! On the test's one thread, what is asked together is in the queue before the writer looks: one batch.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::future::{join, join_all};
use postern::store::{
    db::{Change, Db, Statement, WriteTx},
    error::{Result, StoreError},
};

use super::scratch::{ADD, AddNotes, CHILD, PROMISE, Scratch};

/// Lets a call begin, and no more.
async fn begin<F: Future>(mut call: std::pin::Pin<&mut F>) {
    poll_fn(|context| {
        assert!(call.as_mut().poll(context).is_pending(), "answered at once");
        Poll::Ready(())
    })
    .await;
}

fn is_unavailable<T>(result: &Result<T>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

struct Panics;

impl Change for Panics {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.one(ADD, (900, "of a change that panics".to_owned())).await?;
        panic!("on purpose")
    }
}

/// Adds a note and then waits for something that is not its transaction.
struct Sleeps(Duration);

impl Change for Sleeps {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.one(ADD, (901, "of a change that sleeps".to_owned())).await?;
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}

struct Nests(Db, &'static str);

impl Change for Nests {
    type Out = ();

    async fn apply(&self, _: &mut WriteTx<'_>) -> Result<()> {
        const FIND: Statement<(i64,), (i64,)> = Statement::new("SELECT id FROM notes WHERE id = $1");
        match self.1 {
            "write" => self.0.write(AddNotes(vec![902])).await.map(drop),
            "execute" => self.0.execute(ADD, (902, String::new())).await.map(drop),
            _ => self.0.read(FIND, (1,)).await.map(drop),
        }
    }
}

#[tokio::test]
async fn many_changes_become_one_durable_transaction() {
    let scratch = Scratch::start().await;
    let before = scratch.commits();
    let singles = join_all((0..100).map(|id| scratch.add(id)));
    let changes = join_all((0..50).map(|n| scratch.db.write(AddNotes(vec![1000 + n, 2000 + n]))));
    let (singles, changes) = join(singles, changes).await;
    for (id, single) in singles.into_iter().enumerate() {
        assert_eq!(single.expect("added").map(|row| row.0), i64::try_from(id).ok());
    }
    assert!(changes.into_iter().all(|change| change.is_ok_and(|n| n == 2)));
    assert_eq!(scratch.commits() - before, 1);
    assert_eq!(scratch.notes().await.len(), 200);
}

#[tokio::test]
async fn statements_and_changes_in_turn_are_one_batch_in_their_order() {
    const LOG: Statement<(i64,), ()> = Statement::new(
        "INSERT INTO log (at, value) SELECT COALESCE(MAX(at), 0) + 1, $1 FROM log WHERE 1 = 1",
    );
    struct Log(i64);
    impl Change for Log {
        type Out = ();
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
            tx.run(LOG, (self.0,)).await.map(drop)
        }
    }
    let scratch = Scratch::start().await;
    let before = scratch.commits();
    let all = join_all((0..120).map(|n| {
        let db = &scratch.db;
        async move {
            // Runs of statements of many lengths, with changes between them, at both ends and not.
            if n % 11 == 5 || n == 119 {
                db.write(Log(n)).await
            } else {
                db.execute(LOG, (n,)).await.map(drop)
            }
        }
    }));
    assert!(all.await.into_iter().all(|result| result.is_ok()));
    assert_eq!(scratch.commits() - before, 1);
    let mut second = scratch.second_connection().await;
    let logged: Vec<i64> = sqlx::query_scalar("SELECT value FROM log ORDER BY at")
        .fetch_all(&mut second)
        .await
        .expect("read");
    assert_eq!(logged, (0..120).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_task_sees_its_own_changes_in_order_and_a_second_connection_every_acknowledged_one() {
    let scratch = Scratch::start().await;
    for id in 0..30 {
        if id % 2 == 0 {
            scratch.add(id).await.expect("added");
        } else {
            scratch.db.write(AddNotes(vec![id])).await.expect("added");
        }
        assert_eq!(scratch.notes().await, (0..=id).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_row_comes_early_and_the_answer_only_with_the_commit() {
    let scratch = Scratch::start().await;
    let (worked, answered) = (Cell::new(false), Cell::new(false));
    let early = async {
        let work = |row| {
            worked.set(true);
            row
        };
        let row = scratch.db.execute_while(ADD, (1, "early".to_owned()), work).await;
        answered.set(true);
        row
    };
    let slow = scratch.db.write(Sleeps(Duration::from_millis(500)));
    let mut both = pin!(join(early, slow));
    let waited = tokio::time::timeout(Duration::from_millis(250), both.as_mut()).await;
    assert!(waited.is_err() && worked.get() && !answered.get());
    assert!(scratch.notes().await.is_empty());
    let (early, slow) = both.await;
    assert_eq!(early.expect("durable"), Some((1,)));
    slow.expect("durable");
    assert_eq!(scratch.notes().await, [1, 901]);
}

#[tokio::test]
async fn a_commit_that_fails_is_unavailable_to_everybody_although_work_was_done() {
    let scratch = Scratch::start().await;
    for promise_is_last in [true, false] {
        let worked = Cell::new(0);
        let work = |_| worked.set(worked.get() + 1);
        let promise = async { scratch.db.execute_while(PROMISE, (404,), work).await };
        let add = async { scratch.db.execute_while(ADD, (1, String::new()), work).await };
        let change = scratch.db.write(AddNotes(vec![2]));
        let (add, promise, change) = if promise_is_last {
            let (change, (add, promise)) = join(change, join(add, promise)).await;
            (add, promise, change)
        } else {
            let (promise, (add, change)) = join(promise, join(add, change)).await;
            (add, promise, change)
        };
        assert!(
            is_unavailable(&add) && is_unavailable(&promise),
            "{add:?} {promise:?}"
        );
        assert!(is_unavailable(&change), "{change:?}");
        assert_eq!(worked.get(), 2);
        assert!(scratch.notes().await.is_empty());
    }
    let alone = scratch.db.execute(PROMISE, (404,)).await;
    assert!(is_unavailable(&alone), "{alone:?}");
    scratch.add(1).await.expect("the writer goes on");
}

#[tokio::test]
async fn a_refusal_is_heard_only_when_what_it_was_judged_by_is_durable() {
    let scratch = Scratch::start().await;
    let (first, (taken, (taken_too, promise))) = join(
        scratch.add(1),
        join(
            scratch.db.write(AddNotes(vec![1])),
            join(scratch.add(1), scratch.db.execute(PROMISE, (404,))),
        ),
    )
    .await;
    assert!(is_unavailable(&first) && is_unavailable(&promise));
    assert!(is_unavailable(&taken), "note 1 is free after all: {taken:?}");
    assert!(
        is_unavailable(&taken_too),
        "note 1 is free after all: {taken_too:?}"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_neither_loses_nor_halves_its_change() {
    let scratch = Scratch::start().await;
    {
        let single = pin!(scratch.add(1));
        begin(single).await;
        let change = pin!(scratch.db.write(AddNotes(vec![2, 3])));
        begin(change).await;
    }
    scratch.add(4).await.expect("added");
    assert_eq!(scratch.notes().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_change_that_panics_takes_back_only_itself() {
    let scratch = Scratch::start().await;
    let before = scratch.commits();
    let (first, (panicked, last)) = join(
        scratch.add(1),
        join(scratch.db.write(Panics), scratch.db.write(AddNotes(vec![2]))),
    )
    .await;
    assert!(first.is_ok() && last.is_ok());
    assert!(matches!(panicked, Err(StoreError::Stopped(_))), "{panicked:?}");
    assert_eq!(scratch.notes().await, [1, 2]);
    assert_eq!(scratch.commits() - before, 1);
}

#[tokio::test]
async fn a_change_refused_after_a_statement_takes_back_only_itself() {
    let scratch = Scratch::start().await;
    scratch.add(7).await.expect("added");
    for refused_is_last in [true, false] {
        let refused = scratch.db.write(AddNotes(vec![5, 6, 7]));
        let other = AddNotes(vec![if refused_is_last { 1 } else { 2 }]);
        let (refused, other) = if refused_is_last {
            let (other, refused) = join(scratch.db.write(other), refused).await;
            (refused, other)
        } else {
            join(refused, scratch.db.write(other)).await
        };
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        other.expect("added");
    }
    assert_eq!(scratch.notes().await, [1, 2, 7]);
}

#[tokio::test]
async fn a_joined_statement_that_breaks_a_rule_is_refused_alone() {
    let scratch = Scratch::start().await;
    scratch.add(100).await.expect("added");
    // The first, the last, two neighbours, and the second of two that are both new.
    let ids = [100, 1, 2, 100, 100, 3, 4, 4, 5, 6, 7, 8, 100];
    let before = scratch.commits();
    let results = join_all(ids.map(|id| scratch.add(id))).await;
    let refused: Vec<usize> = (0..ids.len())
        .filter(|at| matches!(results[*at], Err(StoreError::Conflict(_))))
        .collect();
    assert_eq!(refused, [0, 3, 4, 7, 12]);
    for (id, result) in ids.into_iter().zip(results) {
        assert!(result.map_or(true, |row| row == Some((id,))));
    }
    assert_eq!(scratch.commits() - before, 1);
    assert_eq!(scratch.notes().await, [1, 2, 3, 4, 5, 6, 7, 8, 100]);
}

#[tokio::test]
async fn a_foreign_key_refuses_before_any_row_is_returned() {
    struct AddChild;
    impl Change for AddChild {
        type Out = Option<(i64,)>;
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Self::Out> {
            tx.one(CHILD, (404,)).await
        }
    }
    let scratch = Scratch::start().await;
    let change = scratch.db.write(AddChild).await;
    assert!(matches!(change, Err(StoreError::Conflict(_))), "{change:?}");
    let worked = Cell::new(false);
    let single = scratch
        .db
        .execute_while(CHILD, (404,), |_| worked.set(true))
        .await;
    assert!(!worked.get());
    assert!(matches!(single, Err(StoreError::Conflict(_))), "{single:?}");
}

#[tokio::test]
async fn a_value_of_a_wrong_type_is_refused_alone() {
    const BYTES: Statement<(Vec<u8>,), ()> = Statement::new("INSERT INTO log (at, value) VALUES (1, $1)");
    let scratch = Scratch::start().await;
    let (wrong, right) = join(scratch.db.execute(BYTES, (vec![255],)), scratch.add(1)).await;
    assert!(matches!(wrong, Err(StoreError::Conflict(_))), "{wrong:?}");
    right.expect("added");
}

#[tokio::test]
async fn a_nested_call_is_refused_and_nothing_hangs() {
    let scratch = Scratch::start().await;
    for call in ["write", "execute", "read"] {
        let nested = scratch.db.write(Nests(scratch.db.clone(), call));
        let nested = tokio::time::timeout(Duration::from_secs(1), nested).await;
        let nested = nested.expect("refused at once");
        assert!(matches!(nested, Err(StoreError::Nested)), "{call}: {nested:?}");
    }
    scratch.add(1).await.expect("the writer goes on");
    assert_eq!(scratch.notes().await, [1]);
}

#[tokio::test]
async fn a_change_that_waits_for_something_else_is_ended_and_the_others_go_on() {
    let scratch = Scratch::start().await;
    let batch = join(scratch.db.write(Sleeps(Duration::from_secs(10))), scratch.add(1));
    let (slept, other) = tokio::time::timeout(Duration::from_secs(5), batch)
        .await
        .expect("ended by the guard");
    assert!(matches!(slept, Err(StoreError::Stopped(_))), "{slept:?}");
    other.expect("added");
    assert_eq!(scratch.notes().await, [1]);
}

#[tokio::test]
async fn a_database_error_rolls_the_whole_batch_back_and_the_writer_recovers() {
    const BROKEN: Statement<(i64,), ()> = Statement::new("INSERT INTO no_such_table (id) VALUES ($1)");
    struct Breaks;
    impl Change for Breaks {
        type Out = ();
        async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
            tx.run(BROKEN, (1,)).await.map(drop)
        }
    }
    let scratch = Scratch::start().await;
    let change = join(scratch.db.write(AddNotes(vec![2])), scratch.db.write(Breaks));
    let (first, (change, last)) = join(scratch.add(1), join(change, scratch.add(3))).await;
    assert!(is_unavailable(&first) && is_unavailable(&last));
    assert!(is_unavailable(&change.0) && is_unavailable(&change.1));
    let (single, neighbour) = join(scratch.db.execute(BROKEN, (1,)), scratch.add(4)).await;
    assert!(is_unavailable(&single) && is_unavailable(&neighbour));
    assert!(scratch.notes().await.is_empty());
    scratch.add(5).await.expect("the writer goes on");
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once() {
    let scratch = Scratch::start().await;
    let results = join_all((0..1100).map(|id| scratch.add(id))).await;
    let busy: Vec<usize> = (0..1100)
        .filter(|at| matches!(results[*at], Err(StoreError::Busy)))
        .collect();
    assert_eq!(busy, (1024..1100).collect::<Vec<_>>());
    assert_eq!(scratch.notes().await, (0..1024).collect::<Vec<_>>());
}

#[tokio::test]
async fn joined_statements_give_each_caller_its_own_row_and_none_for_no_match() {
    const RENAME: Statement<(i64, String), (i64, String)> =
        Statement::new("UPDATE notes SET text = $2 WHERE id = $1 RETURNING id, text");
    let scratch = Scratch::start().await;
    scratch
        .db
        .write(AddNotes((0..150).filter(|id| id % 3 != 0).collect()))
        .await
        .expect("added");
    let rows = join_all((0..150).map(|id| scratch.db.execute(RENAME, (id, format!("note {id}"))))).await;
    for (id, row) in (0..).zip(rows) {
        let expected = (id % 3 != 0).then(|| (id, format!("note {id}")));
        assert_eq!(row.expect("answered"), expected);
    }
}

#[tokio::test]
async fn of_several_rows_the_first_is_the_callers_and_the_next_caller_has_its_own() {
    const TOUCH: Statement<(i64, i64), (i64,)> =
        Statement::new("UPDATE notes SET text = 'seen' WHERE id BETWEEN $1 AND $2 RETURNING id");
    let scratch = Scratch::start().await;
    scratch
        .db
        .write(AddNotes((0..40).collect()))
        .await
        .expect("added");
    let rows = join_all((0..8).map(|n| scratch.db.execute(TOUCH, (n * 5, n * 5 + 4)))).await;
    for (n, row) in (0..).zip(rows) {
        assert_eq!(row.expect("answered"), Some((n * 5,)));
    }
}

#[tokio::test]
async fn parameters_are_renumbered_also_from_ten_on_and_when_they_repeat() {
    type Twelve = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);
    const WIDE: Statement<Twelve, Twelve> = Statement::new(
        "INSERT INTO wide (a, b, c, d, e, f, g, h, i, j, k, l)
         VALUES ($12, $11, $10, $9, $8, $7, $6, $5, $4, $3, $2, $1 + $10 - $10 + $1 - $1)
         RETURNING a, b, c, d, e, f, g, h, i, j, k, l",
    );
    let scratch = Scratch::start().await;
    let rows = join_all((0..63).map(|n| {
        let b = |at: i64| n * 100 + at;
        let binds = (
            b(1),
            b(2),
            b(3),
            b(4),
            b(5),
            b(6),
            b(7),
            b(8),
            b(9),
            b(10),
            b(11),
            b(12),
        );
        scratch.db.execute(WIDE, binds)
    }));
    for (n, row) in (0..).zip(rows.await) {
        let b = |at: i64| n * 100 + at;
        let back = (
            b(12),
            b(11),
            b(10),
            b(9),
            b(8),
            b(7),
            b(6),
            b(5),
            b(4),
            b(3),
            b(2),
            b(1),
        );
        assert_eq!(row.expect("answered"), Some(back));
    }
}

#[tokio::test]
async fn closing_waits_for_what_was_asked_and_takes_nothing_new() {
    let scratch = Scratch::start().await;
    let calls: Vec<_> = (0..500).map(|id| Box::pin(scratch.add(id))).collect();
    for mut call in calls {
        begin(call.as_mut()).await;
    }
    scratch.db.clone().close().await;
    assert_eq!(scratch.notes().await.len(), 500);
    let late = scratch.add(1000).await;
    assert!(is_unavailable(&late), "{late:?}");
}

#[tokio::test]
async fn every_statement_of_ours_is_counted_once() {
    let scratch = Scratch::start().await;
    let before = scratch.db.statements_run();
    scratch.db.write(AddNotes(vec![1, 2])).await.expect("added");
    scratch.add(3).await.expect("added");
    assert_eq!(scratch.db.statements_run() - before, 3);
}
