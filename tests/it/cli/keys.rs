//! `postern keys`: what it lists, when it rotates and what it says when it does not.

use postern::base::time::{Clock, Instant, Lifetime};
use serde_json::Value;

use super::Shell;

/// A shell whose clock the test moves, and a data folder.
async fn founded() -> (tempfile::TempDir, Shell) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shell = Shell::in_folder(&folder.path().join("data"));
    shell.clock = Clock::manual(Instant::from_millis(1_790_000_000_000));
    shell.run(&["init"]).await.done();
    (folder, shell)
}

async fn key(shell: &Shell, ring: &str, state: &str) -> Value {
    let keys = shell.run(&["keys", "list", "--json"]).await.json();
    let items = keys["items"].as_array().expect("a list");
    let found: Vec<_> = items
        .iter()
        .filter(|key| key["ring"] == ring && key["state"] == state)
        .collect();
    assert_eq!(found.len(), 1, "{keys}");
    found[0].clone()
}

#[tokio::test]
async fn the_list_says_what_comes_next_and_when() {
    let (_folder, shell) = founded().await;
    let month = Lifetime::from_days(30);
    let (now, turn) = (shell.clock.now(), shell.clock.now().plus(month).millis());
    for (state, then) in [("active", "retiring"), ("next", "active")] {
        let key = key(&shell, "mac", state).await;
        assert_eq!(
            (&key["then"]["state"], &key["then"]["at"]),
            (&then.into(), &turn.into()),
            "{key}"
        );
    }
    let table = shell.run(&["keys", "list"]).await.done();
    let expected = format!("retiring {}", now.plus(month).to_rfc3339());
    assert!(table.contains(" THEN") && table.contains(&expected), "{table}");

    shell.clock.advance(Lifetime::from_secs(660));
    shell
        .run(&["keys", "rotate", "--ring", "signing:ES256"])
        .await
        .done();
    let old = key(&shell, "signing:ES256", "retiring").await;
    let end = now.plus(Lifetime::from_secs(660 + 300 + 600)).millis();
    assert_eq!(
        (&old["then"]["state"], &old["then"]["at"]),
        (&"gone".into(), &end.into()),
        "{old}"
    );
}

#[tokio::test]
async fn rotating_too_early_says_from_when_and_why() {
    let (_folder, shell) = founded().await;
    let from = shell.clock.now().plus(Lifetime::from_secs(630)).to_rfc3339();
    shell.clock.advance(Lifetime::from_millis(45_500));
    let before = shell.run(&["keys", "list"]).await.done();
    let said = shell.run(&["keys", "rotate"]).await.refused(1);
    for told in [
        "signing:ES256",
        &from,
        "would refuse",
        "run the command again then",
    ] {
        assert!(said.contains(told), "{told} in {said}");
    }
    assert_eq!(
        shell.run(&["keys", "list"]).await.done(),
        before,
        "none was rotated"
    );
    let said = shell
        .run(&["keys", "rotate", "--ring", "signing"])
        .await
        .refused(2);
    assert!(
        said.contains("write signing:ES256, signing:RS256, mac or seal"),
        "{said}"
    );
}

#[tokio::test]
async fn rotating_puts_the_next_key_into_use() {
    let (_folder, shell) = founded().await;
    shell.clock.advance(Lifetime::from_secs(630));
    let (active, next) = (
        key(&shell, "seal", "active").await,
        key(&shell, "seal", "next").await,
    );
    let said = shell.run(&["keys", "rotate", "--json"]).await.json();
    let items = said["items"].as_array().expect("a list");
    let rings: Vec<_> = items.iter().map(|item| item["ring"].as_str()).collect();
    assert_eq!(rings, [Some("signing:ES256"), Some("mac"), Some("seal")]);
    let seal = &items[2];
    assert_eq!((&seal["active"], &seal["retiring"]), (&next["id"], &active["id"]));
    assert_eq!(key(&shell, "seal", "active").await["id"], next["id"]);
    assert_eq!(key(&shell, "seal", "next").await["id"], seal["next"]);

    shell.clock.advance(Lifetime::from_secs(31));
    let table = shell.run(&["keys", "rotate", "--ring", "mac"]).await.done();
    assert!(
        table.starts_with("RING ") && table.lines().count() == 2,
        "{table}"
    );
}
