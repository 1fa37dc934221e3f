//! The database is lost at any moment of a request: everybody is told to come back, nothing is half done, nothing counts
//! as ended that is not.

use super::{by_hand, session, signed_in};
use crate::harness::{ALICE, Answer, BOB, Browser, Form, PASSWORD, Phone, Postern, Tokens};

/// What Alice has ready to send when the database goes.
struct Ready<'a> {
    browser: Browser<'a>,
    strangers: Browser<'a>,
    phone: Phone<'a>,
    tokens: Tokens,
    code: String,
    /// Forms of hers, in the order of which none spoils the next.
    forms: Vec<Form>,
    sign_in: Form,
}

async fn ready(postern: &Postern) -> Ready<'_> {
    let (mut browser, phone, tokens) = signed_in(postern).await;
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    postern.browser().account(ALICE).await;
    postern.add_client("other", |_| {}).await;
    let consent = postern.phone_of("other").authorize_url(&[]);
    let consent = browser.open(&consent).await.page();
    let account = browser.open("/account").await.page();
    let mut strangers = postern.browser();
    let sign_in = strangers.open("/account").await.page().form("/sign-in");
    Ready {
        browser,
        strangers,
        phone,
        tokens,
        code,
        forms: vec![
            consent.form("/consent").with("decision", "allow"),
            account.forms("/account/end").remove(0),
            account.form("/account/end-others"),
            account
                .form("/account/password")
                .with("current_password", PASSWORD)
                .with("new_password", "another tr0mbone"),
            account.form("/sign-out"),
        ],
        sign_in: sign_in.with("email", BOB).with("password", PASSWORD),
    }
}

#[track_caller]
fn come_back(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {answer:?}");
    assert_eq!(answer.header("retry-after"), "2", "{what}");
    for internal in ["no such table", "gone", "sqlx", "SELECT"] {
        assert!(!answer.body.contains(internal), "{what}: {}", answer.body);
    }
}

impl Ready<'_> {
    /// Sends everything that writes.
    async fn write_everything(&mut self) {
        come_back(&self.phone.redeem(&self.code).await, "redeem");
        come_back(&self.phone.revoke(&self.tokens.refresh).await, "revoke a session");
        come_back(&self.phone.revoke(&self.tokens.access).await, "revoke a token");
        for form in &self.forms {
            let page = self.browser.submit(form).await.page();
            come_back(&page.answer, &form.action);
        }
        let page = self.strangers.submit(&self.sign_in).await.page();
        come_back(&page.answer, "sign in");
    }

    /// Sends everything that only reads, and the refresh.
    async fn read_everything(&mut self) {
        come_back(&self.phone.refresh(&self.tokens.refresh).await, "refresh");
        come_back(&self.phone.userinfo(&self.tokens.access).await, "userinfo");
        for path in ["/account".to_owned(), self.phone.authorize_url(&[])] {
            let page = self.browser.open(&path).await.page();
            come_back(&page.answer, &path);
        }
    }
}

/// What may not change while nothing can be done.
async fn rows(postern: &Postern) -> (Vec<(&'static str, i64)>, Vec<String>) {
    let mut counts = postern.rows().await;
    // Tries that were taken and could not be looked at.
    counts.retain(|(table, _)| *table != "attempts");
    let sessions = "SELECT hex(id) || state || generation || COALESCE(ended_at, 0) FROM device_sessions
         UNION ALL SELECT hex(id) || hex(digest) || COALESCE(ended_at, 0) FROM browser_sessions
         UNION ALL SELECT hash || version FROM passwords";
    (counts, postern.texts(sessions).await)
}

#[tokio::test]
async fn in_the_middle_of_a_change_nothing_is_half_done() {
    let postern = Postern::start().await;
    let mut ready = ready(&postern).await;
    let before = rows(&postern).await;

    // Each of these changes tells of itself at its end.
    by_hand(&postern, "ALTER TABLE events RENAME TO gone").await;
    ready.write_everything().await;
    by_hand(&postern, "ALTER TABLE gone RENAME TO events").await;

    assert_eq!(rows(&postern).await, before);
    let ends = &postern.provider().ends;
    assert!(!ends.devices.contains(&session(&ready.tokens)), "it did not end");
    assert_eq!(ready.phone.userinfo(&ready.tokens.access).await.status, 200);
    assert_eq!(ready.phone.redeem(&ready.code).await.status, 200, "the same code");
    assert_eq!(ready.phone.refresh(&ready.tokens.refresh).await.status, 200);
    let page = ready.browser.open("/account").await.page();
    assert!(page.forms("/sign-in").is_empty(), "still signed in");
}

#[tokio::test]
async fn from_the_start_of_a_request_everything_says_when_to_come_back() {
    let postern = Postern::start().await;
    let mut ready = ready(&postern).await;
    let before = rows(&postern).await;

    let tables = [
        "device_sessions",
        "browser_sessions",
        "passwords",
        "events",
        "revocations",
    ];
    for table in tables {
        by_hand(&postern, &format!("ALTER TABLE {table} RENAME TO gone_{table}")).await;
    }
    ready.write_everything().await;
    ready.read_everything().await;
    for table in tables {
        by_hand(&postern, &format!("ALTER TABLE gone_{table} RENAME TO {table}")).await;
    }

    assert_eq!(rows(&postern).await, before);
    assert_eq!(ready.phone.refresh(&ready.tokens.refresh).await.status, 200);
    let page = ready.strangers.submit(&ready.sign_in).await.page();
    assert!(
        page.forms("/sign-in").is_empty(),
        "the tries did not count as failed"
    );
}
