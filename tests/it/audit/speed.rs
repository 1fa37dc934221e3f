//! How many events a second come into the chain while others are written, and how many are verified.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};
use postern::{
    base::time::Clock,
    domain::event::{Event, Subject},
    flows::audit::{
        Chain,
        verify::{Verdict, verify},
    },
    store::db::Location,
};
use tokio::time::{Duration, sleep};

use crate::{
    durability::soak,
    harness::{ALICE, Postern, postgres},
};

/// How many are written at once.
const WRITERS: usize = 32;

/// How many are written: `EVENTS`, where the full size is wanted.
fn events() -> usize {
    let wanted = postgres::variable("EVENTS");
    let wanted = wanted.to_str().and_then(|number| number.parse().ok());
    if soak() { wanted.unwrap_or(100_000) } else { 1000 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_chained_and_verified_on_sqlite() {
    measured("SQLite", Postern::start_at(Clock::system(), None, |_| {}).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_chained_and_verified_on_postgresql() {
    let Some(database) = postgres::database().await else {
        return;
    };
    let postern = Postern::start_at(Clock::system(), Some(database), |config| {
        if let Location::Postgres(options) = &mut config.database.location {
            options.max_connections = 40;
        }
    })
    .await;
    measured("PostgreSQL", postern).await;
}

#[expect(clippy::print_stdout, reason = "the report for docs/performance.md")]
async fn measured(name: &str, postern: Postern) {
    let (provider, clock, count) = (postern.provider(), Clock::system(), events());
    let alice = postern.user(ALICE).await.id;
    let is_written = AtomicBool::new(false);
    let began = clock.now();
    let writing = async {
        let writes = stream::iter(0..count).map(|_| async {
            let subject = Subject {
                user: Some(alice),
                address: Some("203.0.113.7".to_owned()),
                ..Subject::default()
            };
            let event = Event::SignedIn {
                amr: vec!["pwd".to_owned()],
                again: false,
                browser: None,
            };
            let record = provider.event(clock.now(), subject, event);
            postern.record(record).await;
        });
        let all = writes.buffer_unordered(WRITERS);
        all.for_each(|()| std::future::ready(())).await;
        is_written.store(true, Ordering::SeqCst);
        clock.now()
    };
    let chaining = async {
        let mut chain = Chain::default();
        loop {
            // Before it looks: what was written until now is in what it finds.
            let was_written = is_written.load(Ordering::SeqCst);
            let more = chain.round(provider).await.expect("the database answers");
            match (more, was_written) {
                (true, _) => {}
                (false, true) => return clock.now(),
                (false, false) => sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let (written, chained) = tokio::join!(writing, chaining);
    postern.chains().await;
    let verifying = clock.now();
    let report = verify(provider, None, None).await.expect("the database answers");
    let verified = clock.now();
    assert_eq!((report.verdict, report.waiting), (Verdict::Good, 0), "{report:?}");
    assert!(report.events >= count as u64, "{report:?}");
    assert_eq!(report.vouched, report.last);

    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let rate = |from: postern::base::time::Instant, to: postern::base::time::Instant| {
        count as u64 * 1000 / to.since(from).millis().max(1).unsigned_abs()
    };
    println!("{name}, {build} build: {count} events, {WRITERS} written at once");
    println!("| an event is | a second |\n| --- | ---: |");
    println!("| written, while the job chains | {} |", rate(began, written));
    println!(
        "| chained, from the first write to the last link | {} |",
        rate(began, chained)
    );
    println!("| verified | {} |", rate(verifying, verified));
}
