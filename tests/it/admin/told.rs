//! Events with filters, as they come and counted; keys that others may know.

use postern::domain::{key::Ring, role::Permission};
use serde_json::{Value, json};

use super::{Machine, problem, start};
use crate::harness::{ALICE, Answer, BOB};

fn kinds(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let page = answer.json();
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["kind"].clone()).collect()
}

#[tokio::test]
async fn events_are_filtered_by_every_part_in_both_orders() {
    let postern = start().await;
    let reader = Machine::with(&postern, [Permission::ReadEvents]).await;
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    let alice = postern.user(ALICE).await.id;
    let session = format!("session={}", tokens.sid());
    let opened = [json!("session.opened")];
    assert_eq!(
        kinds(
            &reader
                .get(&format!("/events?{session}&kind=session.opened&order=newest"))
                .await
        ),
        opened
    );
    assert_eq!(
        kinds(
            &reader
                .get(&format!("/events?kind=session.opened&user={alice}"))
                .await
        ),
        opened
    );
    assert!(kinds(&reader.get("/events?kind=session.opened&client=other").await).is_empty());
    assert!(kinds(&reader.get("/events?address=203.0.113.99").await).is_empty());
    assert!(kinds(&reader.get("/events?kind=session.opened&actor=operator").await).is_empty());
    let all = kinds(&reader.get("/events?limit=1000").await);
    let mut turned = kinds(&reader.get("/events?limit=1000&order=newest").await);
    turned.reverse();
    assert_eq!(all, turned);
    // Of a kind, only that kind is looked at: two of many are on the first page.
    let page = reader.get("/events?limit=2&kind=session.opened").await;
    assert_eq!((kinds(&page).len(), page.json()["next"].as_str()), (2, None));
    // What else does not fit costs no more than it is looked at: a page says where to go on.
    let (mut seen, mut cursor, mut pages) = (0, String::new(), 0);
    loop {
        let page = reader.get(&format!("/events?limit=2&{session}{cursor}")).await;
        (seen, pages) = (seen + kinds(&page).len(), pages + 1);
        match page.json()["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let at_once = kinds(&reader.get(&format!("/events?limit=1000&{session}")).await).len();
    assert_eq!((seen, pages), (at_once, all.len().div_ceil(2)));
}

#[tokio::test]
async fn a_kind_that_no_event_has_is_refused_with_the_nearest() {
    let postern = start().await;
    let reader = Machine::with(&postern, [Permission::ReadEvents]).await;
    for kind in ["session.end", "zzz", ""] {
        for path in ["/events", "/events/live", "/events/counts"] {
            let refused = reader.get(&format!("{path}?kind={kind}")).await;
            assert_eq!(problem(&refused), "invalid-parameter", "{path} {kind}");
        }
    }
    let refused = reader.get("/events?kind=session.end").await.json();
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("session.ended")),
        "{refused}"
    );
}

#[tokio::test]
async fn events_are_counted_by_the_hour_and_by_the_day() {
    let postern = start().await;
    let reader = Machine::with(&postern, [Permission::ReadEvents]).await;
    // The test's clock begins in the middle of an hour that is not the last of its day.
    let hour = 3_600_000;
    let begin = postern.clock.now().millis().div_euclid(hour) * hour;
    for email in [ALICE, BOB] {
        postern.phone().signed_in(&mut postern.browser(), email).await;
    }
    assert_eq!(
        reader.get("/events/counts?kind=session.opened").await.json()["items"],
        json!([]),
        "they count when they are in the trail"
    );
    postern.chains().await;
    postern.advance("1h");
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.chains().await;
    let reader = Machine::with(&postern, [Permission::ReadEvents]).await;
    let counted = async |query: &str| {
        let answer = reader.get(&format!("/events/counts?{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["items"].clone()
    };
    let row = |at: i64, kind: &str, count: i64| json!({ "at": at, "kind": kind, "count": count });
    let hours = json!([
        row(begin, "session.opened", 2),
        row(begin + hour, "session.opened", 1)
    ]);
    assert_eq!(counted("kind=session.opened").await, hours);
    assert_eq!(counted("kind=session.opened&step=hour").await, hours);
    let day = begin.div_euclid(24 * hour) * 24 * hour;
    assert_eq!(
        counted("kind=session.opened&step=day").await,
        json!([row(day, "session.opened", 3)])
    );
    let next = postern::base::time::Instant::from_millis(begin + hour).to_rfc3339();
    assert_eq!(
        counted(&format!("kind=session.opened&since={next}")).await,
        json!([row(begin + hour, "session.opened", 1)])
    );
    assert_eq!(
        counted(&format!("kind=session.opened&until={next}")).await,
        json!([row(begin, "session.opened", 2)])
    );
    assert_eq!(counted("kind=session.ended").await, json!([]));
    let all = counted("step=day").await;
    let kinds = all.as_array().expect("rows").iter();
    assert!(
        kinds
            .clone()
            .any(|row| row["kind"] == "user.signed_in" && row["count"] == 3),
        "{all}"
    );
    let too_long = reader.get("/events/counts?since=2020-01-01T00:00:00Z").await;
    assert_eq!(problem(&too_long), "invalid-parameter");
}

#[tokio::test]
async fn a_follower_begins_where_it_is_now_and_misses_nothing() {
    let postern = start().await;
    let reader = Machine::with(&postern, [Permission::ReadEvents]).await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.chains().await;
    let begin = reader.get("/events/live").await;
    assert!(kinds(&begin).is_empty(), "what was before is not told");
    let next = begin.json()["next"].as_str().expect("where to go on").to_owned();
    let live = async |query: &str| reader.get(&format!("/events/live?cursor={next}{query}")).await;
    let same = live("&kind=session.opened").await;
    assert_eq!(
        same.json()["next"],
        next.as_str(),
        "nothing was chained meanwhile"
    );
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    assert!(kinds(&live("").await).is_empty(), "nor is it yet");
    postern.chains().await;
    assert_eq!(
        kinds(&live("&kind=session.opened").await),
        [json!("session.opened")]
    );
    assert!(kinds(&live("").await).contains(&json!("user.signed_in")));
    assert_ne!(live("").await.json()["next"], next.as_str());
    assert_eq!(
        problem(&reader.get("/events/live?cursor=x").await),
        "invalid-parameter"
    );
    for wrong in ["-1", "0", "-1.AAAAAAAAAAAA", "%2B1.AAAAAAAAAAAA"] {
        let refused = reader.get(&format!("/events/live?cursor={wrong}")).await;
        assert_eq!(problem(&refused), "invalid-parameter", "{wrong}");
    }
    for beyond in ["9223372036854775807.AAAAAAAAAAAA", "1.AAAAAAAAAAAA"] {
        let refused = reader.get(&format!("/events/live?cursor={beyond}")).await;
        assert_eq!(
            (problem(&refused).as_str(), refused.status.as_u16()),
            ("trail-went-back", 410),
            "{beyond}"
        );
    }
    assert_eq!(
        problem(&reader.get("/events/live?since=x").await),
        "unknown-parameter"
    );
}

#[tokio::test]
async fn keys_that_others_may_know_are_replaced_at_once() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let keys = admin.get("/keys").await.json();
    let active = |key: &&Value| key["ring"] == "seal" && key["state"] == "active";
    let before = keys["items"]
        .as_array()
        .expect("keys")
        .iter()
        .find(active)
        .expect("a key")["id"]
        .clone();
    let withdrawn = admin
        .post("/keys/withdraw", json!({ "ring": "seal" }))
        .await
        .json();
    assert_eq!(withdrawn["items"][0]["ring"], Ring::Seal.as_str());
    let after = admin.get("/keys").await.json();
    let now = after["items"]
        .as_array()
        .expect("keys")
        .iter()
        .find(active)
        .expect("a key")["id"]
        .clone();
    assert_ne!(before, now);
    let by = admin.get("/events?kind=key.withdrawn").await.json();
    assert_eq!(by["items"][0]["actor"]["kind"], "client", "{by}");
    for wrong in [
        json!({}),
        json!({ "ring": "x" }),
        json!({ "ring": null, "compromised": true }),
    ] {
        assert_eq!(
            problem(&admin.post("/keys/withdraw", wrong).await),
            "invalid-body"
        );
    }
    let reader = Machine::with(&postern, [Permission::ReadKeys]).await;
    assert_eq!(
        problem(&reader.post("/keys/withdraw", json!({ "ring": "seal" })).await),
        "not-permitted"
    );
}
