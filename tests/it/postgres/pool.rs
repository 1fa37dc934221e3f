//! What becomes of a connection when it is given back.

use std::time::Duration;

use postern::store::{
    db::{Db, Location, Statement},
    error::StoreError,
};
use tokio::time::timeout;

use super::{DATABASE, cluster, options};

const PROCESS: Statement<(), (i64,)> = Statement::new("SELECT CAST(pg_backend_pid() AS BIGINT)");
const SLOW: Statement<(), (i64,)> = Statement::new("SELECT CAST(7 AS BIGINT) FROM pg_sleep(0.2)");
const WRONG: Statement<(), (i64,)> = Statement::new("SELECT CAST('NaN' AS BIGINT)");

/// With one connection it is seen which one it is.
async fn with_one(url: &str) -> Db {
    let options = postern::store::db::PostgresOptions {
        max_connections: 1,
        ..options(url)
    };
    Db::open(&Location::Postgres(options)).await.expect("opened")
}

async fn process(db: &Db) -> i64 {
    db.read(PROCESS, ()).await.expect("answered").expect("a row").0
}

/// Strangers go away as often as they like: it must not make a new connection each time, nor mix up answers.
#[tokio::test]
async fn who_goes_away_leaves_a_connection_that_is_read_to_its_end_and_used_again() {
    let Some(cluster) = cluster(&["fsync=off"]).await else {
        return;
    };
    let db = with_one(&cluster.url(DATABASE)).await;
    let before = process(&db).await;
    for _ in 0..3 {
        let gone = timeout(Duration::from_millis(20), db.read(SLOW, ())).await;
        assert!(gone.is_err(), "nobody waited for it");
        assert_eq!(process(&db).await, before);
    }
    db.close().await;
}

/// Also after a statement that failed by itself.
#[tokio::test]
async fn a_statement_that_fails_costs_no_connection() {
    let Some(cluster) = cluster(&["fsync=off"]).await else {
        return;
    };
    let db = with_one(&cluster.url(DATABASE)).await;
    let before = process(&db).await;
    let failed = db.read(WRONG, ()).await.expect_err("no number");
    assert!(matches!(failed, StoreError::Conflict(_)), "{failed}");
    assert_eq!(process(&db).await, before);
    db.close().await;
}

/// A server that was stopped and started anew is another one: whoever finds that out throws away what led to the old one.
#[tokio::test]
async fn a_connection_that_was_ended_is_not_used_again() {
    let Some(cluster) = cluster(&["fsync=off"]).await else {
        return;
    };
    let db = with_one(&cluster.url(DATABASE)).await;
    let before = process(&db).await;
    cluster.psql("postgres", &format!("SELECT pg_terminate_backend({before})"));
    let lost = db.read(PROCESS, ()).await.expect_err("it was ended");
    assert!(matches!(lost, StoreError::Unavailable(_)), "{lost}");
    assert_ne!(process(&db).await, before);
    db.close().await;
}
