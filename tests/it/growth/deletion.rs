//! What is deleted, when, and that nothing comes back to life or is logged out by it.

use postern::{base::time::Lifetime, domain::client::ClientLifetimes, flows::sweep};

use crate::harness::{ALICE, BOB, Postern, Tokens};

const SESSIONS: &str = "SELECT COUNT(*) FROM device_sessions";
const BROWSERS: &str = "SELECT COUNT(*) FROM browser_sessions";

async fn sweep(postern: &Postern) {
    sweep::sweep(postern.provider()).await.expect("swept");
    sweep::walk::walk(postern.provider()).await.expect("walked");
}

#[tokio::test]
async fn a_session_that_no_app_redeemed_is_deleted_and_its_page_and_code_bring_nothing_back() {
    let postern =
        Postern::start_with(|config| config.lifetimes.pending_request = Lifetime::from_days(1)).await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());
    for _ in 0..23 {
        postern.advance("1h");
        sweep(&postern).await;
    }
    // The page is still good, and so is what it opens: the same session, not another.
    let again = phone.code(&browser.press(&page, "allow").await.app());
    assert_eq!((again, postern.number(SESSIONS).await), (code.clone(), 1));

    postern.advance("26h");
    sweep(&postern).await;
    assert_eq!(postern.number(SESSIONS).await, 0);
    assert_eq!(phone.redeem(&code).await.error(), "invalid_grant");
    let page = browser.press(&page, "allow").await.page();
    assert!(page.text().contains("waited for too long"), "{}", page.text());
    assert_eq!(postern.number(SESSIONS).await, 0);
}

#[tokio::test]
async fn an_ended_session_stays_until_no_page_and_no_token_of_it_is_left() {
    let postern = Postern::start_with(|config| {
        config.lifetimes.pending_request = Lifetime::from_days(1);
        config.lifetimes.access_token = Lifetime::from_days(1);
    })
    .await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let tokens = Tokens::of(&phone.redeem(&code).await);
    assert_eq!(phone.revoke(&tokens.refresh).await.status, 200);

    // A minute before the page and the token expire: the row is there, and refuses both.
    postern.advance("1439m");
    sweep(&postern).await;
    assert_eq!(postern.number(SESSIONS).await, 1);
    let finished = browser.press(&page, "allow").await.page();
    assert!(finished.text().contains("finished"), "{}", finished.text());
    assert_eq!(phone.userinfo(&tokens.access).await.status, 401);

    postern.advance("1442m");
    sweep(&postern).await;
    assert_eq!(postern.number(SESSIONS).await, 0);
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    assert_eq!(phone.redeem(&code).await.error(), "invalid_grant");
    assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
    browser.press(&page, "allow").await.page();
    assert_eq!(postern.number(SESSIONS).await, 0, "nothing was made anew");
    // What APIs are told is kept as long behind its own end.
    postern.advance("1450m");
    sweep(&postern).await;
    assert_eq!(postern.number("SELECT COUNT(*) FROM revocations").await, 0);
}

#[tokio::test]
async fn a_single_token_that_was_revoked_is_refused_for_good() {
    let postern = Postern::start_with(|config| config.lifetimes.access_token = Lifetime::from_days(1)).await;
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    assert_eq!(phone.revoke(&tokens.access).await.status, 200);
    for _ in 0..100 {
        postern.advance("1h");
        sweep(&postern).await;
        assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM revocations").await, 0);
    assert_eq!(
        phone.refresh(&tokens.refresh).await.status,
        200,
        "its session lives"
    );
}

#[tokio::test]
async fn idle_sessions_are_deleted_by_the_life_of_their_own_app() {
    let postern = Postern::start().await;
    let idle = |days| ClientLifetimes {
        device_session_idle: Some(Lifetime::from_days(days)),
        ..ClientLifetimes::default()
    };
    postern
        .add_client("short", |settings| settings.lifetimes = idle(1))
        .await;
    postern
        .add_client("long", |settings| settings.lifetimes = idle(300))
        .await;
    let mut browser = postern.browser();
    let (short, usual, long) = (
        postern.phone_of("short"),
        postern.phone(),
        postern.phone_of("long"),
    );
    short.signed_in(&mut browser, ALICE).await;
    let usual_tokens = usual.signed_in(&mut browser, ALICE).await;
    let long_tokens = long.signed_in(&mut browser, ALICE).await;

    let clients = "SELECT client_id FROM device_sessions ORDER BY client_id";
    postern.advance("71h");
    sweep(&postern).await;
    assert_eq!(postern.texts(clients).await, ["long", "notes", "short"]);
    postern.advance("2h");
    sweep(&postern).await;
    assert_eq!(postern.texts(clients).await, ["long", "notes"]);
    let usual_tokens = Tokens::of(&usual.refresh(&usual_tokens.refresh).await);
    postern.advance("93d");
    sweep(&postern).await;
    assert_eq!(postern.texts(clients).await, ["long"]);
    assert_eq!(
        usual.refresh(&usual_tokens.refresh).await.error(),
        "invalid_grant"
    );
    let long_tokens = Tokens::of(&long.refresh(&long_tokens.refresh).await);
    // Its absolute end, however often it is used.
    postern.advance("268d");
    sweep(&postern).await;
    assert_eq!(long.refresh(&long_tokens.refresh).await.status, 200);
    postern.advance("4d");
    sweep(&postern).await;
    assert_eq!(postern.number(SESSIONS).await, 0);
}

#[tokio::test]
async fn the_walk_visits_every_session_and_comes_back() {
    let postern = Postern::start().await;
    if postern.database.is_some() {
        // So many rows are made here in SQLite's words; the walk is the same.
        return;
    }
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    // More than the walk reads at once: copies of a session that stopped being used long ago, with ids before its own.
    postern
        .tamper(
            "INSERT INTO device_sessions
               (id, user_id, client_id, life, state, generation, rotated_at, retries, grant_json, code_digest,
                code_expires_at, redirect_uri, challenge, device, granted_at, expires_at)
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9000)
             SELECT CAST(substr('0000000000000000' || n, -16) AS BLOB), d.user_id, d.client_id, d.life, 'active', 1, 0,
               0, d.grant_json, d.code_digest, 0, d.redirect_uri, d.challenge, d.device, 0,
               CASE WHEN n % 100 = 0 THEN 0 ELSE d.expires_at + n END
             FROM device_sessions d JOIN n ON true",
        )
        .await;
    // Of ninety of a hundred the client was used a moment ago.
    postern
        .tamper("UPDATE device_sessions SET rotated_at = granted_at + 1790000000000 WHERE granted_at = 0")
        .await;
    let mut left = Vec::new();
    for _ in 0..3 {
        sweep(&postern).await;
        left.push(postern.number(SESSIONS).await);
    }
    assert_eq!(
        left,
        [8911, 8911, 8911],
        "all of them in one walk, a hundredth of them over"
    );
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
    postern
        .tamper("UPDATE device_sessions SET expires_at = 0 WHERE id = (SELECT id FROM device_sessions WHERE granted_at = 0 ORDER BY id LIMIT 1)")
        .await;
    sweep(&postern).await;
    assert_eq!(
        postern.number(SESSIONS).await,
        8910,
        "and from the beginning again"
    );
    let counted = "SELECT COALESCE(SUM(sessions), 0) FROM app_versions";
    assert_eq!(postern.number(counted).await, 8910, "and all are counted");
}

#[tokio::test]
async fn an_ended_browser_session_is_deleted_and_its_cookie_signs_nobody_in() {
    let postern = Postern::start().await;
    let (mut gone, mut kept) = (postern.browser(), postern.browser());
    let page = gone.account(ALICE).await;
    let cookies = gone.cookies.clone();
    gone.submit(&page.form("/sign-out")).await.page();
    kept.account(BOB).await;
    postern.advance("47h");
    kept.open("/account").await.page();
    sweep(&postern).await;
    assert_eq!(postern.number(BROWSERS).await, 2);
    postern.advance("2h");
    sweep(&postern).await;
    assert_eq!(postern.number(BROWSERS).await, 1);
    gone.cookies = cookies;
    assert_eq!(gone.open("/account").await.page().forms("/sign-in").len(), 1);
    assert!(kept.open("/account").await.page().forms("/sign-in").is_empty());
}

#[tokio::test]
async fn events_are_kept_as_long_as_the_setting_says() {
    for (keep, left) in [(Some(Lifetime::from_days(3)), 0), (None, 1)] {
        let postern = Postern::start_with(|config| config.retention.events = keep).await;
        postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        postern.chains().await;
        postern.advance("71h");
        sweep(&postern).await;
        assert_eq!(postern.count_events("session.opened").await, 1);
        postern.advance("2h");
        postern.add_user("carol@example.com").await;
        sweep(&postern).await;
        assert_eq!(postern.count_events("session.opened").await, left);
        assert!(
            postern.count_events("user.created").await > 0,
            "the new ones stay"
        );
    }
}
