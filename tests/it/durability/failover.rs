//! The primary dies and a replica that was behind takes over: what it has lost are refreshes and ends that were
//! acknowledged. The apps go on, and what ended stays ended.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::sleep};

use super::{
    device::Device,
    door::Door,
    soak, surely,
    world::{Crowd, World, go_on},
};
use crate::harness::postgres::{Cluster, Stop};

/// How long until a node that is ready has learned what another one has ended: one whose last complete poll is older
/// than 3 s is not ready.
const LEARNED: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_behind_takes_over() {
    let times = if soak() { 20 } else { 1 };
    for _ in 0..times {
        failover().await;
    }
}

async fn failover() {
    let start = || Cluster::start(&["max_connections=100"]);
    let Some(primary) = spawn_blocking(start).await.expect("it starts") else {
        return;
    };
    primary.psql("postgres", "CREATE DATABASE postern");
    let primary = Arc::new(primary);
    let following = Arc::clone(&primary);
    let replica = spawn_blocking(move || Arc::new(following.replica()));
    let replica = replica.await.expect("it follows");

    let door = Door::to(primary.port).await;
    let url = primary.url("postern");
    let by_the_door = url.replace(&format!(":{}/", primary.port), &format!(":{}/", door.port));
    let world = World::open(Some((by_the_door, primary.location("postern"))), 64).await;
    let (apps, doomed) = world.devices.split_at(40);
    let (early, late) = doomed.split_at(8);
    caught_up(&primary, &replica).await;

    let (one, two) = (world.node().await, world.node().await);
    let mut crowd = Crowd::new();
    for (n, device) in world.devices.iter().enumerate() {
        crowd.join(device, if n % 2 == 0 { &one } else { &two });
    }
    go_on(&world.devices, 2).await;
    for device in early {
        device.ends(&one).await;
    }
    caught_up(&primary, &replica).await;

    // From here on the replica hears nothing more, and nobody knows.
    cut_off(&replica).await;
    go_on(apps, 3).await;
    for (n, device) in late.iter().enumerate() {
        device.ends(if n % 2 == 0 { &one } else { &two }).await;
    }
    sleep(LEARNED).await;
    for node in [&one, &two] {
        node.becomes(200).await;
    }
    for device in doomed {
        for node in [&one, &two] {
            crowd.thief(device, node);
        }
    }

    let dying = Arc::clone(&primary);
    let died = spawn_blocking(move || dying.stop(Stop::Immediate));
    died.await.expect("it died");
    for node in [&one, &two] {
        node.becomes(503).await;
    }
    // Led to a database that only reads, as happens when an address moves before the replica is promoted.
    door.lead(replica.port);
    sleep(Duration::from_millis(300)).await;
    let promoted = Arc::clone(&replica);
    let promoted = spawn_blocking(move || promoted.psql("postgres", "SELECT pg_promote()"));
    assert_eq!(promoted.await.expect("it is promoted"), "t");
    for node in [&one, &two] {
        node.becomes(200).await;
    }
    go_on(apps, 3).await;
    for device in doomed {
        for node in [&one, &two] {
            device.is_refused_at_last(node).await;
        }
    }
    // A node that remembers nothing is told by the database.
    let three = world.node().await;
    for device in doomed {
        device.is_refused_at_last(&three).await;
    }
    crowd.stops().await;
    the_events_tell_of_it(&world, &replica, apps, late).await;
    for app in apps {
        assert!(app.is_accepted(&three).await, "{}", app.id);
    }
}

async fn the_events_tell_of_it(world: &World, now: &Cluster, apps: &[Arc<Device>], lost: &[Arc<Device>]) {
    let found = world.found(Some(&now.location("postern"))).await;
    found.agrees_with(&world.devices);
    let forwarded = found
        .events
        .iter()
        .filter(|event| event.0 == "refresh.fast_forwarded");
    let forwarded: HashSet<_> = forwarded.filter_map(|event| event.1).collect();
    for app in apps {
        assert!(forwarded.contains(&app.id), "{} was ahead of its row", app.id);
    }
    assert!(found.count("database.went_back") > 0);
    for device in lost {
        assert_eq!(found.end_reason(device), Some("ended_before"), "{}", device.id);
    }
}

/// Waits until the replica has everything that the primary has now.
async fn caught_up(primary: &Cluster, replica: &Cluster) {
    let place = primary.psql("postgres", "SELECT pg_current_wal_flush_lsn()");
    let there = format!("SELECT pg_last_wal_replay_lsn() >= '{place}'");
    surely("the replica follows", async {
        while replica.psql("postgres", &there) != "t" {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Ends the stream to the replica. (A replay that only pauses goes on with the promotion, and loses nothing.)
async fn cut_off(replica: &Cluster) {
    replica.psql("postgres", "ALTER SYSTEM SET primary_conninfo = ''");
    replica.psql("postgres", "SELECT pg_reload_conf()");
    surely("the stream ends", async {
        while replica.psql("postgres", "SELECT COUNT(*) FROM pg_stat_wal_receiver") != "0" {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
