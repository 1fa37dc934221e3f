//! The API: people, sessions, keys, events.

use postern::domain::role::Permission;
use serde_json::{Value, json};

use super::{Machine, problem, start};
use crate::harness::{ALICE, Answer, BOB, Phone};

/// The items of a page.
fn items(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["items"].as_array().expect("items").clone()
}

fn emails(answer: &Answer) -> Vec<String> {
    let items = items(answer);
    items
        .iter()
        .map(|user| user["email"].as_str().expect("an address").to_owned())
        .collect()
}

#[tokio::test]
async fn people_are_added_found_disabled_enabled_and_given_passwords() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let new = json!({ "email": "Dan@example.com", "name": "Dan", "password": "quite another one" });
    let added = admin.post("/users", new.clone()).await;
    assert_eq!(added.status, 201, "{added:?}");
    let id = added.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(problem(&admin.post("/users", new).await), "taken");
    let weak = json!({ "email": "eve@example.com", "password": "aaaaaaaaaaaa" });
    assert_eq!(problem(&admin.post("/users", weak).await), "weak-password");
    for wrong in [
        json!({}),
        json!({ "email": "x", "password": "quite another one" }),
        json!([]),
        json!({ "email": "e@example.com", "password": "quite another one", "admin": true }),
    ] {
        assert_eq!(
            problem(&admin.post("/users", wrong.clone()).await),
            "invalid-body",
            "{wrong}"
        );
    }
    assert_eq!(admin.get(&format!("/users/{id}")).await.json()["name"], "Dan");
    assert_eq!(
        emails(&admin.get("/users?email_prefix=dan").await),
        ["Dan@example.com"]
    );
    assert_eq!(
        emails(&admin.get("/users?email_prefix=DAN@e").await),
        ["Dan@example.com"]
    );
    assert!(emails(&admin.get("/users?email_prefix=danx").await).is_empty());

    let mut browser = postern.browser();
    let disabled = admin.tell(&format!("/users/{id}/disable")).await.json();
    assert!(disabled["user"]["disabled_at"].is_i64(), "{disabled}");
    let page = browser.open("/account").await.page();
    let refused = browser
        .sign_in_with(&page, "dan@example.com", "quite another one")
        .await
        .page();
    assert_eq!(refused.answer.status, 422);
    assert!(admin.tell(&format!("/users/{id}/enable")).await.json()["disabled_at"].is_null());
    let new = json!({ "password": "the third of them" });
    assert_eq!(
        admin.post(&format!("/users/{id}/password"), new).await.status,
        200
    );
    let page = browser.open("/account").await.page();
    browser
        .sign_in_with(&page, "dan@example.com", "the third of them")
        .await
        .page();
    for kind in [
        "user.created",
        "user.disabled",
        "user.enabled",
        "user.password_changed",
    ] {
        assert!(postern.count_events(kind).await >= 1, "{kind}");
    }
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_whatever_changed_meanwhile() {
    let postern = start().await;
    for n in 0..7 {
        postern.add_user(&format!("p{n}@example.com")).await;
    }
    let admin = Machine::mighty(&postern).await;
    for list in ["/users?", "/users?email_prefix=p&"] {
        let (mut seen, mut cursor, mut round) = (Vec::new(), String::new(), 0);
        loop {
            let page = admin.get(&format!("{list}limit=3{cursor}")).await;
            seen.extend(emails(&page));
            // Somebody new in front of and behind the page, and one of those seen is changed.
            postern
                .add_user(&format!("a{round}{}@example.com", list.len()))
                .await;
            if round == 0 {
                postern.add_user(&format!("pz{}@example.com", list.len())).await;
            }
            round += 1;
            match page.json()["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(round < 20);
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "nobody twice: {seen:?}");
        for n in 0..7 {
            assert!(seen.contains(&format!("p{n}@example.com")), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn parameters_are_known_single_and_right() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let unknown = admin.get("/users?emailprefix=a").await;
    assert_eq!(problem(&unknown), "unknown-parameter");
    assert_eq!(unknown.json()["detail"], "this takes email_prefix, cursor, limit");
    for path in ["/keys?limit=1", "/users/x?cursor=1", "/events?person=x"] {
        assert_eq!(problem(&admin.get(path).await), "unknown-parameter", "{path}");
    }
    for path in [
        "/users?limit=0",
        "/users?limit=1001",
        "/users?limit=x",
        "/users?cursor=x",
        "/users?limit=1&limit=2",
        "/events?since=yesterday",
        "/events?user=x",
        "/events?actor=root",
        "/events?order=random",
        "/events/counts?step=year",
        "/events/counts?since=2001-01-01T00:00:00Z",
        "/sessions?user=x",
        "/sessions?life=long",
        "/sessions?used_since=now",
        "/sessions?device=",
        "/sessions?address=here",
        "/users?email_prefix=%ff",
    ] {
        assert_eq!(problem(&admin.get(path).await), "invalid-parameter", "{path}");
    }
    for path in [
        "/users/x",
        "/users/dse_0197a000000070008000000000000000",
        "/nothing",
    ] {
        assert_eq!(problem(&admin.get(path).await), "not-found", "{path}");
    }
    assert_eq!(problem(&admin.tell("/keys").await), "method-not-allowed");
    assert_eq!(problem(&admin.tell("/users").await), "not-json");
    let large = json!({ "password": "x".repeat(40_000) });
    let bob = postern.user(BOB).await.id;
    assert_eq!(
        problem(&admin.post(&format!("/users/{bob}/password"), large).await),
        "too-large"
    );
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let (mut browser, phone): (_, Phone<'_>) = (postern.browser(), postern.phone());
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    let alice = postern.user(ALICE).await.id;
    let sid = tokens.sid();
    let listed = items(&admin.get(&format!("/users/{alice}/sessions")).await);
    assert_eq!(listed[0]["id"], sid);
    let session = admin.get(&format!("/sessions/{sid}")).await.json();
    assert_eq!(
        (&session["state"], &session["client"]),
        (&json!("active"), &json!("notes"))
    );
    assert_eq!(
        admin.tell(&format!("/sessions/{sid}/end")).await.json(),
        json!({ "browsers": 0, "devices": 1 })
    );
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    assert_eq!(
        admin.get(&format!("/sessions/{sid}")).await.json()["state"],
        "ended"
    );
    assert_eq!(
        admin.tell(&format!("/sessions/{sid}/end")).await.json()["devices"],
        0,
        "it has ended"
    );

    let browsers = items(&admin.get(&format!("/users/{alice}/browser-sessions")).await);
    let own = browsers[0]["id"].as_str().expect("an id");
    assert_eq!(
        admin.tell(&format!("/browser-sessions/{own}/end")).await.json()["browsers"],
        1
    );
    assert!(!browser.open("/account").await.page().forms("/sign-in").is_empty());

    let tokens = phone.signed_in(&mut browser, ALICE).await;
    let ended = admin.tell(&format!("/users/{alice}/end-sessions")).await.json();
    assert_eq!(ended, json!({ "browsers": 1, "devices": 1 }));
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn keys_are_seen_and_rotated_and_what_happened_is_told() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let keys = items(&admin.get("/keys").await);
    assert!(
        keys.len() >= 6 && !keys.iter().any(|key| key.get("sealed").is_some()),
        "{keys:?}"
    );
    let early = admin
        .post("/keys/rotate", json!({ "ring": "signing:ES256" }))
        .await;
    assert_eq!(problem(&early), "not-now");
    assert_eq!(
        problem(&admin.post("/keys/rotate", json!({ "ring": "x" })).await),
        "invalid-body"
    );
    postern.advance("1h");
    let admin = Machine::mighty(&postern).await;
    let rotated = admin
        .post("/keys/rotate", json!({ "ring": "signing:ES256" }))
        .await;
    assert_eq!(items(&rotated)[0]["ring"], "signing:ES256");

    let reader = Machine::with(&postern, [Permission::ReadEvents]).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = reader.get(&format!("/events?limit=4{cursor}")).await;
        seen.extend(items(&page));
        match page.json()["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), postern.events().await.len());
    assert_eq!(seen.last().expect("an event")["kind"], "client.secret_created");
    let since = postern
        .clock
        .now()
        .minus("30m".parse().expect("a time"))
        .to_rfc3339();
    let late = items(&reader.get(&format!("/events?since={since}")).await);
    assert!(late.iter().any(|event| event["kind"] == "key.activated") && late.len() < seen.len());
    let early = items(&reader.get(&format!("/events?until={since}")).await);
    assert_eq!(early.len() + late.len(), seen.len());
}
