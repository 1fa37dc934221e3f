//! Configuration, people, apps and keys: what each verb does, prints and refuses, and its exit code.

use serde_json::Value;

use super::{Said, Shell, founded};
use crate::harness::{ALICE, BOB, PASSWORD};

const STRONG: &str = "another lake 42";

async fn add_user(shell: &Shell, email: &str) -> Said {
    let command = ["user", "add", email, "--password-stdin", "--json"];
    shell.run_with_input(&command, &format!("{PASSWORD}\n")).await
}

async fn add_client(shell: &Shell, id: &str, more: &[&str]) -> Said {
    let usual = [
        "client",
        "add",
        id,
        "--name",
        "Notes",
        "--redirect-uri",
        "http://127.0.0.1/callback",
    ];
    shell.run(&[&usual, more].concat()).await
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().expect("a list")
}

#[tokio::test]
async fn people_are_added_listed_and_disabled() {
    let (_folder, shell) = founded().await;
    assert!(
        shell
            .run(&["user", "list"])
            .await
            .done()
            .starts_with("Nobody yet.")
    );
    let alice = add_user(&shell, ALICE).await.json();
    assert_eq!(alice["email"], ALICE);
    let named = ["user", "add", BOB, "--name", "Bob B.", "--password-stdin"];
    let said = shell.run_with_input(&named, PASSWORD).await.done();
    assert!(said.starts_with("Added bob@example.com: usr_"), "{said}");

    let said = add_user(&shell, "ALICE@example.com").await.refused(1);
    assert!(
        said.contains("has an account already; see `postern user list --data "),
        "{said}"
    );

    let first = shell
        .run(&["user", "list", "--limit", "1", "--json"])
        .await
        .json();
    assert_eq!(items(&first)[0]["id"], alice["id"]);
    let next = first["next"].as_str().expect("there are more");
    let second = shell
        .run(&["user", "list", "--after", next, "--json"])
        .await
        .json();
    assert_eq!(
        (items(&second).len(), &items(&second)[0]["name"]),
        (1, &Value::from("Bob B."))
    );
    assert_eq!(second["next"], Value::Null);
    let table = shell.run(&["user", "list", "--limit", "1"]).await.done();
    assert!(table.starts_with("ID ") && table.contains(ALICE), "{table}");
    assert!(
        table.contains("\n\nThere are more: postern user list ")
            && table.ends_with(&format!(" --after {next}\n")),
        "{table}"
    );

    let said = shell.run(&["user", "disable", ALICE]).await.done();
    assert_eq!(
        said,
        "alice@example.com is disabled; no session was left to end.\n"
    );
    let again = shell.run(&["user", "disable", ALICE, "--json"]).await.json();
    assert_eq!(
        (&again["user"], &again["disabled_now"]),
        (&alice["id"], &Value::from(false))
    );
    let table = shell.run(&["user", "list"]).await.done();
    assert!(
        table.contains(" disabled 20") && table.contains(" enabled"),
        "{table}"
    );
    let said = shell
        .run(&["user", "disable", "eve@example.com"])
        .await
        .refused(1);
    assert!(
        said.contains("nobody here has the address eve@example.com"),
        "{said}"
    );
}

#[tokio::test]
async fn a_password_comes_from_standard_input_and_must_be_good() {
    let (_folder, shell) = founded().await;
    let add = ["user", "add", ALICE, "--password-stdin"];
    for (input, rule) in [
        ("", "standard input is empty"),
        ("\n", "standard input is empty"),
        ("short\n", "at least 10 characters"),
        ("alice@example.com\r\n", "not your email address"),
        (&"x1y2".repeat(129), "at most 512 bytes"),
    ] {
        let said = shell.run_with_input(&add, input).await.refused(1);
        assert!(said.contains(rule), "{input:?}: {said}");
    }
    // Nobody is there to be asked.
    let said = shell.run(&["user", "add", ALICE]).await.refused(2);
    assert!(said.contains("--password-stdin"), "{said}");
    assert!(
        shell
            .run(&["user", "list"])
            .await
            .done()
            .starts_with("Nobody yet.")
    );

    add_user(&shell, ALICE).await.done();
    let change = ["user", "password", ALICE, "--password-stdin"];
    let said = shell.run_with_input(&change, STRONG).await.done();
    assert_eq!(
        said,
        "The password of alice@example.com is set; no session was left to end.\n"
    );
    let nobody = ["user", "password", BOB, "--password-stdin"];
    shell.run_with_input(&nobody, STRONG).await.refused(1);
}

#[tokio::test]
async fn apps_are_added_listed_shown_and_removed() {
    let (_folder, shell) = founded().await;
    assert!(
        shell
            .run(&["client", "list"])
            .await
            .done()
            .starts_with("No app yet.")
    );
    let more = [
        "--consent",
        "never",
        "--resource",
        "https://api.example.com",
        "--resource",
        "https://photos.example.com",
        "--post-logout-redirect-uri",
        "https://app.example/bye",
        "--post-logout-redirect-uri",
        "com.example.notes:/bye",
        "--access-token-life",
        "10m",
        "--json",
    ];
    let added = add_client(&shell, "notes", &more).await.json();
    assert_eq!(
        (&added["id"], &added["consent"]),
        (&Value::from("notes"), &Value::from("never"))
    );
    assert_eq!(
        added["resource"], "https://api.example.com",
        "the first is the default"
    );
    assert_eq!(
        added["resources"],
        serde_json::json!(["https://photos.example.com"])
    );
    assert_eq!(
        added["post_logout_redirect_uris"],
        serde_json::json!(["https://app.example/bye", "com.example.notes:/bye"])
    );
    let said = shell.run(&["client", "show", "notes"]).await.done();
    assert!(
        said.contains("after sign-out     com.example.notes:/bye"),
        "{said}"
    );

    let said = add_client(&shell, "notes", &[]).await.refused(1);
    assert!(said.contains("there is a client notes already"), "{said}");
    let said = add_client(
        &shell,
        "web",
        &[
            "--redirect-uri",
            "https://app.example/cb",
            "--session-idle",
            "30d",
        ],
    )
    .await
    .done();
    for fact in [
        "public, it has no secret",
        "https://app.example/cb",
        "session idle  30d",
        "people are asked",
    ] {
        assert!(said.contains(fact), "{fact} in\n{said}");
    }
    assert_eq!(shell.run(&["client", "show", "web"]).await.done(), said);
    assert_eq!(
        shell.run(&["client", "show", "notes", "--json"]).await.json(),
        added
    );
    let list = shell.run(&["client", "list", "--json"]).await.json();
    assert_eq!(items(&list).len(), 2);
    let table = shell.run(&["client", "list"]).await.done();
    assert!(table.starts_with("ID     NAME   KIND    SCOPE"), "{table}");
    assert!(
        table.contains("http://127.0.0.1/callback https://app.example/cb"),
        "{table}"
    );

    let said = shell.run(&["client", "remove", "notes"]).await.done();
    assert_eq!(said, "Removed notes; no session was left to end.\n");
    for command in [["client", "remove", "notes"], ["client", "show", "notes"]] {
        let said = shell.run(&command).await.refused(1);
        assert!(
            said.contains("there is no client notes; see `postern client list --data "),
            "{said}"
        );
    }
    let removed = shell.run(&["client", "remove", "web", "--json"]).await.json();
    assert_eq!(
        (&removed["client"], &removed["ended"]["devices"]),
        (&Value::from("web"), &Value::from(0))
    );
}

#[tokio::test]
async fn an_app_with_a_bad_value_is_refused_with_the_rule_that_it_breaks() {
    let (_folder, shell) = founded().await;
    for (flag, value, rule) in [
        (
            "--redirect-uri",
            "http://app.example/cb",
            "RFC 8252 sections 7.3 and 8.3",
        ),
        ("--redirect-uri", "https://app.example/cb#x", "a fragment"),
        (
            "--redirect-uri",
            "https://a@app.example/cb",
            "user name or password",
        ),
        ("--redirect-uri", "https://app.example/../cb", "plain form"),
        ("--redirect-uri", "notes:/callback", "RFC 8252 section 7.1"),
        ("--redirect-uri", "/callback", "not an absolute URI"),
        ("--name", "Notes\u{202e}", "none of them invisible"),
        ("--kind", "app", "write native, web or service"),
        ("--scope", "", "at least one scope"),
        ("--scope", "a\"b", "printable ASCII"),
        ("--consent", "always", "never"),
        ("--dpop", "maybe", "off, allowed or required"),
        ("--resource", "api", "absolute URI"),
        (
            "--post-logout-redirect-uri",
            "http://app.example/bye",
            "RFC 8252 sections 7.3 and 8.3",
        ),
        ("--access-token-life", "5", "with a unit"),
        ("--access-token-life", "2d", "from 1s to 1d"),
        ("--access-token-life", "2s", "at least twice tokens.retry_window"),
        ("--session-idle", "0s", "from 1s"),
        (
            "--session-idle",
            "400d",
            "at most as long as it lives, which is 365d",
        ),
    ] {
        let mut flags = vec![
            ("--name", "Notes"),
            ("--redirect-uri", "http://127.0.0.1/callback"),
        ];
        flags.retain(|(name, _)| *name != flag);
        flags.push((flag, value));
        let flags = flags.into_iter().flat_map(|(name, value)| [name, value]);
        let words: Vec<_> = ["client", "add", "app"].into_iter().chain(flags).collect();
        let said = shell.run(&words).await.refused(1);
        assert!(
            said.contains(&format!("  {flag} {value:?}: ")) && said.contains(rule),
            "{flag} {value}: {said}"
        );
    }
    for id in ["", "a b", "usr_1", &"x".repeat(65)] {
        let said = add_client(&shell, id, &[]).await.refused(1);
        assert!(said.contains(&format!("ID {id:?}: a client id ")), "{said}");
    }
    // All at once.
    let said = add_client(
        &shell,
        "a b",
        &["--kind", "app", "--redirect-uri", "x", "--resource", "y"],
    )
    .await
    .refused(1);
    for flag in ["ID", "--kind", "--redirect-uri", "--resource"] {
        assert!(said.contains(&format!("\n  {flag} ")), "{flag} in {said}");
    }
    assert!(
        shell
            .run(&["client", "list"])
            .await
            .done()
            .starts_with("No app yet.")
    );
}

#[tokio::test]
async fn an_app_may_have_to_bind_its_tokens() {
    let (_folder, shell) = founded().await;
    add_client(&shell, "usual", &[]).await.done();
    add_client(&shell, "strict", &["--dpop", "required"]).await.done();
    add_client(&shell, "plain", &["--dpop", "off"]).await.done();
    for (id, policy) in [("usual", "allowed"), ("strict", "required"), ("plain", "off")] {
        let shown = shell.run(&["client", "show", id, "--json"]).await.json();
        assert_eq!(shown["dpop"], policy);
        let shown = shell.run(&["client", "show", id]).await.done();
        let line = shown.lines().find(|line| line.starts_with("DPoP"));
        assert!(line.is_some_and(|line| line.contains(policy)), "{shown}");
    }
}

#[tokio::test]
async fn every_ring_has_one_active_and_one_next_key() {
    let (_folder, shell) = founded().await;
    let keys = shell.run(&["keys", "list", "--json"]).await.json();
    for ring in ["signing:ES256", "mac", "seal"] {
        let mut states: Vec<_> = items(&keys)
            .iter()
            .filter(|key| key["ring"] == ring)
            .map(|key| key["state"].as_str().expect("text"))
            .collect();
        states.sort_unstable();
        assert_eq!(states, ["active", "next"], "{ring}");
    }
    let table = shell.run(&["keys", "list"]).await.done();
    assert!(table.starts_with("RING "), "{table}");
    assert_eq!(table.lines().count(), 1 + items(&keys).len(), "{table}");
}

#[tokio::test]
async fn the_configuration_is_checked_and_shown() {
    let (folder, shell) = founded().await;
    let said = shell.run(&["config", "check"]).await.done();
    assert!(
        said.starts_with("The configuration is right.") && said.contains("postern.toml"),
        "{said}"
    );
    let shown = shell.run(&["config", "check", "--show"]).await.done();
    assert_eq!(shell.run(&["config", "show"]).await.done(), shown);
    assert!(shown.contains("server.listen"), "{shown}");
    let manual = shell.run(&["config", "show", "--defaults"]).await.done();
    assert_eq!(manual, postern::config::DEFAULTS);

    std::fs::write(
        folder.path().join("postern.toml"),
        "[server]\nlisten = 'x'\nlissten = 1\n",
    )
    .expect("written");
    let shell = shell.with("POSTERN__LOG__LEVEL", "loud");
    for command in [["config", "check"], ["config", "show"], ["user", "list"]] {
        let said = shell.run(&command).await.refused(1);
        for setting in ["server.listen", "server.lissten", "log.level"] {
            assert!(said.contains(setting), "{setting} in {said}");
        }
    }
    shell.run(&["config", "show", "--defaults"]).await.done();
}

#[tokio::test]
async fn wrong_usage_is_exit_code_2_and_help_is_not() {
    let (_folder, shell) = founded().await;
    for command in [
        &["fly"][..],
        &["user"],
        &["user", "add", "alice"],
        &["user", "list", "--limit", "0"],
        &["user", "list", "--after", "dse_1"],
        &["client", "add", "app"],
        &["session", "end"],
        &["session", "end", "dse_1"],
        &[
            "session",
            "end",
            "--user",
            ALICE,
            "bse_01890a5dac96774bbcceb302099a8057",
        ],
        &["init", "--public-url", "ftp://x"],
    ] {
        let said = shell.run(command).await.refused(2);
        assert!(
            said.starts_with("error: ") || said.contains("Usage: "),
            "{command:?}: {said}"
        );
    }
    for command in [
        &["--help"][..],
        &["client", "add", "--help"],
        &["session", "--help"],
    ] {
        assert!(shell.run(command).await.done().contains("Usage: "), "{command:?}");
    }
    assert!(shell.run(&["--version"]).await.done().starts_with("postern "));
}

#[tokio::test]
async fn nothing_secret_is_printed() {
    let (folder, shell) = founded().await;
    let mut said = vec![
        add_user(&shell, ALICE).await,
        add_client(&shell, "notes", &["--json"]).await,
    ];
    let password = ["user", "password", ALICE, "--password-stdin"];
    said.push(shell.run_with_input(&password, STRONG).await);
    said.push(shell.run_with_input(&password, "too bad").await);
    for command in [
        &["user", "list"][..],
        &["client", "list"],
        &["client", "show", "notes"],
        &["session", "list", "--user", ALICE],
        &["keys", "list"],
        &["config", "show"],
        &["init"],
    ] {
        said.push(shell.run(command).await);
        said.push(shell.run(&[command, &["--json"]].concat()).await);
    }
    let root = std::fs::read_to_string(folder.path().join("root.secret")).expect("text");
    for Said { out, err, .. } in said {
        for secret in [
            PASSWORD,
            STRONG,
            "too bad",
            "$argon2",
            "pst_",
            root.trim(),
            "\"d\":",
        ] {
            assert!(
                !out.contains(secret) && !err.contains(secret),
                "{secret} in {out}{err}"
            );
        }
    }
}

#[tokio::test]
async fn a_command_that_is_named_has_the_folder_of_the_one_that_names_it() {
    let (_folder, shell) = founded().await;
    let data = shell.data.to_str().expect("text").to_owned();
    for (command, named) in [
        (&["client", "show", "nope"][..], "postern client list"),
        (&["user", "show", "nobody@example.com"], "postern user list"),
        (
            &["session", "end", "dse_01890a5dac96774bbcceb302099a8057"],
            "postern session list",
        ),
    ] {
        let said = shell.run(command).await.refused(1);
        assert!(said.contains(&format!("see `{named} --data {data}`")), "{said}");
    }
    let begun = shell
        .run(&["session", "end", "--client", "notes", "--no-wait"])
        .await
        .done();
    let cancel = begun.split('`').nth(3).expect("a command").to_owned();
    assert!(cancel.ends_with(&format!(" --data {data}")), "{begun}");
    // As it stands there.
    let words: Vec<_> = cancel
        .split(' ')
        .skip(1)
        .filter(|word| *word != "--data" && *word != data)
        .collect();
    assert!(shell.run(&words).await.done().contains("cancelled"));

    let help = shell.run(&["demo", "--help"]).await.done();
    assert!(
        help.contains("[default: ./postern-demo]") && !help.contains("./postern-data"),
        "{help}"
    );
    for group in ["user", "client"] {
        let help = shell.run(&[group, "--help"]).await.done();
        assert!(
            help.contains(&format!("Examples:\n  postern {group} add ")),
            "{help}"
        );
    }
}
