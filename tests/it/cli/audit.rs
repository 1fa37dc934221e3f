//! `postern audit`: whether what happened is still what happened.

use serde_json::json;

use super::Shell;
use crate::harness::{ALICE, Postern};

async fn with_a_trail() -> (Postern, Shell) {
    let postern = Postern::start().await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let shell = Shell::beside(&postern);
    (postern, shell)
}

#[tokio::test]
async fn a_trail_verifies_until_somebody_changes_it() {
    let (postern, shell) = with_a_trail().await;
    let early = shell.run(&["audit", "checkpoint"]).await.refused(1);
    assert!(early.contains("a server that runs signs one"), "{early}");
    postern.chains().await;
    let rows = postern.number("SELECT COUNT(*) FROM events").await;
    let said = shell.run(&["audit", "verify"]).await.done();
    assert_eq!(
        said,
        format!(
            "Read: events 1 to {rows} ({rows}) and 1 checkpoints; signed up to {rows}.\nNothing is wrong.\n"
        )
    );
    let kept = shell.run(&["audit", "checkpoint"]).await.done();
    assert_eq!(
        (kept.matches('.').count(), kept.lines().count()),
        (2, 1),
        "{kept}"
    );
    let file = postern.folder().join("kept.jwt");
    std::fs::write(&file, kept).expect("written");
    let file = file.to_str().expect("text");
    shell.run(&["audit", "verify", "--checkpoint", file]).await.done();

    postern
        .tamper("UPDATE events SET address = '198.51.100.1' WHERE seq = 4")
        .await;
    let said = shell.run(&["audit", "verify"]).await;
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("row changed: event 4 (evt_"), "{}", said.out);
    assert!(said.err.contains("docs/audit.md"), "{}", said.err);
    let said = shell.run(&["audit", "verify", "--json"]).await;
    let report: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (
            said.code,
            &report["findings"][0]["finding"],
            &report["findings"][0]["seq"]
        ),
        (1, &json!("changed"), &json!(4))
    );
}

#[tokio::test]
async fn what_is_no_checkpoint_and_no_time_that_has_one_say_so() {
    let (postern, shell) = with_a_trail().await;
    let file = postern.folder().join("kept.jwt");
    std::fs::write(&file, "eyJ.not.one").expect("written");
    let file = file.to_str().expect("text");
    let said = shell
        .run(&["audit", "verify", "--checkpoint", file])
        .await
        .refused(1);
    assert!(said.contains("no checkpoint of this server"), "{said}");
    let said = shell
        .run(&["audit", "verify", "--checkpoint", "/nowhere"])
        .await
        .refused(1);
    assert!(said.contains("/nowhere"), "{said}");
    let said = shell.run(&["audit", "verify", "--since", "1h"]).await.refused(1);
    assert!(said.contains("leave --since out"), "{said}");
}

#[tokio::test]
async fn what_only_looks_wrong_has_a_word_and_a_code_of_its_own() {
    let (postern, shell) = with_a_trail().await;
    postern.advance("10m");
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.chains().await;
    let said = shell.run(&["audit", "verify"]).await;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.starts_with("Look at this: signed late: of events 1 to "),
        "{}",
        said.out
    );
    assert!(
        said.out.ends_with("Nothing is proven to be wrong.\n"),
        "{}",
        said.out
    );
    assert!(said.err.contains("docs/audit.md"), "{}", said.err);
    let said = shell.run(&["audit", "verify", "--json"]).await;
    let report: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (said.code, &report["verdict"], &report["notices"][0]["notice"]),
        (3, &json!("suspicious"), &json!("signed_late"))
    );
}
