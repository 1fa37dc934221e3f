//! The browser session: its cookie, its row, its ends.

use base64ct::Encoding;
use postern::flows::sweep::sweep;

use crate::harness::{ALICE, Answer, BOB, Browser, PASSWORD, Postern, Tokens};

const SESSION: &str = "postern-dev";
const SAME_ORIGIN: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];

/// Signs in from the account page; the answer to the form itself.
async fn sign_in(browser: &mut Browser<'_>, email: &str) -> Answer {
    let page = browser.open("/account").await.page();
    let form = page
        .form("/sign-in")
        .with("email", email)
        .with("password", PASSWORD);
    browser.post(&form, &SAME_ORIGIN).await
}

fn set_cookies(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").into_iter();
    let mut all: Vec<String> = all
        .map(|value| value.to_str().expect("ASCII").to_owned())
        .collect();
    all.sort();
    all
}

/// Name, value and attributes of the one cookie with this name.
fn cookie(answer: &Answer, name: &str) -> (String, Vec<String>) {
    let found: Vec<String> = set_cookies(answer)
        .into_iter()
        .filter(|cookie| cookie.starts_with(&format!("{name}=")))
        .collect();
    assert_eq!(found.len(), 1, "one {name} in {answer:?}");
    let mut parts = found[0].split("; ").map(str::to_owned);
    let pair = parts.next().expect("a pair");
    let mut attributes: Vec<String> = parts.collect();
    attributes.sort();
    (pair.split_once('=').expect("a value").1.to_owned(), attributes)
}

async fn live(postern: &Postern) -> i64 {
    postern
        .number("SELECT COUNT(*) FROM browser_sessions WHERE ended_at IS NULL")
        .await
}

#[tokio::test]
async fn over_plain_http_the_cookies_have_their_own_names_and_are_as_strict_as_they_can_be() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let first = postern.get("/account").await;
    let (flow, attributes) = cookie(&first, "postern-flow-dev");
    assert_eq!(flow.len(), 22, "128 random bits");
    assert_eq!(attributes, ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax"]);
    let (_, attributes) = cookie(&sign_in(&mut browser, ALICE).await, SESSION);
    assert_eq!(
        attributes,
        ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax"]
    );
}

#[tokio::test]
async fn over_https_the_cookies_are_secure_and_belong_to_the_host_alone() {
    let postern = Postern::start_with(|config| {
        config.server.public_url = "https://id.example.com".parse().expect("valid");
    })
    .await;
    let mut browser = postern.browser();
    let (_, attributes) = cookie(&postern.get("/account").await, "__Host-postern-flow");
    assert_eq!(
        attributes,
        ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"]
    );
    let (_, attributes) = cookie(&sign_in(&mut browser, ALICE).await, "__Host-postern");
    assert_eq!(
        attributes,
        ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax", "Secure"]
    );

    // A browser ignores a `__Host-` cookie without Secure, also one that takes the cookie back.
    let account = browser.open("/account").await.page();
    let out = browser.post(&account.form("/sign-out"), &SAME_ORIGIN).await;
    let (value, attributes) = cookie(&out, "__Host-postern");
    assert_eq!(value, "");
    assert_eq!(
        attributes,
        ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]
    );

    // The names of plain http mean nothing here.
    let mut downgraded = postern.browser();
    sign_in(&mut downgraded, ALICE).await;
    let value = downgraded.cookies.remove("__Host-postern").expect("signed in");
    downgraded.cookies.insert(SESSION.to_owned(), value);
    assert_eq!(downgraded.open("/account").await.page().heading(), "Sign in");
}

#[tokio::test]
async fn the_row_has_a_digest_and_no_table_has_the_cookie() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    sign_in(&mut browser, ALICE).await;
    let value = &browser.cookies[SESSION];
    let bytes = base64ct::Base64UrlUnpadded::decode_vec(value).unwrap_or_default();
    assert!(bytes.len() >= 16, "{value}");
    let hex = crate::account::hex(&bytes).to_uppercase();
    let digests = postern
        .texts("SELECT hex(digest) || hex(id) FROM browser_sessions")
        .await;
    assert!(
        !digests[0].contains(&hex) && digests[0].len() == 96,
        "{digests:?}"
    );
    if postern.database.is_some() {
        return;
    }
    let file = std::fs::read(postern.database_file()).expect("the database");
    let wal = std::fs::read(postern.database_file().with_extension("db-wal")).unwrap_or_default();
    for stored in [file, wal] {
        assert!(!stored.windows(16).any(|window| window == &bytes[..16]));
        assert!(
            !stored
                .windows(value.len())
                .any(|window| window == value.as_bytes())
        );
    }
}

#[tokio::test]
async fn a_value_that_was_planted_before_the_sign_in_is_not_the_one_after_it() {
    let postern = Postern::start().await;
    for planted in ["AAAAAAAAAAAAAAAAAAAAAA", "not an id", ""] {
        let mut browser = postern.browser();
        browser.cookies.insert(SESSION.to_owned(), planted.to_owned());
        let page = browser.open("/account").await.page();
        assert_eq!(page.heading(), "Sign in");
        browser.cookies.insert(SESSION.to_owned(), planted.to_owned());
        browser.sign_in(&page, ALICE).await.page();
        assert_ne!(browser.cookies[SESSION], planted);

        let mut thief = postern.browser();
        thief.cookies.insert(SESSION.to_owned(), planted.to_owned());
        assert_eq!(
            thief.open("/account").await.page().heading(),
            "Sign in",
            "{planted}"
        );
    }
}

#[tokio::test]
async fn a_session_that_was_planted_ends_when_somebody_else_signs_in_over_it() {
    let postern = Postern::start().await;
    let (mut attacker, mut victim) = (postern.browser(), postern.browser());
    sign_in(&mut attacker, BOB).await;
    let page = victim.open(&postern.phone().authorize_url(&[])).await.page();
    victim
        .cookies
        .insert(SESSION.to_owned(), attacker.cookies[SESSION].clone());
    victim.sign_in(&page, ALICE).await.page();
    assert_ne!(victim.cookies[SESSION], attacker.cookies[SESSION]);
    assert_eq!(attacker.open("/account").await.page().heading(), "Sign in");
    assert_eq!(live(&postern).await, 1);
}

#[tokio::test]
async fn signing_in_again_as_the_same_person_keeps_the_row_and_changes_the_cookie() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let mut short = phone.clone();
    short.scope = "openid";
    let tokens = short.signed_in(&mut browser, ALICE).await;
    let before = browser.cookies[SESSION].clone();
    let row = postern
        .texts("SELECT hex(id) || expires_at FROM browser_sessions")
        .await;
    postern.advance("1h");

    let page = browser
        .open(&phone.authorize_url(&[("prompt", "login")]))
        .await
        .page();
    browser.sign_in(&page, ALICE).await.page();
    assert_ne!(browser.cookies[SESSION], before);
    assert_eq!(
        postern
            .texts("SELECT hex(id) || expires_at FROM browser_sessions")
            .await,
        row
    );
    assert_eq!(
        postern.number("SELECT auth_time FROM browser_sessions").await,
        postern.clock.now().millis()
    );
    assert_eq!(
        short.refresh(&tokens.refresh).await.status,
        200,
        "what hangs on it lives on"
    );

    let mut old = postern.browser();
    old.cookies.insert(SESSION.to_owned(), before);
    assert_eq!(old.open("/account").await.page().heading(), "Sign in");
    let again: Vec<_> = postern
        .events()
        .await
        .into_iter()
        .filter(|(kind, _)| kind == "user.signed_in")
        .map(|(_, data)| data["again"].as_bool().expect("a boolean"))
        .collect();
    assert_eq!(again, [true, false], "newest first");
}

#[tokio::test]
async fn signing_in_as_another_person_ends_the_old_row_with_what_lives_with_it() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let (long, mut short) = (postern.phone(), postern.phone());
    short.scope = "openid";
    let own = long.signed_in(&mut browser, ALICE).await;
    let with_browser = short.signed_in(&mut browser, ALICE).await;
    let alices = browser.cookies.clone();
    let page = browser.open(&long.authorize_url(&[])).await.page();
    let page = browser.press(&page, "switch").await.page();
    browser.sign_in(&page, BOB).await.page();

    assert_eq!(live(&postern).await, 1);
    assert_eq!(
        postern
            .texts("SELECT end_reason FROM browser_sessions WHERE ended_at IS NOT NULL")
            .await,
        ["another_person"]
    );
    assert_eq!(
        short.refresh(&with_browser.refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(long.refresh(&own.refresh).await.status, 200);
    let mut old = postern.browser();
    old.cookies = alices;
    assert_eq!(old.open("/account").await.page().heading(), "Sign in");
}

#[tokio::test]
async fn an_ended_row_is_never_revived() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let consent = browser.sign_in(&page, ALICE).await.page();
    let cookies = browser.cookies.clone();
    postern.end_everything_of(ALICE).await;
    let ended = postern
        .texts("SELECT hex(id) || last_seen_at || ended_at || hex(digest) FROM browser_sessions")
        .await;
    postern.advance("20m");

    // Every way in with the old cookie: a page, an old page's form, a sign-in.
    assert_eq!(browser.open("/account").await.page().heading(), "Sign in");
    browser.cookies.clone_from(&cookies);
    let page = browser.press(&consent, "allow").await.page();
    assert_eq!(page.heading(), "Sign in");
    browser.cookies.clone_from(&cookies);
    let page = browser.sign_in(&page, ALICE).await.page();
    assert!(page.text().contains(ALICE));
    let row = "SELECT hex(id) || last_seen_at || ended_at || hex(digest) FROM browser_sessions WHERE ended_at IS NOT NULL";
    assert_eq!(postern.texts(row).await, ended);
    assert_eq!(live(&postern).await, 1, "the sign-in made a new one");
}

#[tokio::test]
async fn a_disabled_person_is_signed_out_at_once() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let id = postern.user(ALICE).await.id;
    postern::flows::account::disable(postern.provider(), id, postern::domain::actor::Actor::Operator)
        .await
        .expect("disabled");
    assert_eq!(browser.open("/account").await.page().heading(), "Sign in");
    assert_eq!(live(&postern).await, 0);
    // Not even a row that lived on would do.
    postern
        .tamper("UPDATE browser_sessions SET ended_at = NULL")
        .await;
    assert_eq!(browser.open("/account").await.page().heading(), "Sign in");
}

#[tokio::test]
async fn a_session_that_is_not_used_for_a_week_is_over() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let account = browser.account(ALICE).await;
    for _ in 0..3 {
        postern.advance("6d");
        assert_eq!(browser.open("/account").await.page().heading(), account.heading());
    }
    postern.advance("7d");
    assert_eq!(browser.open("/account").await.page().heading(), "Sign in");
}

#[tokio::test]
async fn a_session_is_over_after_thirty_days_however_often_it_is_used() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let account = browser.account(ALICE).await;
    for _ in 0..9 {
        postern.advance("3d");
        assert_eq!(browser.open("/account").await.page().heading(), account.heading());
    }
    // Proving it again does not make the row younger.
    let page = browser
        .open(&postern.phone().authorize_url(&[("prompt", "login")]))
        .await
        .page();
    browser.sign_in(&page, ALICE).await.page();
    postern.advance("3d");
    assert_eq!(browser.open("/account").await.page().heading(), "Sign in");
}

#[tokio::test]
async fn a_use_is_remembered_every_ten_minutes_at_most() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let first = postern.number("SELECT last_seen_at FROM browser_sessions").await;
    postern.advance("599s");
    browser.open("/account").await.page();
    assert_eq!(
        postern.number("SELECT last_seen_at FROM browser_sessions").await,
        first
    );
    postern.advance("1s");
    browser.open("/account").await.page();
    assert_eq!(
        postern.number("SELECT last_seen_at FROM browser_sessions").await,
        first + 600_000
    );
}

#[tokio::test]
async fn the_sweep_ends_what_expired_with_what_lives_with_it() {
    let postern = Postern::start().await;
    let mut idle = postern.browser();
    let (long, mut short) = (postern.phone(), postern.phone());
    short.scope = "openid";
    let own = long.signed_in(&mut idle, ALICE).await;
    let with_browser = short.signed_in(&mut idle, ALICE).await;
    let mut used = postern.browser();
    used.account(BOB).await;

    postern.advance("6d");
    used.open("/account").await.page();
    let with_browser = Tokens::of(&short.refresh(&with_browser.refresh).await);
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(
        postern.count_events("session.ended").await,
        0,
        "nothing has expired"
    );

    postern.advance("1d");
    assert_eq!(
        short.refresh(&with_browser.refresh).await.status,
        200,
        "a refresh needs no join"
    );
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(live(&postern).await, 1);
    assert_eq!(
        postern
            .texts("SELECT life || end_reason FROM device_sessions WHERE state = 'ended'")
            .await,
        ["with_browserexpired"]
    );
    let sid = with_browser.sid();
    let id: postern::base::id::DeviceSessionId = sid.parse().expect("an id");
    assert_eq!(
        postern.revocations().await,
        [("session".to_owned(), id.to_bytes().to_vec())]
    );
    assert_eq!(postern.count_events("session.ended").await, 1);
    assert_eq!(long.refresh(&own.refresh).await.status, 200);
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(postern.count_events("session.ended").await, 1, "once");
}

#[tokio::test]
async fn a_cookie_of_one_person_with_the_page_of_another_does_nothing() {
    let postern = Postern::start().await;
    let (mut alices, mut bobs) = (postern.browser(), postern.browser());
    let page = alices.account(ALICE).await;
    bobs.account(BOB).await;
    // Bob's page, Alice's cookie: and the other way round.
    let mut mixed = postern.browser();
    mixed.cookies.clone_from(&alices.cookies);
    mixed
        .cookies
        .insert(SESSION.to_owned(), bobs.cookies[SESSION].clone());
    let answer = mixed.submit(&page.form("/sign-out")).await.page().answer;
    assert_eq!(answer.status, 403);
    assert_eq!(live(&postern).await, 2);
}

/// Disables Alice between her right password, which gives her try back, and the row of her session.
const DISABLE_MEANWHILE: &str = "CREATE TRIGGER meanwhile AFTER UPDATE ON attempts BEGIN
    UPDATE users SET disabled_at = 1 WHERE email_key = 'alice@example.com'; END";
const DISABLE_MEANWHILE_ON_POSTGRES: &str =
    "CREATE FUNCTION disable() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE users SET disabled_at = 1 WHERE email_key = 'alice@example.com'; RETURN NULL; END $$;
    CREATE TRIGGER meanwhile AFTER UPDATE ON attempts FOR EACH ROW EXECUTE FUNCTION disable()";

#[tokio::test]
async fn who_is_disabled_while_signing_in_is_told_so_on_the_sign_in_page() {
    let postern = Postern::start().await;
    let (mut fresh, mut known) = (postern.browser(), postern.browser());
    known.account(BOB).await;
    let sealed = known.open(&postern.phone().authorize_url(&[])).await.page();
    let switch = known.press(&sealed, "switch").await.page();
    postern.tamper("DELETE FROM attempts").await;
    match &postern.database {
        None => postern.tamper(DISABLE_MEANWHILE).await,
        Some(database) => drop(database.psql(DISABLE_MEANWHILE_ON_POSTGRES)),
    }
    let refused = sign_in(&mut fresh, ALICE).await;
    postern.tamper("DELETE FROM attempts").await;
    postern.tamper("UPDATE users SET disabled_at = NULL").await;
    let form = switch
        .form("/sign-in")
        .with("email", ALICE)
        .with("password", PASSWORD);
    let switched = known.post(&form, &SAME_ORIGIN).await;
    for (answer, browser) in [(refused, fresh), (switched, known)] {
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(answer.body.contains("<h1>Sign in</h1>"), "{}", answer.body);
        assert!(answer.body.contains("was ended just now"), "{}", answer.body);
        assert!(answer.header("retry-after").is_empty());
        assert!(!browser.cookies.contains_key(SESSION), "nobody is signed in");
    }
    assert_eq!(live(&postern).await, 0, "Bob had left the browser to Alice");
}

#[tokio::test]
async fn a_session_that_does_not_read_is_a_fault_and_no_rush() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    postern
        .tamper("UPDATE users SET email = 'no address' WHERE email_key = 'alice@example.com'")
        .await;
    let page = browser.open("/account").await.page();
    assert_eq!(page.answer.status, 500);
    assert_eq!(page.heading(), "Something went wrong here");
    assert_eq!(page.answer.header("retry-after"), "");
    assert!(browser.cookies.contains_key(SESSION), "the operator can mend it");
}
