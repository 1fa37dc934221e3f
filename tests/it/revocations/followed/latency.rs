//! How long it takes from an admin's click until every API refuses, under load; and that none is missed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use postern::base::time::Clock;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Api, Session, World};
use crate::durability::soak;

/// Ends at the same time.
const ADMINS: usize = 2;
/// An API that accepts for longer than this has missed it.
const MISSED: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_is_refused_by_every_api_on_postgresql() {
    let Some(world) = World::of_two_nodes(endings() + LIVING).await else {
        return;
    };
    measured("PostgreSQL, 2 nodes, 4 APIs", world, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_is_refused_by_every_api_on_sqlite() {
    measured(
        "SQLite, 1 node, 1 API",
        World::embedded(endings() + LIVING).await,
        1,
    )
    .await;
}

/// Sessions that go on, whose apps are the load.
const LIVING: usize = 8;

fn endings() -> usize {
    if soak() { 1000 } else { 20 }
}

/// What was seen of the ends.
#[derive(Default)]
struct Seen {
    /// From the click to the acknowledgement, in milliseconds.
    acknowledged: Vec<i64>,
    /// From the click until the last API refused.
    refused: Vec<i64>,
    /// How often an API went on accepting, or refused no more at the end.
    missed: usize,
}

#[expect(clippy::print_stdout, reason = "the report for docs/performance.md")]
async fn measured(name: &str, world: World, apis: usize) {
    let world = Arc::new(world);
    // One after the other, so that the door leads them to both nodes.
    let mut following = Vec::new();
    for _ in 0..apis {
        following.push(Api::follow(&world).await);
    }
    let apis: Arc<[Api]> = following.into();
    let load = Load::begin(&world, &apis);
    let mut admins = JoinSet::new();
    for admin in 0..ADMINS {
        let (world, apis) = (world.clone(), apis.clone());
        admins.spawn(async move { ends(&world, &apis, admin, endings() / ADMINS).await });
    }
    let mut seen = Seen::default();
    while let Some(by_one) = admins.join_next().await {
        let by_one = by_one.expect("no panic");
        seen.acknowledged.extend(by_one.acknowledged);
        seen.refused.extend(by_one.refused);
        seen.missed += by_one.missed;
    }
    let accepted = load.stops().await;
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    println!(
        "{name}, {build} build: {} ends, {} missed; {accepted} other requests accepted meanwhile",
        seen.refused.len(),
        seen.missed
    );
    println!("| from the click until | p50 | p99 | most |\n| --- | ---: | ---: | ---: |");
    println!("| it is acknowledged {}", row(&mut seen.acknowledged));
    println!("| every API refuses {}", row(&mut seen.refused));
    assert_eq!(seen.missed, 0);
    // The promise, where it is measured: on a machine that does nothing else.
    if soak() {
        assert!(at_percent(&seen.refused, 99) < 1000, "p99 of a second and more");
    }
}

/// One admin ends so many sessions, one after the other.
async fn ends(world: &World, apis: &[Api], admin: usize, count: usize) -> Seen {
    let server = admin % world.servers.len();
    let token = world.admins_token(server).await;
    let clock = Clock::system();
    let (mut seen, mut over) = (Seen::default(), Vec::new());
    for _ in 0..count {
        let session = world.session();
        for api in apis {
            api.accepts(&session).await;
        }
        let began = clock.now();
        let answer = world.end(server, &token, &session).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
        seen.acknowledged.push(clock.now().since(began).millis());
        let refused = apis.iter().map(|api| timeout(MISSED, refuses(api, &session)));
        let all = join_all(refused).await;
        seen.missed += all.iter().filter(|refused| refused.is_err()).count();
        seen.refused.push(clock.now().since(began).millis());
        over.push(session);
    }
    // What is refused stays refused.
    for session in &over {
        for api in apis {
            seen.missed += usize::from(api.ask(session).await != 401);
        }
    }
    seen
}

async fn refuses(api: &Api, session: &Session) {
    while api.ask(session).await != 401 {
        sleep(Duration::from_millis(2)).await;
    }
}

/// Apps that ask every API all the time, and refresh at every node.
struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
}

impl Load {
    fn begin(world: &Arc<World>, apis: &Arc<[Api]>) -> Self {
        let mut load = Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            accepted: Arc::default(),
        };
        for (number, session) in world.sessions(LIVING).into_iter().enumerate() {
            let (stop, accepted) = (load.stop.clone(), load.accepted.clone());
            let (world, apis) = (world.clone(), apis.clone());
            load.tasks.spawn(async move {
                let node = &world.servers[number % world.servers.len()].node;
                let mut refresh = session.refresh.clone();
                while !stop.load(Ordering::SeqCst) {
                    for api in &*apis {
                        api.accepts(&session).await;
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                    let form = [
                        ("grant_type", "refresh_token"),
                        ("client_id", "app"),
                        ("refresh_token", &refresh),
                    ];
                    let answer = node.post("/token", &form).send().await.expect("an answer");
                    let answer: serde_json::Value = answer.json().await.expect("JSON");
                    let next = answer["refresh_token"].as_str();
                    refresh = next.unwrap_or_else(|| panic!("{answer}")).to_owned();
                    sleep(Duration::from_millis(10)).await;
                }
            });
        }
        load
    }

    /// How many requests were accepted.
    async fn stops(mut self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.tasks.join_next().await {
            done.expect("nobody else is refused");
        }
        self.accepted.load(Ordering::SeqCst)
    }
}

/// p50, p99 and the most.
fn row(times: &mut [i64]) -> String {
    times.sort_unstable();
    let at = |percent| at_percent(times, percent);
    format!("| {} ms | {} ms | {} ms |", at(50), at(99), at(100))
}

fn at_percent(sorted: &[i64], percent: usize) -> i64 {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}
