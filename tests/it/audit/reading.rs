//! Who reads what happened: pages, what comes live, counts.

use postern::{
    base::id::EventId,
    domain::{
        actor::Actor,
        event::{Event, EventLine, FailedAccount},
        event_filter::EventFilter,
    },
    flows::events::{Counted, Step, counts, list, live},
};
use proptest::prelude::*;

use super::with_a_trail;
use crate::harness::{ALICE, BOB, Postern};

async fn all(postern: &Postern, filter: &EventFilter, limit: i64) -> Vec<EventLine> {
    let (mut events, mut before) = (Vec::new(), None::<EventId>);
    loop {
        let page = list(postern.provider(), filter, before, limit)
            .await
            .expect("answered");
        assert!(i64::try_from(page.items.len()).is_ok_and(|rows| rows <= limit));
        events.extend(page.items);
        match page.next {
            Some(next) => before = Some(next.parse().expect("an id")),
            None => return events,
        }
    }
}

#[tokio::test]
async fn each_filter_gives_what_it_names_newest_first_in_pages() {
    let postern = with_a_trail().await;
    postern.advance("1m");
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), BOB).await;
    let everything = all(&postern, &EventFilter::default(), 1000).await;
    assert_eq!(everything.len(), postern.events().await.len());
    assert!(everything.windows(2).all(|pair| pair[0].id > pair[1].id));
    assert_eq!(all(&postern, &EventFilter::default(), 3).await, everything);

    let bob = postern.user(BOB).await.id;
    let since = postern.clock.now();
    let filters = [
        EventFilter {
            user: Some(bob),
            ..EventFilter::default()
        },
        EventFilter {
            kind: "session.opened".parse().ok(),
            ..EventFilter::default()
        },
        EventFilter {
            client: Some("notes".parse().expect("an id")),
            ..EventFilter::default()
        },
        EventFilter {
            session: Some(tokens.sid().parse().expect("an id")),
            ..EventFilter::default()
        },
        EventFilter {
            actor: Some(Actor::Operator),
            ..EventFilter::default()
        },
        EventFilter {
            address: Some("203.0.113.7".to_owned()),
            ..EventFilter::default()
        },
        EventFilter {
            since: Some(since),
            ..EventFilter::default()
        },
        EventFilter {
            until: Some(since),
            ..EventFilter::default()
        },
        EventFilter {
            user: Some(bob),
            kind: "user.signed_in".parse().ok(),
            ..EventFilter::default()
        },
        EventFilter {
            client: Some("notes".parse().expect("an id")),
            since: Some(since),
            ..EventFilter::default()
        },
    ];
    for filter in filters {
        let expected: Vec<_> = everything
            .iter()
            .filter(|event| filter.takes(event))
            .cloned()
            .collect();
        assert!(
            !expected.is_empty() && expected.len() < everything.len(),
            "{filter:?}"
        );
        assert_eq!(all(&postern, &filter, 2).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn what_comes_live_is_missed_by_nobody_even_when_it_was_committed_late() {
    let postern = with_a_trail().await;
    let everything = EventFilter::default();
    let start = live(postern.provider(), &everything, None, 10)
        .await
        .expect("answered");
    assert!(start.events.is_empty());
    let mut ids = Vec::new();
    for ago in ["0s", "40s", "0s"] {
        let at = postern.clock.now().minus(ago.parse().expect("a length of time"));
        ids.push(postern.happened(at, Event::UserDisabled).await);
        postern.chains().await;
    }
    let (mut cursor, mut seen) = (start.cursor, Vec::new());
    loop {
        let next = live(postern.provider(), &everything, Some(cursor), 2)
            .await
            .expect("answered");
        if next.cursor == cursor {
            break;
        }
        cursor = next.cursor;
        seen.extend(next.events.into_iter().map(|event| event.id));
    }
    assert_eq!(seen, ids);
    let others = EventFilter {
        kind: "key.created".parse().ok(),
        ..EventFilter::default()
    };
    let none = live(postern.provider(), &others, Some(start.cursor), 10)
        .await
        .expect("answered");
    assert!(
        none.events.is_empty() && none.cursor == cursor,
        "it goes on behind what it left out"
    );
}

#[tokio::test]
async fn counts_tell_hours_and_days_and_each_failure() {
    let postern = Postern::start().await;
    let start = postern.clock.now();
    for _ in 0..3 {
        postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        let failed = Event::SignInFailed {
            account: FailedAccount::Unknown,
            count: 7,
            minute: postern.clock.now(),
        };
        postern.happened(postern.clock.now(), failed).await;
        postern.advance("1h");
        postern.chains().await;
    }
    let counts = async |step, kind: &str| {
        let (until, kind) = (postern.clock.now(), kind.parse().expect("a kind"));
        counts(postern.provider(), start, until, step, Some(kind))
            .await
            .expect("answered")
    };
    let of = |counted: Vec<Counted>| counted.into_iter().map(|one| one.count).collect::<Vec<_>>();
    assert_eq!(of(counts(Step::Hour, "user.signed_in").await), [1, 1, 1]);
    assert_eq!(of(counts(Step::Hour, "user.sign_in_failed").await), [7, 7, 7]);
    assert_eq!(
        of(counts(Step::Day, "user.sign_in_failed").await)
            .iter()
            .sum::<i64>(),
        21
    );
    assert_eq!(of(counts(Step::Hour, "key.destroyed").await), [0; 0]);
}

proptest! {
    #[test]
    fn a_filter_reads_back_what_it_writes_and_refuses_what_it_does_not_know(text in "\\PC{0,60}") {
        if let Ok(filter) = serde_json::from_str::<EventFilter>(&text) {
            let written = serde_json::to_string(&filter).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<EventFilter>(&written).expect("read"), filter);
        }
        let unknown = serde_json::json!({ "kind": text, "colour": "red" });
        prop_assert!(serde_json::from_value::<EventFilter>(unknown).is_err());
    }
}
