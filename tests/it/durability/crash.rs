//! Kills at random moments, while many apps refresh and some sessions are ended.

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{task::spawn_blocking, time::sleep};

use super::{
    device::Device,
    node::Node,
    soak,
    world::{Crowd, World, go_on},
};
use crate::harness::postgres::{Cluster, Stop};

const DEVICES: usize = 64;

/// What is killed.
enum Victim {
    Server(Arc<Node>),
    Database(Arc<Cluster>),
}

impl Victim {
    async fn dies(&self) {
        match self {
            Self::Server(node) => node.kill().await,
            Self::Database(cluster) => {
                let cluster = Arc::clone(cluster);
                let stopped = spawn_blocking(move || cluster.stop(Stop::Immediate));
                stopped.await.expect("it stopped");
            }
        }
    }

    async fn comes_back(&self) {
        match self {
            Self::Server(node) => node.run(),
            Self::Database(cluster) => {
                let cluster = Arc::clone(cluster);
                spawn_blocking(move || cluster.run()).await.expect("it runs");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_the_embedded_database_is_killed() {
    let world = World::open(None, sessions()).await;
    let node = world.node().await;
    let victim = Victim::Server(Arc::clone(&node));
    nobody_is_signed_out("server, embedded database", &world, &node, &victim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_postgresql_is_killed() {
    let Some((_cluster, world)) = on_postgresql().await else {
        return;
    };
    let node = world.node().await;
    let victim = Victim::Server(Arc::clone(&node));
    nobody_is_signed_out("server, PostgreSQL", &world, &node, &victim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_itself_is_killed() {
    let Some((cluster, world)) = on_postgresql().await else {
        return;
    };
    let node = world.node().await;
    let victim = Victim::Database(cluster);
    nobody_is_signed_out("PostgreSQL itself", &world, &node, &victim).await;
}

fn kills() -> usize {
    if soak() { 200 } else { 20 }
}

/// The crowd, one to measure with, and one for each kill whose session is ended.
fn sessions() -> usize {
    DEVICES + 1 + kills()
}

/// A server of the test's own, which writes to the disk what it says that it has written.
async fn on_postgresql() -> Option<(Arc<Cluster>, World)> {
    let start = || Cluster::start(&["max_connections=100"]);
    let cluster = Arc::new(spawn_blocking(start).await.expect("it starts")?);
    cluster.psql("postgres", "CREATE DATABASE postern");
    let database = (cluster.url("postern"), cluster.location("postern"));
    let world = World::open(Some(database), sessions()).await;
    Some((cluster, world))
}

#[expect(clippy::print_stdout, reason = "the report for docs/performance.md")]
async fn nobody_is_signed_out(what: &str, world: &World, node: &Arc<Node>, victim: &Victim) {
    let (apps, others) = world.devices.split_at(DEVICES);
    let (probe, doomed) = others.split_first().expect("one to measure with");
    let mut chance = StdRng::seed_from_u64(20);
    let mut at_random = move || Duration::from_millis(u64::from(chance.next_u32() % 150));
    let mut crowd = Crowd::new();
    for app in apps {
        crowd.join(app, node);
    }
    let mut waits = Vec::new();
    for one in doomed {
        go_on(apps, 1).await;
        crowd.join(one, node);
        let (kill_after, end_after) = (at_random(), at_random());
        let killed = async {
            sleep(kill_after).await;
            victim.dies().await;
            victim.comes_back().await;
            let from = uptime();
            probe.refresh(node, &probe.held()).await;
            uptime().saturating_sub(from)
        };
        let ended = async {
            sleep(end_after).await;
            one.ends(node).await;
            // It counts from the acknowledgement on, whoever is dead by then.
            one.is_refused(node).await;
        };
        let (wait, ()) = tokio::join!(killed, ended);
        waits.push(wait);
    }
    go_on(apps, 1).await;
    crowd.stops().await;

    for device in doomed {
        device.is_refused_at_last(node).await;
    }
    for app in apps {
        assert!(app.is_accepted(node).await, "{}", app.id);
    }
    let unanswered = |app: &Arc<Device>| app.unanswered.load(Ordering::SeqCst);
    assert!(apps.iter().any(|app| unanswered(app) > 0), "somebody noticed");
    let found = world.found(None).await;
    found.agrees_with(&world.devices);
    assert_eq!(
        found.count("session.ended"),
        doomed.len(),
        "each end was made once"
    );
    assert!(!node.log().contains("ERROR"), "{}", node.log());

    waits.sort_unstable();
    println!(
        "{what}: {} kills; from the restart to the first answer {:?} (median), {:?} (worst)",
        waits.len(),
        waits[waits.len() / 2],
        waits[waits.len() - 1],
    );
}

/// The machine's time since its start: for a report, never for an assertion.
fn uptime() -> Duration {
    let text = fs::read_to_string("/proc/uptime").expect("Linux says it");
    let seconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.expect("a number"))
}
