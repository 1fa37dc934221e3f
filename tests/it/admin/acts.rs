//! Every act of the API leaves its event, with who did it and from where.

use std::collections::BTreeSet;

use postern::{flows::sessions, web::private::operations};
use serde_json::{Value, json};

use super::{Machine, Postern, start};
use crate::harness::BOB;

/// An act: its name in the table of routes, the request, and the kind of the event that it leaves.
type Act = (&'static str, String, Option<Value>, &'static str);

/// All of them, in an order in which each can be done.
async fn acts(postern: &Postern) -> Vec<Act> {
    let bob = postern.user(BOB).await.id;
    let mut browser = postern.browser();
    let tokens = postern.phone().signed_in(&mut browser, BOB).await;
    postern.phone().signed_in(&mut browser, BOB).await;
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    let browsers = sessions::browsers::of_user(postern.provider(), bob)
        .await
        .expect("browsers");
    let new = json!({ "email": "dan@example.com", "password": "a whole new one" });
    let robot = json!({ "id": "robot", "name": "Robot", "kind": "service", "scope": "read" });
    let changed = json!({ "name": "Old robot" });
    let of_bob = |act: &str| format!("/users/{bob}{act}");
    vec![
        ("addUser", "/users".to_owned(), Some(new), "user.created"),
        (
            "endSession",
            format!("/sessions/{}/end", tokens.sid()),
            None,
            "session.ended",
        ),
        (
            "endBrowserSession",
            format!("/browser-sessions/{}/end", browsers[0].id),
            None,
            "session.ended",
        ),
        (
            "endSessionsOfUser",
            of_bob("/end-sessions"),
            None,
            "session.ended",
        ),
        (
            "endSessions",
            "/session-ends".to_owned(),
            Some(json!({ "filter": { "user": bob } })),
            "mass_end.begun",
        ),
        (
            "cancelSessionEnd",
            "/session-ends/{end}/cancel".to_owned(),
            None,
            "mass_end.done",
        ),
        ("disableUser", of_bob("/disable"), None, "user.disabled"),
        ("enableUser", of_bob("/enable"), None, "user.enabled"),
        (
            "setPassword",
            of_bob("/password"),
            Some(json!({ "password": "a whole new one" })),
            "user.password_changed",
        ),
        (
            "setRole",
            of_bob("/role"),
            Some(json!({ "role": "support" })),
            "user.role_changed",
        ),
        ("addClient", "/clients".to_owned(), Some(robot), "client.added"),
        (
            "updateClient",
            "/clients/robot".to_owned(),
            Some(changed),
            "client.updated",
        ),
        (
            "rotateSecret",
            "/clients/robot/secrets".to_owned(),
            Some(json!({})),
            "client.secret_rotated",
        ),
        (
            "removeSecret",
            "/clients/robot/secrets/{secret}".to_owned(),
            None,
            "client.secret_removed",
        ),
        (
            "removeClient",
            "/clients/robot".to_owned(),
            None,
            "client.removed",
        ),
        (
            "rotateKeys",
            "/keys/rotate".to_owned(),
            Some(json!({ "ring": "mac" })),
            "key.activated",
        ),
        (
            "withdrawKeys",
            "/keys/withdraw".to_owned(),
            Some(json!({ "ring": "seal" })),
            "key.withdrawn",
        ),
    ]
}

#[tokio::test]
async fn every_act_leaves_its_event_with_who_did_it_and_from_where() {
    let postern = start().await;
    // The next keys have been published for long enough.
    postern.advance("3d");
    let acts = acts(&postern).await;
    let named: BTreeSet<_> = acts.iter().map(|(id, ..)| *id).collect();
    let operations = operations();
    let changing = operations.iter().filter(|route| route.method != "GET");
    assert_eq!(named, changing.map(|route| route.id).collect());
    let machine = Machine::mighty(&postern).await;
    for (id, path, body, kind) in acts {
        // The events of an act are told apart by their time.
        postern.advance("1s");
        let since = postern.clock.now().to_rfc3339();
        let path = match id {
            "cancelSessionEnd" => {
                let ends = machine.get("/session-ends").await.json();
                path.replace("{end}", ends["items"][0]["id"].as_str().expect("an id"))
            }
            "removeSecret" => {
                let secrets = machine.get("/clients/robot/secrets").await.json();
                path.replace("{secret}", secrets["items"][0]["id"].as_str().expect("an id"))
            }
            _ => path,
        };
        let route = operations.iter().find(|route| route.id == id).expect("a route");
        let done = machine.send(route.method, &path, body, &[]).await;
        assert_eq!(done.status.as_u16(), route.status, "{id}: {done:?}");
        let told = machine.get(&format!("/events?since={since}")).await.json();
        let told = told["items"].as_array().expect("events");
        assert!(
            told.iter().any(|event| event["kind"] == kind),
            "{id} leaves {kind}"
        );
        for event in told {
            assert_eq!(event["actor"]["kind"], "client", "{id}: {event}");
            assert_eq!(event["subject"]["address"], "127.0.0.1", "{id}: {event}");
        }
    }
}
