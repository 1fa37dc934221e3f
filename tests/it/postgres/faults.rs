//! The database fails in every way that it can: everybody is told when to come back, nothing is half done, and when it
//! is back nobody has to do anything.

use std::time::Duration;

use postern::{
    base::time::Lifetime,
    store::db::{Location, PostgresOptions},
};
use sqlx::{Connection, Executor, PgConnection};

use super::{
    DATABASE,
    asked::{Asked, Fails, start},
    cluster,
    forwarder::Forwarder,
    location, options,
};
use crate::harness::{
    ALICE, Answer,
    postgres::{Cluster, PASSWORD, Stop, USER},
};

/// For databases that nobody needs after a crash.
const QUICK: &[&str] = &["fsync=off"];
/// Everything that a request that was refused must not have changed. Tries of passwords that could not be looked at are
/// counted.
const ROWS: &str = "
    SELECT id, state, generation, retries, ended_at FROM device_sessions ORDER BY id;
    SELECT id, digest, ended_at FROM browser_sessions ORDER BY id;
    SELECT id FROM events ORDER BY id;
    SELECT kind, id FROM revocations ORDER BY id;
    SELECT user_id, hash FROM passwords ORDER BY user_id";

fn rows(cluster: &Cluster) -> String {
    cluster.psql(DATABASE, ROWS)
}

/// A connection of somebody else.
async fn other(cluster: &Cluster) -> PgConnection {
    let connection = PgConnection::connect(&cluster.url(DATABASE)).await;
    connection.expect("a connection is free")
}

fn through(forwarder: &Forwarder) -> Location {
    let port = forwarder.port;
    location(&format!(
        "postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone() {
    let Some(cluster) = cluster(QUICK).await else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let mut asked = Asked::of(&postern).await;
    let before = rows(&cluster);

    for how in [Stop::Fast, Stop::Immediate] {
        cluster.stop(how);
        asked.is_refused(Fails::Everything).await;
        cluster.run();
        asked.recovers().await;
        assert_eq!(rows(&cluster), before);
    }

    asked.is_served().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_slow() {
    let Some(cluster) = cluster(QUICK).await else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let mut asked = Asked::of(&postern).await;
    let before = rows(&cluster);

    let mut locker = other(&cluster).await;
    let mut lock = locker.begin().await.expect("a transaction");
    lock.execute(
        "LOCK TABLE device_sessions, browser_sessions, users, attempts, facts, versions IN ACCESS EXCLUSIVE MODE",
    )
    .await
    .expect("locked");
    asked.is_refused(Fails::Everything).await;
    lock.rollback().await.expect("free again");

    asked.recovers().await;
    assert_eq!(rows(&cluster), before);
    asked.is_served().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_network_that_is_slow_and_then_loses_everything() {
    let Some(cluster) = cluster(QUICK).await else {
        return;
    };
    let forwarder = Forwarder::to(cluster.port).await;
    let postern = start(through(&forwarder)).await;
    let mut asked = Asked::of(&postern).await;
    let before = rows(&cluster);

    // More often than there are connections: none of them keeps its place in the pool.
    for _ in 0..2 {
        forwarder.lose_everything();
        asked.is_refused(Fails::Everything).await;
        forwarder.heal();
        asked.recovers().await;
        assert_eq!(rows(&cluster), before);
    }

    forwarder.delay(Duration::from_millis(50));
    asked.recovers().await;
    asked.is_served().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_connections() {
    let Some(cluster) = cluster(&[
        "fsync=off",
        "max_connections=8",
        "superuser_reserved_connections=0",
    ])
    .await
    else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let mut asked = Asked::of(&postern).await;
    let before = rows(&cluster);

    let mut others = vec![other(&cluster).await];
    others[0]
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'postern'")
        .await
        .expect("ended");
    while let Ok(connection) = PgConnection::connect(&cluster.url(DATABASE)).await {
        others.push(connection);
    }
    assert!(others.len() > 4, "others have all of them: {}", others.len());
    asked.is_refused(Fails::Everything).await;
    drop(others);

    asked.recovers().await;
    assert_eq!(rows(&cluster), before);
    asked.is_served().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_connection_of_the_node_waiting() {
    let Some(cluster) = cluster(QUICK).await else {
        return;
    };
    let postern = start(Location::Postgres(PostgresOptions {
        max_connections: 2,
        statement_timeout: Lifetime::from_secs(60),
        ..options(&cluster.url(DATABASE))
    }))
    .await;
    let phone = postern.phone();
    let one = phone.signed_in(&mut postern.browser(), ALICE).await;
    let two = phone.signed_in(&mut postern.browser(), ALICE).await;

    let mut locker = other(&cluster).await;
    let mut lock = locker.begin().await.expect("a transaction");
    lock.execute("SELECT 1 FROM device_sessions FOR UPDATE")
        .await
        .expect("locked");
    let refused = async {
        // Both of the others have a connection, and wait.
        while cluster.psql(DATABASE, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted") != "2" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let answer = phone.userinfo(&one.access).await;
        lock.rollback().await.expect("free again");
        answer
    };
    let (first, second, refused): (Answer, Answer, Answer) =
        tokio::join!(phone.refresh(&one.refresh), phone.refresh(&two.refresh), refused);
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (503, "2")
    );
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert_eq!(phone.userinfo(&one.access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_as_after_a_failover_to_the_wrong_server() {
    let Some(cluster) = cluster(QUICK).await else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let mut asked = Asked::of(&postern).await;
    let before = rows(&cluster);

    let set = |value| {
        cluster.psql(
            "postgres",
            &format!("ALTER DATABASE {DATABASE} SET default_transaction_read_only = {value}"),
        )
    };
    set("on");
    cluster.psql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'postern'",
    );
    asked.is_refused(Fails::Changes).await;
    // Nobody ends the connections that are read-only: the node does.
    set("off");

    asked.recovers().await;
    assert_eq!(rows(&cluster), before);
    asked.is_served().await;
}
