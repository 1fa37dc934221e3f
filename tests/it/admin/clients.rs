//! Clients by the API.

use postern::domain::role::Permission;
use serde_json::{Value, json};

use super::{Machine, problem, start, token_of};

fn service(scope: &str) -> Value {
    json!({ "id": "robot", "name": "Robot", "kind": "service", "scope": scope })
}

#[tokio::test]
async fn a_client_is_added_changed_given_secrets_and_removed() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    let added = admin.post("/clients", service("read")).await;
    assert_eq!(added.status, 201, "{added:?}");
    let secret = added.json()["secret"]["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    assert!(secret.starts_with("pst_cs_"));
    assert_eq!(problem(&admin.post("/clients", service("read")).await), "taken");
    assert!(!admin.get("/clients/robot").await.body.contains("pst_cs_"));

    let rotated = admin.post("/clients/robot/secrets", json!({})).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let change = async |change| admin.send("PATCH", "/clients/robot", Some(change), &[]).await;
    let changed = change(json!({ "name": "Rob", "scope": "read write" })).await;
    let said = changed.json();
    assert_eq!(
        (
            changed.status.as_u16(),
            &said["after"]["scope"],
            &said["before"]["name"]
        ),
        (200, &json!("read write"), &json!("Robot"))
    );
    let wrong = change(json!({ "scope": "openid", "redirect_uris": ["https://a.example/cb"] })).await;
    assert_eq!(problem(&wrong), "contradiction");
    let broken = wrong.json()["contradictions"].clone();
    let settings: Vec<_> = broken
        .as_array()
        .expect("all")
        .iter()
        .map(|one| &one["setting"])
        .collect();
    assert_eq!(settings, ["redirect_uris", "scope"]);
    for unknown in [
        json!({ "scopes": "read" }),
        json!({ "id": "rob" }),
        json!({ "name": null }),
    ] {
        assert_eq!(problem(&change(unknown).await), "invalid-body");
    }
    assert_eq!(
        problem(&change(json!({ "kind": "native" })).await),
        "contradiction"
    );

    let all = admin.get("/clients?limit=1").await.json();
    let next = all["next"].as_str().expect("more").to_owned();
    let rest = admin.get(&format!("/clients?cursor={next}")).await.json();
    assert!(
        rest["items"]
            .as_array()
            .expect("items")
            .iter()
            .any(|client| client["name"] == "Rob")
    );
    assert_eq!(
        admin.send("DELETE", "/clients/robot", None, &[]).await.status,
        200
    );
    assert_eq!(problem(&admin.get("/clients/robot").await), "not-found");
    for kind in [
        "client.added",
        "client.secret_rotated",
        "client.updated",
        "client.removed",
    ] {
        assert!(postern.count_events(kind).await >= 1, "{kind}");
    }
}

#[tokio::test]
async fn secrets_are_made_listed_and_removed_by_the_rules_of_the_command_line() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    admin.post("/clients", service("read")).await;
    // Names that are made in the same millisecond have no order.
    postern.advance("1s");
    let rotated = admin
        .post(
            "/clients/robot/secrets",
            json!({ "overlap": "1h", "life": "90d" }),
        )
        .await;
    assert_eq!(
        (
            rotated.status.as_u16(),
            rotated.json()["kept"].as_array().map(Vec::len)
        ),
        (201, Some(1))
    );
    assert_eq!(
        problem(&admin.post("/clients/robot/secrets", json!({})).await),
        "not-now",
        "two are good"
    );
    assert_eq!(
        problem(&admin.post("/clients/notes/secrets", json!({})).await),
        "not-now",
        "it has none"
    );
    assert_eq!(
        problem(&admin.post("/clients/nobody/secrets", json!({})).await),
        "not-found"
    );

    for wrong in [
        json!({ "life": "0s" }),
        json!({ "life": "3651d" }),
        json!({ "overlap": "3651d" }),
    ] {
        assert_eq!(
            problem(&admin.post("/clients/robot/secrets", wrong).await),
            "invalid-body"
        );
    }
    let secrets = admin.get("/clients/robot/secrets").await.json();
    let [old, new] = &secrets["items"].as_array().expect("items")[..] else {
        panic!("{secrets}")
    };
    assert!(new["expires_at"].is_number() && !secrets.to_string().contains("pst_cs_"));
    let path = format!("/clients/robot/secrets/{}", old["id"].as_str().expect("an id"));
    let removed = admin.send("DELETE", &path, None, &[]).await.json();
    assert_eq!(removed, json!({ "client": "robot", "removed": old["id"] }));
    assert_eq!(
        problem(&admin.send("DELETE", &path, None, &[]).await),
        "not-found"
    );
    assert_eq!(
        problem(&admin.send("DELETE", "/clients/robot/secrets/x", None, &[]).await),
        "not-found"
    );
    assert_eq!(problem(&admin.get("/clients/nobody/secrets").await), "not-found");
    // A week, unless somebody says.
    let rotated = admin.post("/clients/robot/secrets", json!({})).await.json();
    let until = rotated["kept"][0]["expires_at"].as_i64().expect("a time");
    let week = "7d"
        .parse::<postern::base::time::Lifetime>()
        .expect("a length of time");
    assert_eq!(until, postern.clock.now().plus(week).millis());
    let mut life = service("read");
    (life["id"], life["secret_life"]) = (json!("brief"), json!("30d"));
    let brief = admin.post("/clients", life.clone()).await.json();
    assert!(brief["secret"]["expires_at"].is_number(), "{brief}");
    (life["id"], life["secret_life"]) = (json!("eternal"), json!("3651d"));
    assert_eq!(problem(&admin.post("/clients", life).await), "contradiction");
    let unused = admin.get("/unused-clients").await.json();
    assert!(
        unused["items"]
            .as_array()
            .expect("items")
            .iter()
            .any(|client| client["id"] == "brief"),
        "{unused}"
    );
}

#[tokio::test]
async fn who_registers_clients_makes_no_machine_that_may_do_more() {
    let postern = start().await;
    let developer = Machine::with(&postern, [Permission::ReadClients, Permission::WriteClients]).await;
    let grant = json!({ "scope": "admin:roles.write" });
    assert_eq!(
        problem(&developer.post("/clients", service("admin:users.read")).await),
        "beyond-own-permissions"
    );
    assert_eq!(
        developer
            .post("/clients", service("admin:clients.read"))
            .await
            .status,
        201
    );
    let answer = developer.send("PATCH", "/clients/robot", Some(grant), &[]).await;
    assert_eq!(problem(&answer), "beyond-own-permissions");
    // Nor gets the secret of one that may.
    token_of(&postern, "admin:roles.write", |_| {}).await;
    let all = developer.get("/clients").await.json();
    let mighty = all["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|client| client["scope"] == "admin:roles.write");
    let mighty = mighty.expect("a machine")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let answer = developer
        .post(&format!("/clients/{mighty}/secrets"), json!({}))
        .await;
    assert_eq!(problem(&answer), "beyond-own-permissions");
    let answer = developer
        .send("DELETE", &format!("/clients/{mighty}"), None, &[])
        .await;
    assert_eq!(problem(&answer), "beyond-own-permissions");
    // The console's own client is nobody's.
    let admin = Machine::mighty(&postern).await;
    for (method, path, body) in [
        ("POST", "/clients/postern-console/secrets", Some(json!({}))),
        ("DELETE", "/clients/postern-console", None),
        (
            "PATCH",
            "/clients/postern-console",
            Some(json!({ "redirect_uris": ["https://evil.example"] })),
        ),
    ] {
        assert_eq!(
            problem(&admin.send(method, path, body, &[]).await),
            "beyond-own-permissions",
            "{method}"
        );
    }
}

#[tokio::test]
async fn an_app_of_people_gets_no_admin_scope() {
    let postern = start().await;
    let admin = Machine::mighty(&postern).await;
    for kind in ["native", "web"] {
        let client = json!({ "id": "sly", "name": "Sly", "kind": kind, "scope": "openid admin:users.read",
            "redirect_uris": ["https://sly.example/cb"] });
        assert_eq!(
            problem(&admin.post("/clients", client).await),
            "contradiction",
            "{kind}"
        );
    }
}
