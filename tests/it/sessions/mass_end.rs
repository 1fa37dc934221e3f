//! All sessions that match end, however many they are and whatever happens meanwhile.

use postern::{
    domain::refresh_token::RefreshToken,
    flows::{
        admin::By,
        mass_end::{self, MassEndError},
    },
    store::mass_ends::MassEnd,
};
use serde_json::{Value, json};

use super::{filter, found, more_like_it};
use crate::harness::{ALICE, BOB, Postern};

async fn begin(postern: &Postern, parts: Value) -> MassEnd {
    let note = "a lost laptop".parse().ok();
    let begun = mass_end::begin(postern.provider(), &By::operator(), &filter(parts), note).await;
    begun.expect("begun")
}

async fn work(postern: &Postern) -> bool {
    mass_end::work(postern.provider()).await.expect("answered")
}

async fn progress(postern: &Postern, end: &MassEnd) -> MassEnd {
    let found = mass_end::find(postern.provider(), end.id)
        .await
        .expect("answered");
    found.expect("a row")
}

#[tokio::test]
async fn ten_thousand_end_in_one_job_and_all_are_refused() {
    for postern in Postern::on_each().await {
        postern
            .add_client("heard", |heard| {
                heard.backchannel_logout_uri = "https://heard.example/logout".parse().ok();
            })
            .await;
        let phone = postern.phone_of("heard");
        let alice = phone.signed_in(&mut postern.browser(), ALICE).await;
        more_like_it(&postern, 9_999).await;
        let bob = phone.signed_in(&mut postern.browser(), BOB).await;
        let parts = json!({ "user": postern.user(ALICE).await.id, "client": "heard" });
        let ids = found(&postern, &filter(parts.clone())).await;
        assert_eq!(ids.len(), 10_000);

        let counted = mass_end::count(postern.provider(), &By::operator(), &filter(parts.clone())).await;
        let counted = counted.expect("counted");
        assert_eq!((counted.found, counted.is_all), (10_000, true));
        assert_eq!(
            found(&postern, &filter(parts.clone())).await.len(),
            10_000,
            "only counted"
        );
        let end = begin(&postern, parts).await;
        assert!(!work(&postern).await, "nothing is left");
        let end = progress(&postern, &end).await;
        assert_eq!((end.found, end.ended), (10_000, 10_000));
        assert!(end.done_at.is_some() && end.cancelled_at.is_none());

        // By what this node remembers, and by what the rows say to one that knows nothing.
        let there = postern.beside().await;
        let keys = postern.provider().keys.load();
        let own = keys.mac.parse(&alice.refresh).expect("a token");
        for (node, each) in [(&postern, 1), (&there, 97)] {
            let phone = phone.at(node);
            for id in ids.iter().step_by(each) {
                let session = id.parse().expect("an id");
                let token = keys.mac.encode(&RefreshToken {
                    session,
                    ..own.clone()
                });
                assert_eq!(
                    phone.refresh(token.expose()).await.error(),
                    "invalid_grant",
                    "{id}"
                );
            }
        }
        assert_eq!(phone.userinfo(&alice.access).await.status, 401);
        assert_eq!(phone.refresh(&bob.refresh).await.status, 200);
        for (sql, many) in [
            ("SELECT COUNT(*) FROM revocations WHERE kind = 'session'", 10_000),
            ("SELECT COUNT(*) FROM outbox", 10_000),
            (
                "SELECT COUNT(*) FROM device_sessions WHERE state = 'ended' AND end_reason = 'ended_by_operator'",
                10_000,
            ),
        ] {
            assert_eq!(postern.number(sql).await, many, "{sql}");
        }
        told(&postern, &end, &ids).await;
    }
}

/// The events name the beginning with its reason, every session, and the end.
async fn told(postern: &Postern, end: &MassEnd, ids: &[String]) {
    let events = postern.events().await;
    let of = |kind: &str| -> Vec<&Value> {
        let all = events.iter().filter(|(name, _)| name == kind);
        all.map(|(_, data)| data).collect()
    };
    let begun = of("mass_end.begun");
    assert_eq!(begun.len(), 1);
    assert_eq!(
        (&begun[0]["mass_end"], &begun[0]["note"]),
        (&json!(end.id), &json!("a lost laptop"))
    );
    let done = of("mass_end.done");
    assert_eq!((done.len(), &done[0]["ended"]), (1, &json!(10_000)));
    let batches = of("session.ended");
    assert!(batches.len() < 20, "one for each batch, not for each session");
    let mut named: Vec<&str> = Vec::new();
    for batch in batches {
        assert_eq!(
            (&batch["node"], &batch["mass_end"], &batch["reason"]),
            (&json!("matching"), &json!(end.id), &json!("ended_by_operator"))
        );
        let ids = batch["ids"].as_array().expect("a list");
        named.extend(ids.iter().filter_map(Value::as_str));
        let line = batch.to_string();
        assert!(
            line.len() < 60_000,
            "a line that `postern restore` reads: {}",
            line.len()
        );
    }
    named.sort_unstable();
    let mut expected: Vec<&str> = ids.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(named, expected);
}

#[tokio::test]
async fn who_signs_in_again_meanwhile_stays_and_a_code_on_its_way_does_not() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut browser = postern.browser();
    let old = phone.signed_in(&mut browser, ALICE).await;
    let code = phone.allowed_code(&mut browser, ALICE).await;
    postern.advance("1s");
    let end = begin(&postern, json!({ "client": "notes" })).await;
    postern.advance("1s");
    let new = phone.signed_in(&mut browser, ALICE).await;
    assert!(!work(&postern).await);
    assert_eq!(progress(&postern, &end).await.found, 2);
    assert_eq!(phone.refresh(&old.refresh).await.error(), "invalid_grant");
    assert_eq!(phone.redeem(&code).await.error(), "invalid_grant");
    assert_eq!(phone.refresh(&new.refresh).await.status, 200);
}

#[tokio::test]
async fn another_node_goes_on_where_one_was_killed_and_nothing_ends_twice() {
    for postern in Postern::on_each().await {
        postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        more_like_it(&postern, 3_499).await;
        let other = postern.beside().await;
        let end = begin(&postern, json!({ "client": "notes" })).await;
        // The first node dies somewhere in the middle: what it began and did not commit is gone, what it committed stays.
        let died = async {
            while progress(&other, &end).await.found == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = work(&postern) => panic!("it was done before it could be killed"),
            () = died => {}
        }
        let before = progress(&other, &end).await;
        assert!(before.found < 3_500 && before.done_at.is_none(), "{before:?}");
        assert!(work(&other).await, "the first one still has the job");
        postern.advance("31s");
        assert!(!work(&other).await);
        let after = progress(&other, &end).await;
        assert_eq!((after.found, after.ended, after.looked_at), (3_500, 3_500, 3_500));
        assert_eq!(postern.count_events("mass_end.done").await, 1);
        assert!(found(&postern, &filter(json!({}))).await.is_empty());
    }
}

#[tokio::test]
async fn a_cancelled_end_ends_nothing_more() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let end = begin(&postern, json!({ "client": "notes" })).await;
    let provider = postern.provider();
    assert!(
        mass_end::cancel(provider, &By::operator(), end.id)
            .await
            .expect("answered")
    );
    assert!(
        !mass_end::cancel(provider, &By::operator(), end.id)
            .await
            .expect("answered"),
        "once"
    );
    assert!(!work(&postern).await);
    let end = progress(&postern, &end).await;
    assert_eq!((end.ended, end.cancelled_at), (0, Some(postern.clock.now())));
    assert_eq!(end.stopped_at, None);
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
    let events = postern.events().await;
    let (_, done) = events
        .iter()
        .find(|(kind, _)| kind == "mass_end.done")
        .expect("told");
    assert_eq!(done["cancelled"], true);
}

#[tokio::test]
async fn an_operators_end_reaches_all_whatever_could_be_permitted_when_it_began() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    // An admin, of whom the version that began it knew fewer permissions.
    postern.tamper("UPDATE users SET role = 'owner'").await;
    let end = begin(&postern, json!({ "client": "notes" })).await;
    postern
        .tamper("UPDATE mass_ends SET permissions = 'sessions.end sessions.read'")
        .await;
    assert!(!work(&postern).await);
    let end = progress(&postern, &end).await;
    assert_eq!((end.ended, end.stopped_at), (1, None));
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn an_end_of_nothing_in_particular_is_refused() {
    let postern = Postern::start().await;
    let (provider, by, nothing) = (postern.provider(), By::operator(), filter(json!({})));
    let refused = mass_end::begin(provider, &by, &nothing, None).await;
    assert!(matches!(refused, Err(MassEndError::Everything)));
    let refused = mass_end::count(provider, &by, &nothing).await;
    assert!(matches!(refused, Err(MassEndError::Everything)));
    assert_eq!(postern.count_events("mass_end.begun").await, 0);
}
