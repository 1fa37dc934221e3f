//! Which events a filter takes is judged in SQL (what is listed) and in memory (what comes live, what is exported): the same.

use postern::{
    base::{
        id::{ClientId, DeviceSessionId, EventId, UserId},
        time::Instant,
    },
    domain::{
        actor::Actor,
        audit::Place,
        event::{Changed, Event, EventLine, EventRecord, Subject},
        event_filter::EventFilter,
    },
    flows::events::{list, live, oldest},
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};

use crate::harness::Postern;

const START: i64 = 1_790_000_100_000;

fn user() -> impl Strategy<Value = UserId> {
    (1..4u8).prop_map(|id| UserId::from_bytes([id; 16]))
}

fn client() -> impl Strategy<Value = ClientId> {
    // An id may look like a pattern, or differ in case.
    select(vec!["notes", "Notes", "not_s", "n.tes"]).prop_map(|id| id.parse().expect("an id"))
}

fn session() -> impl Strategy<Value = DeviceSessionId> {
    (1..3u8).prop_map(|id| DeviceSessionId::from_bytes([id; 16]))
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        Just(Actor::Operator),
        Just(Actor::System),
        user().prop_map(|id| Actor::Person { id }),
        client().prop_map(|id| Actor::Client { id }),
    ]
}

fn address() -> impl Strategy<Value = String> {
    select(vec!["203.0.113.7", "203.0.113.70", "2001:db8::/64", "%", ""]).prop_map(str::to_owned)
}

fn at() -> impl Strategy<Value = Instant> {
    (0..6i64).prop_map(|later| Instant::from_millis(START + later))
}

/// With parts of a few values each, so that they often meet.
fn happened() -> impl Strategy<Value = (Instant, Event, Subject, Option<Actor>)> {
    let event = select(vec![
        Event::UserDisabled,
        Event::UserEnabled,
        Event::ClientAdded {
            changed: Changed::default(),
        },
        Event::ClientRemoved {
            changed: Changed::default(),
        },
    ]);
    let subject = (
        option::of(user()),
        option::of(client()),
        option::of(session()),
        option::of(address()),
    );
    let subject = subject.prop_map(|(user, client, session, address)| Subject {
        user,
        client,
        session,
        address,
    });
    (at(), event, subject, option::of(actor()))
}

fn filter() -> impl Strategy<Value = EventFilter> {
    let kind = select(vec!["user.disabled", "client.added", "key.created"]);
    let rarely = || 0.25;
    (
        option::weighted(rarely(), kind.prop_map(|kind| kind.parse().expect("a kind"))),
        option::weighted(rarely(), user()),
        option::weighted(rarely(), client()),
        option::weighted(rarely(), session()),
        option::weighted(rarely(), actor()),
        option::weighted(rarely(), address()),
        option::weighted(rarely(), at()),
        option::weighted(rarely(), at()),
    )
        .prop_map(
            |(kind, user, client, session, actor, address, since, until)| EventFilter {
                kind,
                user,
                client,
                session,
                actor,
                address,
                since,
                until,
            },
        )
}

/// Every page of a list.
macro_rules! all {
    ($list:ident, $postern:expr, $filter:expr) => {{
        let (mut events, mut next) = (Vec::new(), None::<EventId>);
        loop {
            let page = $list($postern.provider(), $filter, next, 7)
                .await
                .expect("answered");
            events.extend(page.items);
            match page.next {
                Some(id) => next = Some(id.parse().expect("an id")),
                None => break events,
            }
        }
    }};
}

async fn told_live(postern: &Postern, filter: &EventFilter, mut cursor: Place) -> Vec<EventLine> {
    let mut events = Vec::new();
    loop {
        let next = live(postern.provider(), filter, Some(cursor), 50)
            .await
            .expect("answered");
        events.extend(next.events);
        if next.cursor == cursor {
            events.sort_unstable_by_key(|event| event.id);
            return events;
        }
        cursor = next.cursor;
    }
}

#[test]
fn a_filter_takes_the_same_events_wherever_it_is_judged() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for postern in runtime.block_on(Postern::on_each()) {
        let config = Config {
            cases: 300,
            failure_persistence: None,
            ..Config::default()
        };
        let mut runner = TestRunner::new(config);
        let events = vec(happened(), 120)
            .new_tree(&mut runner)
            .expect("events")
            .current();
        let start = runtime.block_on(async {
            let nothing = EventFilter::default();
            let start = live(postern.provider(), &nothing, None, 1)
                .await
                .expect("answered");
            for (at, event, subject, actor) in events {
                let record = postern.provider().event(at, subject, event);
                postern.record(EventRecord { actor, ..record }).await;
            }
            postern.advance("200s");
            postern.chains().await;
            start.cursor
        });
        let everything = runtime.block_on(async { all!(oldest, postern, &EventFilter::default()) });
        assert!(everything.len() >= 120);
        let outcome = runner.run(&filter(), |filter| {
            runtime.block_on(async {
                let taken = everything.iter().filter(|event| filter.takes(event));
                let expected: Vec<_> = taken.cloned().collect();
                prop_assert_eq!(&all!(oldest, postern, &filter), &expected, "exported");
                let mut newest = all!(list, postern, &filter);
                newest.reverse();
                prop_assert_eq!(&newest, &expected, "listed");
                let mut expected = expected;
                // What was there before it was looked at is not told live.
                expected.retain(|event| event.at.millis() >= START);
                let mut told = told_live(&postern, &filter, start).await;
                told.retain(|event| event.at.millis() >= START);
                prop_assert_eq!(&told, &expected, "live");
                Ok(())
            })
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}
