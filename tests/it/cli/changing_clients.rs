//! `postern client set`: what changes, what stays, and what is refused.

use postern::{domain::actor::Actor, flows::clients::set};
use serde_json::{Value, json};

use super::{Shell, clients::key_files, founded};
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

    let events = shell.run(&["events", "export", "--since", "1h"]).await.done();
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
            &Actor::Operator.into(),
        )
        .await
        .expect("set");
        settings.require_pushed_authorization_requests = false;
        let refused = set::set(other.provider(), late, name, settings, &Actor::Operator.into()).await;
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

/// Each word of `client set`, as its help lists them.
fn words(help: &str) -> Vec<&str> {
    let flags = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"));
    flags.filter_map(|flag| flag.split_whitespace().next()).collect()
}

#[tokio::test]
async fn every_word_is_taken_back_or_it_is_said_why_not() {
    let (_folder, shell) = founded().await;
    let of_api = [
        "--kind",
        "service",
        "--audience",
        "https://api.example",
        "--audience-authorization-type",
        "payment=amount",
    ];
    add(&shell, "api", &of_api).await;
    add(&shell, "new", &WEB).await;
    let unusual = [
        "--auth-method",
        "client_secret_post",
        "--scope",
        "openid",
        "--id-token-alg",
        "RS256",
        "--refresh-rotation",
        "keep",
        "--assertion-audience",
        "issuer_or_token_endpoint",
    ];
    add(&shell, "app", &[&WEB[..], &unusual].concat()).await;

    let help = shell.run(&["client", "set", "--help"]).await.done();
    let words = words(&help);
    assert!(words.contains(&"audience") && words.len() > 40, "{help}");
    for word in words {
        let said = shell.run(&["client", "set", "app", "--clear", word]).await;
        match word {
            "name" => assert!(said.refused(1).contains("write another one with --name")),
            "redirect-uri" => assert!(said.refused(1).contains("needs at least one redirect URI")),
            "assertion-issuer-jwks" | "assertion-issuer-jwks-uri" | "assertion-subject" => {
                assert!(said.refused(1).contains("this goes with assertion-issuer"));
            }
            // These are no settings.
            "clear" | "json" | "data" | "config" | "help" | "server" | "client-id" | "client-secret-file" => {
                assert!(said.refused(1).contains("write one of redirect-uri, scope"));
            }
            _ => assert_eq!((said.code, said.err.as_str()), (0, ""), "{word}"),
        }
    }
    let (mut app, mut new) = (show(&shell, "app").await, show(&shell, "new").await);
    new["require_pushed_authorization_requests"] = json!(false);
    for client in [&mut app, &mut new] {
        let client = client.as_object_mut().expect("an object");
        client.retain(|member, _| !["id", "created_at"].contains(&member.as_str()));
    }
    assert_eq!(app, new);

    // An API is one with all that belongs to it.
    let said = shell
        .run(&["client", "set", "api", "--clear", "audience"])
        .await
        .refused(1);
    assert!(said.contains("--audience-authorization-type"), "{said}");
    let both = ["--clear", "audience", "--clear", "audience-authorization-type"];
    shell
        .run(&[&["client", "set", "api"], &both[..]].concat())
        .await
        .done();
    let api = show(&shell, "api").await;
    assert!(api.get("audience").is_none() && api.get("audience_authorization_types").is_none());
}

#[tokio::test]
async fn secrets_go_with_the_method_that_has_them_and_a_first_one_is_made_by_rotating() {
    let (folder, shell) = founded().await;
    let added = add(&shell, "shop", &WEB).await;
    let rotated = shell
        .run(&["client", "secret", "rotate", "shop", "--json"])
        .await
        .json();
    let secrets = [&added["secret"]["id"], &rotated["secret"]["id"]];
    let kept = async || {
        let listed = ["client", "secret", "list", "shop", "--json"];
        let page = shell.run(&listed).await.json();
        page["items"].as_array().expect("a list").len()
    };

    // From one method with a secret to the other: they stay.
    let other = ["client", "set", "shop", "--auth-method", "client_secret_post"];
    let said = shell.run(&other).await.done();
    assert!(!said.contains("secret rotate"), "{said}");
    assert_eq!(kept().await, 2);

    // To one without.
    let (keys, _) = key_files(&folder);
    let by_key = [
        "client",
        "set",
        "shop",
        "--auth-method",
        "private_key_jwt",
        "--jwks",
        &keys,
    ];
    let said = shell.run(&[&by_key[..], &["--json"]].concat()).await.json();
    assert_eq!(said["removed"], json!(secrets));
    assert_eq!(said["needs_secret"], false);
    assert_eq!(kept().await, 0);
    let events = shell.run(&["events", "export", "--since", "1h"]).await.done();
    let removed: Vec<Value> = events
        .lines()
        .filter(|line| line.contains("\"client.secret_removed\""))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    // Those of one change have one time, and no order.
    let mut told: Vec<String> = removed
        .iter()
        .map(|event| event["data"]["secret"].to_string())
        .collect();
    told.sort_unstable();
    let mut secrets: Vec<String> = secrets.iter().map(ToString::to_string).collect();
    secrets.sort_unstable();
    assert_eq!(told, secrets);

    // And back: none of them is good again, and the command says what makes the first.
    let back = [
        "client",
        "set",
        "shop",
        "--clear",
        "auth-method",
        "--clear",
        "jwks",
    ];
    let said = shell.run(&back).await.done();
    assert!(said.contains("postern client secret rotate shop"), "{said}");
    assert_eq!(kept().await, 0);
    let first = shell
        .run(&["client", "secret", "rotate", "shop", "--json"])
        .await
        .json();
    assert_eq!((&first["kept"], &first["removed"]), (&json!([]), &json!([])));
    assert!(
        first["client_secret"]
            .as_str()
            .is_some_and(|secret| secret.starts_with("pst_cs_"))
    );
    let said = shell
        .run(&["client", "set", "shop", "--name", "Shop"])
        .await
        .done();
    assert!(!said.contains("secret rotate"), "{said}");
}
