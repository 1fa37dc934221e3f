//! Clients, added, changed and removed by a running server.

use postern::domain::{actor::Actor, role::Permission};
use serde_json::{Value, json};

use super::Far;
use crate::{cli::clients::key_files, harness::Postern};

impl Far {
    /// What a command gives from far, with what is another one each time taken out.
    async fn json(&self, command: &[&str]) -> Value {
        bare(self.run(&[command, &["--json"]].concat()).await.json())
    }

    async fn json_here(&self, command: &[&str]) -> Value {
        bare(self.here(&[command, &["--json"]].concat()).await.json())
    }
}

/// Without ids, times and secrets.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let bare = members.into_iter().map(|(name, value)| {
                let value = match name.as_str() {
                    "client_secret" => json!(value.as_str().map(|text| text.starts_with("pst_cs_"))),
                    name if name == "id" || name == "client" || name.ends_with("_at") => {
                        json!(!value.is_null())
                    }
                    "removed" => json!(value.as_array().map(Vec::len)),
                    _ => bare(value),
                };
                (name, value)
            });
            Value::Object(bare.collect())
        }
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

/// The same flags, read once, do the same on the database and by a server.
#[tokio::test]
async fn a_client_is_added_and_changed_the_same_from_far_and_near() {
    let far = Far::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (public, _) = key_files(&folder);
    let redirect = ["--redirect-uri", "https://app.example/cb"];
    let adding: [&[&str]; 4] = [
        &["--kind", "service", "--secret-expires-in", "90d"],
        &[
            "--kind",
            "web",
            "--require-par",
            "--session-idle",
            "30d",
            redirect[0],
            redirect[1],
        ],
        &["--preset", "fapi2", "--jwks", &public, redirect[0], redirect[1]],
        &[
            "--redirect-uri",
            "http://127.0.0.1/callback",
            "--dpop",
            "required",
        ],
    ];
    for (number, flags) in adding.into_iter().enumerate() {
        let (there, here) = (format!("there{number}"), format!("here{number}"));
        let add = |id| [&["client", "add", id, "--name", "App"], flags].concat();
        let added = far.json(&add(&there)).await;
        assert_eq!(added, far.json_here(&add(&here)).await, "{flags:?}");
        let show = |id| ["client", "show", id];
        assert_eq!(far.json(&show(&there)).await, far.json_here(&show(&here)).await);
    }
    let setting: [(usize, &[&str]); 5] = [
        (0, &["--name", "Better", "--scope", "read"]),
        (
            1,
            &[
                "--clear",
                "session-idle",
                "--clear",
                "require-par",
                "--access-token-life",
                "10m",
            ],
        ),
        (1, &["--auth-method", "private_key_jwt", "--jwks", &public]),
        (1, &["--auth-method", "client_secret_post", "--clear", "jwks"]),
        (
            3,
            &[
                "--redirect-uri",
                "http://127.0.0.1/a",
                "--redirect-uri",
                "http://127.0.0.1/b",
                "--clear",
                "dpop",
            ],
        ),
    ];
    for (number, flags) in setting {
        let (there, here) = (format!("there{number}"), format!("here{number}"));
        let set = |id| [&["client", "set", id], flags].concat();
        let done = far.json(&set(&there)).await;
        assert_eq!(done, far.json_here(&set(&here)).await, "{flags:?}");
        assert_ne!(done["before"], done["after"], "{flags:?}");
    }
    // It authenticates with a secret once more, and has none.
    let said = far
        .run(&["client", "set", "there1", "--name", "App"])
        .await
        .done();
    assert!(
        said.contains("It has no secret yet") && said.ends_with("rotate there1\n"),
        "{said}"
    );
    for kind in ["client.added", "client.updated"] {
        let events = far
            .run(&["events", "export", "--since", "1h", "--kind", kind])
            .await
            .done();
        let by = |actor: &Actor| {
            let actor = serde_json::to_string(actor).expect("JSON");
            events.lines().filter(|line| line.contains(&actor)).count()
        };
        let id = "mighty".parse().expect("an id");
        assert!(
            by(&Actor::Client { id }) >= 4 && by(&Actor::Operator) >= 4,
            "{events}"
        );
    }
}

#[tokio::test]
async fn what_contradicts_is_told_by_its_words_from_far_too() {
    let far = Far::start().await;
    far.run(&[
        "client",
        "add",
        "app",
        "--name",
        "App",
        "--redirect-uri",
        "http://127.0.0.1/cb",
    ])
    .await
    .done();
    let web = ["--name", "App", "--redirect-uri", "https://app.example/cb"];
    for (command, told) in [
        (&["client", "add", "app"][..], "there is a client app already"),
        (
            &["client", "add", "postern-console"],
            "there is a client postern-console already",
        ),
        (
            &[
                "client",
                "add",
                "b",
                "--pkce",
                "optional",
                "--kind",
                "web",
                "--auth-method",
                "none",
            ],
            "\n  --pkce \"optional\"",
        ),
        (
            &[
                "client",
                "add",
                "b",
                "--access-token-life",
                "2d",
                "--session-idle",
                "0s",
            ],
            "\n  --session-idle \"0s\": write a time from 1s",
        ),
        (
            &[
                "client",
                "add",
                "b",
                "--kind",
                "web",
                "--secret-expires-in",
                "3651d",
            ],
            "\n  --secret-expires-in \"3651d\": a secret is good for",
        ),
        (
            &["client", "add", "b", "--secret-expires-in", "1d"],
            "\n  --secret-expires-in \"1d\": this client has no secret",
        ),
        (
            &["client", "add", "b", "--dpop", "perhaps"],
            "\n  --dpop \"perhaps\"",
        ),
        (
            &["client", "set", "app", "--scope", "openid admin:users.read"],
            "\n  --scope \"admin:users.read openid\"",
        ),
        (
            &["client", "set", "app", "--access-token-life", "1m"],
            "\n  --access-token-life \"1m\": write at least twice",
        ),
        (&["client", "set", "app", "--kind", "web"], "\n  --kind \"web\""),
        (
            &["client", "set", "postern-console"],
            "which the server itself looks after",
        ),
    ] {
        let add = [command, &web[..]].concat();
        let said = far.run(&add).await.refused(1);
        assert!(said.contains(told), "{command:?}: {said}");
        // The console is not there where there is no private listener, as in this folder's configuration.
        let near = far.here(&add).await.refused(1);
        assert!(near.contains(told), "{command:?}: {near}");
    }
}

/// What is said, without where the commands are asked that it names.
fn without_place(said: &str) -> String {
    let parts = said.split('`').enumerate();
    let parts = parts.map(|(at, part)| {
        if at % 2 == 0 {
            part
        } else {
            part.split(" --").next().unwrap_or(part)
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

#[tokio::test]
async fn what_is_not_there_is_told_as_on_the_database() {
    let far = Far::start().await;
    let session = "dse_01890a5dac96774bbcceb302099a8057";
    let browser = "bse_01890a5dac96774bbcceb302099a8057";
    let end = "men_01890a5dac96774bbcceb302099a8057";
    let secret = "cse_01890a5dac96774bbcceb302099a8057";
    for command in [
        &["client", "show", "nobody"][..],
        &["client", "remove", "nobody"],
        &["client", "set", "nobody", "--name", "X"],
        &["client", "secret", "list", "nobody"],
        &["client", "secret", "rotate", "nobody"],
        &["client", "secret", "remove", "nobody", secret],
        &["client", "secret", "remove", "mighty", secret],
        &["client", "remove", "postern-console"],
        &["session", "show", session],
        &["session", "end", session],
        &["session", "end", browser],
        &["session", "cancel-end", end],
        &["user", "show", "eve@example.com"],
        &["session", "end", "--user", "eve@example.com"],
    ] {
        let (from_far, near) = (
            far.run(command).await.refused(1),
            far.here(command).await.refused(1),
        );
        let tells = |said: &str| {
            [
                "there is no",
                "has no secret",
                "nobody here",
                "is not under way",
                "looks after",
            ]
            .iter()
            .any(|words| said.contains(words))
        };
        assert!(tells(&from_far) && tells(&near), "{command:?}: {from_far} {near}");
        if !from_far.contains("the server refused") {
            assert_eq!(without_place(&from_far), without_place(&near), "{command:?}");
        }
    }
}

#[tokio::test]
async fn a_client_gets_a_new_secret_from_far_and_is_removed() {
    let far = Far::start().await.let_in("other", &[]).await;
    let far = far.let_in("robot", Permission::ALL).await;
    let rotate = ["client", "secret", "rotate", "other", "--json"];
    let rotated = far.run_as("robot", &rotate, "").await.json();
    let text = rotated["client_secret"].as_str().expect("text");
    assert!(text.starts_with("pst_cs_"), "{rotated}");
    assert_eq!(rotated["secret"]["client"], "other");
    let until = rotated["kept"][0]["expires_at"].as_i64().expect("a time");
    let made = rotated["secret"]["created_at"].as_i64().expect("a time");
    assert_eq!(until - made, 7 * 86_400_000, "a week unless somebody says");
    let too_many = far.run_as("robot", &rotate, "").await.refused(1);
    assert!(too_many.contains("2 secrets"), "{too_many}");
    let old = rotated["kept"][0]["id"].as_str().expect("an id");
    let remove = ["client", "secret", "remove", "other", old];
    let removed = far.run_as("robot", &remove, "").await.done();
    assert!(removed.starts_with(&format!("Removed {old}")), "{removed}");
    let long = [&rotate[..], &["--keep-old", "3651d"]].concat();
    let long = far.run_as("robot", &long, "").await.refused(1);
    assert!(long.contains("at most 3650d more"), "{long}");
    let near = far
        .here(&["client", "secret", "rotate", "other", "--expires-in", "3651d"])
        .await;
    assert!(near.refused(1).contains("1s to 3650d"));
    let at_once = [&rotate[..], &["--keep-old", "0s", "--expires-in", "30d"]].concat();
    let rotated = far.run_as("robot", &at_once, "").await.json();
    assert_eq!(rotated["removed"].as_array().map(Vec::len), Some(1));
    let removed = far
        .run_as("robot", &["client", "remove", "other"], "")
        .await
        .done();
    assert!(removed.starts_with("Removed other;"), "{removed}");
}

/// Two who change different settings at the same time both do, from far and near.
#[tokio::test]
async fn what_others_changed_meanwhile_stays() {
    for postern in Postern::on_each().await {
        let other = postern.beside().await;
        let provider = postern.provider();
        let by = postern::flows::admin::By::operator();
        let notes = "notes".parse().expect("an id");
        let before = provider.clients.find("notes").expect("a client");
        let change = |change: fn(&mut postern::domain::client::ClientSettings)| {
            let mut after = before.settings.clone();
            change(&mut after);
            postern::domain::client::ClientChange::between(
                (&before.name, &before.settings),
                (&before.name, &after),
            )
            .expect("JSON")
        };
        let one = change(|settings| settings.require_pushed_authorization_requests = true);
        let two = change(|settings| settings.lifetimes.access_token = "20m".parse().ok());
        let update = postern::flows::admin::clients::update;
        update(provider, &by, &notes, &one).await.expect("changed");
        update(other.provider(), &by, &notes, &two)
            .await
            .expect("changed");
        let set = update(provider, &by, &notes, &one).await.expect("the same again");
        assert!(set.before.settings.require_pushed_authorization_requests);
        assert_eq!(set.after.settings.lifetimes.access_token, "20m".parse().ok());
    }
}
