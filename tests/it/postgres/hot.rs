//! A refresh costs PostgreSQL as little as it can: one statement, no transaction around it, no index touched.

use std::time::Duration;

use futures_util::future::join_all;
use postern::{
    base::{digest::Digest, id::DeviceSessionId, time::Instant},
    store::{
        db::Statement,
        device_sessions::{ROTATE, RepeatSince, UsedSince},
    },
};

use super::{DATABASE, asked::start, cluster, location};
use crate::harness::{ALICE, Tokens, postgres::Cluster};

const SESSIONS: i64 = 300;
const ROUNDS: i64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refreshes_touch_no_index() {
    const ALL: Statement<(), (DeviceSessionId, Digest, i64, Instant)> =
        Statement::new("SELECT id, handle_digest, generation, rotated_at FROM device_sessions");
    let Some(cluster) = cluster(&["fsync=off"]).await else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let phone = postern.phone();
    phone.signed_in(&mut postern.browser(), ALICE).await;
    // More like it: a restored backup would have them.
    cluster.psql(
        DATABASE,
        &format!(
            "CREATE TEMP TABLE more AS SELECT d.* FROM device_sessions d, generate_series(1, {SESSIONS});
             UPDATE more SET id = gen_random_uuid();
             INSERT INTO device_sessions SELECT * FROM more"
        ),
    );
    let db = &postern.provider().db;
    let sessions = db.read_all(ALL, ()).await.expect("read");
    assert_eq!(sessions.len(), 301);
    let client = phone
        .client
        .parse::<postern::base::id::ClientId>()
        .expect("an id");
    for round in 0..ROUNDS {
        let rotations = sessions.iter().map(|(id, handle, generation, rotated_at)| {
            let long_ago = Instant::from_millis(0);
            let (generation, now) = (
                generation + round,
                Instant::from_millis(rotated_at.millis() + round + 1),
            );
            let binds = (
                *id,
                *handle,
                client.clone(),
                generation,
                None,
                now,
                UsedSince(long_ago),
                RepeatSince(long_ago),
                Some(format!("4.{generation}")),
                Some("192.0.2.7".to_owned()),
            );
            db.execute(ROTATE, binds)
        });
        let rotated = join_all(rotations).await;
        assert!(rotated.iter().all(|row| matches!(row, Ok(Some(_)))));
    }
    let (updated, hot) = updates(&cluster, SESSIONS * ROUNDS).await;
    assert!(hot * 10 > updated * 9, "{hot} of {updated} updates were HOT");
}

/// How many updates of sessions the server counted, and how many of them were HOT, when it has counted `at_least` so
/// many. Connections that are idle tell it within a second.
async fn updates(cluster: &Cluster, at_least: i64) -> (i64, i64) {
    const COUNTED: &str =
        "SELECT n_tup_upd || ' ' || n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'device_sessions'";
    for _ in 0..300 {
        // Of a connection of its own each time: what one has seen of the statistics it goes on seeing.
        let counted = cluster.psql(DATABASE, COUNTED);
        let numbers: Vec<i64> = counted
            .split(' ')
            .filter_map(|number| number.parse().ok())
            .collect();
        if let [updated, hot] = numbers[..]
            && updated >= at_least
        {
            return (updated, hot);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not count its updates");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_is_one_statement_and_no_transaction_is_begun() {
    let Some(cluster) = cluster(&["fsync=off", "log_statement=all"]).await else {
        return;
    };
    let postern = start(location(&cluster.url(DATABASE))).await;
    let phone = postern.phone();
    let mut newest = phone.signed_in(&mut postern.browser(), ALICE).await;

    cluster.psql(DATABASE, "SELECT 'from here'");
    for _ in 0..5 {
        newest = Tokens::of(&phone.refresh(&newest.refresh).await);
    }
    cluster.psql(DATABASE, "SELECT 'to here'");

    let log = cluster.log();
    let between = log.split("SELECT 'from here'").nth(1).expect("a mark");
    let between = between.split("SELECT 'to here'").next().expect("a part");
    let executed = between.matches("LOG:  execute ").count();
    let rotations = between.matches("UPDATE device_sessions").count();
    assert_eq!((executed, rotations), (5, 5), "{between}");
    // The statement that is the second mark begins like this.
    assert_eq!(between.matches("LOG:  statement: ").count(), 1, "{between}");
}
