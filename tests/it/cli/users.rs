//! `user show|enable|end-sessions`, and the search by address.

use serde_json::Value;

use super::Shell;
use crate::harness::{ALICE, BOB, Postern};

#[tokio::test]
async fn who_is_enabled_again_signs_in_again_and_old_sessions_stay_ended() {
    let postern = Postern::start().await;
    let shell = Shell::beside(&postern);
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let said = shell.run(&["user", "enable", ALICE]).await.done();
    assert!(said.contains("was not disabled"), "{said}");
    shell.run(&["user", "disable", ALICE]).await.done();
    assert_eq!(
        shell.run(&["user", "enable", ALICE]).await.done(),
        "alice@example.com may sign in again.\n"
    );
    assert_eq!(postern.count_events("user.enabled").await, 1);
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    let again = phone.signed_in(&mut postern.browser(), ALICE).await;

    let shown = shell.run(&["user", "show", ALICE, "--json"]).await.json();
    assert_eq!(
        (&shown["apps"], &shown["browsers"], &shown["user"]["disabled_at"]),
        (&Value::from(1), &Value::from(1), &Value::Null)
    );
    let said = shell
        .run(&["user", "end-sessions", ALICE, "--reason", "lost"])
        .await
        .done();
    assert_eq!(
        said,
        "alice@example.com: ended 1 app session and 1 browser session.\n"
    );
    assert_eq!(phone.refresh(&again.refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn people_are_found_by_how_their_address_begins() {
    for postern in Postern::on_each().await {
        for email in [
            "Al@example.com",
            "alan@example.com",
            "al_x@example.com",
            "älan@example.com",
        ] {
            postern.add_user(email).await;
        }
        let found = async |begins: &str, after: Option<&str>, limit| {
            let after = after.map(|after| after.parse().expect("an address"));
            let page =
                postern::flows::account::search(postern.provider(), begins, after.as_ref(), limit).await;
            let page = page.expect("answered");
            let emails: Vec<String> = page.items.iter().map(|user| user.email.key()).collect();
            (emails.join(" "), page.next)
        };
        let all = "al@example.com al_x@example.com alan@example.com alice@example.com";
        assert_eq!(found("AL", None, 10).await, (all.to_owned(), None));
        let (first, next) = found("al", None, 2).await;
        assert_eq!(first, "al@example.com al_x@example.com");
        let rest = found("al", next.as_deref(), 2).await;
        assert_eq!(rest, ("alan@example.com alice@example.com".to_owned(), None));
        assert_eq!(found("al_", None, 10).await.0, "al_x@example.com", "no pattern");
        assert_eq!(found("al%", None, 10).await.0, "");
        assert_eq!(found("ä", None, 10).await.0, "älan@example.com");
        assert_eq!(found(BOB, None, 10).await.0, BOB);
    }
}
