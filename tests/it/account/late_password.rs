//! A password that was looked at too late: whatever it could have done before it was changed, it does nothing after.

use postern::{base::text::Email, domain::password::Password, flows::account};

use crate::harness::{ALICE, PASSWORD, Postern};

const SAME_ORIGIN: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];
const NEW: &str = "violet anchors 41";

/// Hashes that take long enough for requests to overtake each other, one at a time.
async fn slow() -> Postern {
    Postern::start_with(|config| {
        (config.passwords.memory_kib, config.passwords.iterations) = (19_456, 8);
        config.passwords.workers = 1;
    })
    .await
}

fn new_password(text: &str) -> Password {
    let email: Email = ALICE.parse().expect("valid");
    Password::chosen(text.to_owned(), &email).expect("good")
}

#[tokio::test]
async fn a_sign_in_with_the_old_password_opens_nothing_after_the_change() {
    let postern = slow().await;
    let alice = postern.user(ALICE).await.id;
    let mut thief = postern.browser();
    let page = thief.open("/account").await.page();
    let form = page
        .form("/sign-in")
        .with("email", ALICE)
        .with("password", PASSWORD);
    let (changed, answer) = tokio::join!(
        account::set_password(postern.provider(), alice, new_password(NEW), None, None, None),
        thief.post(&form, &SAME_ORIGIN),
    );
    changed.expect("acknowledged");
    let live = "SELECT COUNT(*) FROM browser_sessions WHERE ended_at IS NULL";
    assert_eq!((answer.status.as_u16(), postern.number(live).await), (409, 0));
}

#[tokio::test]
async fn a_change_with_the_old_password_does_not_undo_the_change() {
    let postern = slow().await;
    let alice = postern.user(ALICE).await.id;
    let mut thief = postern.browser();
    let page = thief.account(ALICE).await;
    let form = page
        .form("/account/password")
        .with("current_password", PASSWORD)
        .with("new_password", "the thief has it 9");
    let (changed, _) = tokio::join!(
        account::set_password(postern.provider(), alice, new_password(NEW), None, None, None),
        thief.post(&form, &SAME_ORIGIN),
    );
    changed.expect("acknowledged");
    let mut owner = postern.browser();
    let page = owner.open("/account").await.page();
    let page = owner.sign_in_with(&page, ALICE, NEW).await.page();
    assert_eq!(page.heading(), "Your account", "the owner's new password is good");
}
