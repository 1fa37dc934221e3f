//! Ends whose commit comes late, out of turn, or waits for a standby that is not there.

use std::{sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::sleep};

use super::{Api, World, surely};
use crate::harness::postgres::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_is_committed_after_later_ones_is_refused() {
    let Some(world) = World::of_two_nodes(6).await else {
        return;
    };
    let api = Api::follow(&world).await;
    let (late, others, alive) = (world.session(), world.sessions(4), world.session());
    api.accepts(&late).await;
    let database = Arc::clone(world.postern.database.as_ref().expect("PostgreSQL"));
    let id = late.sid.strip_prefix("dse_").expect("a session's id").to_owned();
    // Recorded now, and seen by nobody for as long as it takes to end, tell and confirm the others.
    let text = format!(
        "BEGIN; INSERT INTO revocations (kind, id, issued_before, until, recorded_at)
           SELECT 'session', decode('{id}', 'hex'), now + 10000, now + 4000000, now
           FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now) AS clock;
         SELECT pg_sleep(6); COMMIT"
    );
    let committed = spawn_blocking(move || database.psql(&text));
    for session in &others {
        let (code, said) = world.ends_and_waits(session).await;
        assert_eq!(code, 0, "{said}");
        api.refuses(session).await;
    }
    committed.await.expect("committed");
    api.refuses_at_last(&late).await;
    api.accepts(&alive).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_waits_for_a_missing_standby_is_not_acknowledged_before_it_is_durable() {
    let start = || Cluster::start(&["max_connections=100"]);
    let Some(cluster) = spawn_blocking(start).await.expect("it starts") else {
        return;
    };
    cluster.psql("postgres", "CREATE DATABASE postern");
    let place = (cluster.url("postern"), cluster.location("postern"));
    let mut world = World::open(Some(place), 3).await;
    for _ in 0..2 {
        world.add_server(None).await;
    }
    world.meets(1);
    let api = Api::follow(&world).await;
    let (doomed, alive) = (world.session(), world.session());
    api.accepts(&doomed).await;
    let token = world.admins_token(0).await;
    let standby = |name: &str| {
        cluster.psql(
            "postgres",
            &format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'"),
        );
        cluster.psql("postgres", "SELECT pg_reload_conf()");
    };
    standby("missing");
    surely("the setting", async {
        while cluster.psql("postgres", "SHOW synchronous_standby_names") != "missing" {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;

    let answer = world.end(0, &token, &doomed).send().await.expect("an answer");
    assert_eq!(answer.status(), 503, "{:?}", answer.text().await);
    // Without the standby nothing was promised; with it, everything.
    standby("");
    world.ends(0, &doomed).await;
    api.refuses_at_last(&doomed).await;
    api.is_up().await;
    api.accepts(&alive).await;
    let (code, said) = world.ends_and_waits(&alive).await;
    assert_eq!(code, 0, "{said}");
    api.refuses(&alive).await;
}
