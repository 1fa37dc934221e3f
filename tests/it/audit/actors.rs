//! Who did it, and what was different.

use postern::{
    config::Config,
    domain::{
        actor::Actor,
        browser_session::{Authentication, BrowserSession},
        event::Subject,
    },
    flows::{account, clients, settings},
};
use serde_json::{Value, json};

use crate::harness::{BOB, Postern};

/// The newest event of a kind: who did it, and its data.
async fn newest(postern: &Postern, kind: &str) -> (Value, Value) {
    let filter = postern::domain::event_filter::EventFilter {
        kind: Some(kind.parse().expect("a kind")),
        ..Default::default()
    };
    let page = postern::flows::events::list(postern.provider(), &filter, None, 1).await;
    let line = page.expect("answered").items.pop().expect("an event");
    (json!(line.actor), Value::Object(line.data))
}

/// The one browser in which somebody is signed in.
async fn session_of(postern: &Postern, email: &str) -> BrowserSession {
    let (user, now) = (postern.user(email).await, postern.clock.now());
    let listed = postern::flows::sessions::browsers::of_user(postern.provider(), user.id).await;
    BrowserSession {
        id: listed.expect("answered").first().expect("a browser").id,
        user: user.id,
        email: user.email,
        authentication: Authentication::by_password(now),
        last_seen_at: now,
        expires_at: now,
    }
}

#[tokio::test]
async fn an_operator_an_admin_and_the_server_itself_are_told_apart() {
    let postern = Postern::start().await;
    let (admin, bob) = (
        postern.user("alice@example.com").await.id,
        postern.user(BOB).await.id,
    );
    assert_eq!(
        newest(&postern, "user.created").await.0,
        json!({ "kind": "operator" })
    );
    assert_eq!(
        newest(&postern, "key.created").await.0,
        json!({ "kind": "system" })
    );
    let by = Actor::Person { id: admin };
    account::disable(postern.provider(), bob, by)
        .await
        .expect("disabled");
    let person = json!({ "kind": "person", "id": admin });
    assert_eq!(newest(&postern, "user.disabled").await.0, person);

    let by = Actor::Client {
        id: "robot".parse().expect("a client id"),
    };
    postern
        .phone()
        .signed_in(&mut postern.browser(), "alice@example.com")
        .await;
    assert_eq!(newest(&postern, "session.opened").await.0, Value::Null, "herself");
    let notes = "notes".parse().expect("a client id");
    clients::remove(postern.provider(), notes, Some(by.into()))
        .await
        .expect("removed");
    for kind in ["client.disabled", "session.ended", "client.removed"] {
        let robot = json!({ "kind": "client", "id": "robot" });
        assert_eq!(newest(&postern, kind).await.0, robot, "{kind}");
    }
}

#[tokio::test]
async fn a_withdrawn_consent_is_told_of_beside_what_it_ends() {
    let postern = Postern::start().await;
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    let session = session_of(&postern, BOB).await;
    for _ in 0..2 {
        let (client, subject) = ("notes".parse().expect("a client id"), Subject::default());
        let ended = account::withdraw_consent(postern.provider(), &session, client, subject).await;
        ended.expect("withdrawn");
        assert_eq!(postern.count_events("consent.withdrawn").await, 1);
        assert_eq!(postern.count_events("session.ended").await, 1);
    }
    let (actor, data) = newest(&postern, "session.ended").await;
    assert_eq!(
        (actor, &data["node"]),
        (Value::Null, &json!("consent")),
        "himself"
    );
    assert_eq!(newest(&postern, "consent.withdrawn").await.0, Value::Null);
}

#[tokio::test]
async fn settings_are_told_of_when_they_are_others_and_secrets_never() {
    let postern = Postern::start().await;
    let (folder, provider) = (postern.folder(), postern.provider());
    let defaults = Config::defaults(folder).expect("valid").shown();
    let with = |variables: &[(&str, &str)]| {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::load(folder, None, variables, &postern::config::Overrides::default());
        config.expect("valid").shown()
    };
    assert!(
        !settings::note(provider, &defaults, &defaults)
            .await
            .expect("noted")
    );
    assert_eq!(postern.count_events("settings.changed").await, 0);
    let longer = [
        ("POSTERN__TOKENS__ACCESS_TOKEN", "7m"),
        (
            "POSTERN__DATABASE__URL",
            "postgres://postern:hunter2@db.internal/postern",
        ),
    ];
    for _ in 0..2 {
        settings::note(provider, &with(&longer), &defaults)
            .await
            .expect("noted");
        assert_eq!(postern.count_events("settings.changed").await, 1, "once");
    }
    let (actor, data) = newest(&postern, "settings.changed").await;
    assert_eq!(actor, json!({ "kind": "operator" }));
    assert_eq!(
        (
            &data["before"]["tokens.access_token"],
            &data["after"]["tokens.access_token"]
        ),
        (&json!("\"5m\""), &json!("\"7m\""))
    );
    assert_eq!(
        data["after"].as_object().map(serde_json::Map::len),
        Some(2),
        "{data}"
    );
    assert!(!data.to_string().contains("hunter2"), "{data}");
    postern.advance("1s");
    settings::note(provider, &defaults, &defaults)
        .await
        .expect("noted");
    let (_, data) = newest(&postern, "settings.changed").await;
    assert_eq!(data["after"]["tokens.access_token"], "\"5m\"");
}

#[tokio::test]
async fn what_a_client_is_stands_in_the_event_that_adds_it_and_in_the_one_that_removes_it() {
    let postern = Postern::start().await;
    let id = postern.add_client("brief", |_| {}).await.id;
    let (_, added) = newest(&postern, "client.added").await;
    assert_eq!(added["before"], json!({}));
    assert_eq!(added["after"]["id"], "brief", "{added}");
    let uris = added["after"]["redirect_uris"].as_array();
    assert_eq!(uris.map(Vec::len), Some(1), "{added}");
    let removed = postern::flows::clients::remove(postern.provider(), id, None).await;
    assert!(removed.expect("answered").is_some());
    let (_, removed) = newest(&postern, "client.removed").await;
    assert_eq!(
        (&removed["before"], &removed["after"]),
        (&added["after"], &json!({}))
    );
}
