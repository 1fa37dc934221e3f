//! `postern client set`: what changes, what stays, and what is refused.

use postern::{domain::actor::Actor, flows::clients::set};
use serde_json::{Value, json};

use super::{Shell, founded};
use crate::harness::Postern;

async fn add(shell: &Shell, id: &str, more: &[&str]) -> Value {
    let words = [&["client", "add", id, "--name", "App", "--json"], more].concat();
    shell.run(&words).await.json()
}

async fn show(shell: &Shell, id: &str) -> Value {
    shell.run(&["client", "show", id, "--json"]).await.json()
}

const WEB: [&str; 5] = [
    "--kind",
    "web",
    "--redirect-uri",
    "https://app.example/cb",
    "--require-par",
];

#[tokio::test]
async fn what_is_written_changes_and_all_else_stays() {
    let (_folder, shell) = founded().await;
    let mut client = add(&shell, "app", &[&WEB[..], &["--session-idle", "30d"]].concat()).await;
    for member in ["client_secret", "secret"] {
        client.as_object_mut().expect("an object").remove(member);
    }
    let words = [
        "client",
        "set",
        "app",
        "--name",
        "Better",
        "--access-token-life",
        "10m",
    ];
    shell
        .run(&[&words[..], &["--origin", "https://app.example"]].concat())
        .await
        .done();
    client["name"] = json!("Better");
    client["lifetimes"]["access_token"] = show(&shell, "app").await["lifetimes"]["access_token"].clone();
    client["allowed_origins"] = json!(["https://app.example"]);
    assert!(
        client["lifetimes"]["access_token"].is_string() || client["lifetimes"]["access_token"].is_number()
    );
    assert_eq!(show(&shell, "app").await, client);

    // Taken back: as in a new client.
    let clear = [
        "client",
        "set",
        "app",
        "--clear",
        "origin",
        "--clear",
        "require-par",
        "--clear",
        "access-token-life",
    ];
    shell.run(&clear).await.done();
    let object = client.as_object_mut().expect("an object");
    object.remove("allowed_origins");
    client["require_pushed_authorization_requests"] = json!(false);
    client["lifetimes"]
        .as_object_mut()
        .expect("an object")
        .remove("access_token");
    assert_eq!(show(&shell, "app").await, client);

    let events = shell.run(&["events", "export"]).await.done();
    let told = events.lines().filter(|line| line.contains("\"client.updated\""));
    let told: Vec<Value> = told
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(told.len(), 2, "{events}");
    assert!(told.iter().any(|event| {
        event["data"]["before"]["name"] == "App" && event["data"]["after"]["name"] == "Better"
    }));
}

#[tokio::test]
async fn the_rules_are_those_of_adding_and_all_are_told_at_once() {
    let (_folder, shell) = founded().await;
    let client = add(&shell, "app", &WEB).await;
    for (more, says) in [
        (&["--kind", "native"][..], &["--kind", "keeps its kind"][..]),
        (&["--preset", "fapi2"], &["--preset", "where a new client begins"]),
        (
            &["--clear", "everything"],
            &["--clear", "write one of redirect-uri"],
        ),
        (&["--scope", "", "--dpop", "perhaps"], &["--scope", "--dpop"]),
        (
            &["--access-token-life", "1m"],
            &["--access-token-life", "tokens.retry_window"],
        ),
        (
            &["--grant-type", "authorization_code", "--clear", "redirect-uri"],
            &["--redirect-uri"],
        ),
        (&["--auth-method", "private_key_jwt"], &["--jwks"]),
        (&["--audience-token-life", "1s"], &["--audience-token-life"]),
    ] {
        let said = shell.run(&[&["client", "set", "app"], more].concat()).await;
        let said = said.refused(1);
        for part in says {
            assert!(said.contains(part), "{more:?}: {said}");
        }
    }
    let said = shell
        .run(&["client", "set", "nobody", "--name", "X"])
        .await
        .refused(1);
    assert!(said.contains("there is no client nobody"), "{said}");
    assert_eq!(
        show(&shell, "app").await["redirect_uris"],
        client["redirect_uris"]
    );
}

/// Nobody's change is lost, and another node has it with its next poll.
#[tokio::test]
async fn of_two_changes_at_once_one_is_told_to_look_again_and_nodes_learn_of_the_other() {
    for postern in Postern::on_each().await {
        let other = postern.beside().await;
        let id = "notes".parse().expect("an id");
        let found = set::find(postern.provider(), &id)
            .await
            .expect("read")
            .expect("there");
        let late = set::find(other.provider(), &id)
            .await
            .expect("read")
            .expect("there");
        let mut settings = found.client.settings.clone();
        settings.require_pushed_authorization_requests = true;
        let name = found.client.name.clone();
        set::set(
            postern.provider(),
            found,
            name.clone(),
            settings.clone(),
            &Actor::Operator,
        )
        .await
        .expect("set");
        settings.require_pushed_authorization_requests = false;
        let refused = set::set(other.provider(), late, name, settings, &Actor::Operator).await;
        assert!(matches!(refused, Err(set::SetError::Changed)), "{refused:?}");

        other.poll().await;
        let client = other.provider().clients.find("notes").expect("there");
        assert!(client.settings.require_pushed_authorization_requests);
        let back = other
            .browser()
            .open(&other.phone().authorize_url(&[]))
            .await
            .app();
        assert!(back.as_str().contains("error=invalid_request"), "{back}");
        assert_eq!(postern.count_events("client.updated").await, 1);
    }
}

#[tokio::test]
async fn the_doctor_looks_at_groups_of_apps() {
    let (_folder, shell) = founded().await;
    let group = ["--sso-group", "maker", "--scope", "openid device_sso"];
    let native = |host: &'static str| [&["--redirect-uri", host], &group[..]].concat();
    add(&shell, "one", &native("https://one.example/cb")).await;
    let doctor = async || shell.run(&["client", "doctor", "one"]).await.out;
    let alone = doctor().await;
    assert!(alone.contains("no other app is in it"), "{alone}");
    add(&shell, "two", &native("https://two.example/cb")).await;
    let both = doctor().await;
    assert!(both.contains("with two"), "{both}");
    assert!(
        both.contains("two has its addresses at two.example, this app at one.example"),
        "{both}"
    );
    assert!(both.contains("shows no page"), "{both}");
    shell
        .run(&["client", "set", "one", "--consent", "never"])
        .await
        .done();
    assert!(!doctor().await.contains("shows no page"));
}
