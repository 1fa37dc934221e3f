//! Allow and Deny, pressed once, twice and too late.

use url::Url;

use crate::harness::{ALICE, Browser, Page, Phone, Postern, Tokens};

const FINISHED: &str = "This sign-in is finished";

async fn consent_page(browser: &mut Browser<'_>, phone: &Phone<'_>) -> Page {
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    browser.sign_in(&page, ALICE).await.page()
}

fn parameter(back: &Url, name: &str) -> String {
    let found = back.query_pairs().find(|(key, _)| key == name);
    found.map_or_else(|| panic!("no {name} in {back}"), |(_, value)| value.into_owned())
}

async fn states(postern: &Postern) -> Vec<String> {
    postern
        .texts("SELECT state FROM device_sessions ORDER BY id")
        .await
}

#[tokio::test]
async fn pressing_allow_again_gives_the_same_code_a_new_minute_and_one_session() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let first = browser.press(&page, "allow").await.app();
    postern.advance("50s");
    let second = browser.press(&page, "allow").await.app();
    assert_eq!(first, second);
    postern.advance("50s");
    assert_eq!(states(&postern).await, ["granted"]);
    assert_eq!(postern.count_events("session.opened").await, 0, "no device yet");
    assert_eq!(postern.count_events("consent.granted").await, 1);
    assert_eq!(phone.redeem(&phone.code(&first)).await.status, 200);
    assert_eq!(states(&postern).await, ["active"]);
}

#[tokio::test]
async fn a_code_that_expired_works_again_after_another_tap() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let code = phone.code(&browser.press(&page, "allow").await.app());
    postern.advance("60s");
    assert_eq!(phone.redeem(&code).await.error(), "invalid_grant");
    browser.press(&page, "allow").await.app();
    assert_eq!(phone.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn taps_at_the_same_time_open_one_session() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let cookies = browser.cookies.clone();
    let taps = (0..16).map(|_| async {
        let mut tab = postern.browser();
        tab.cookies.clone_from(&cookies);
        phone.code(&tab.press(&page, "allow").await.app())
    });
    let mut codes = futures_util::future::join_all(taps).await;
    codes.dedup();
    assert_eq!(codes.len(), 1);
    assert_eq!(states(&postern).await, ["granted"]);
}

#[tokio::test]
async fn after_the_app_has_redeemed_the_page_is_finished_and_the_session_lives() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let tokens = Tokens::of(&phone.redeem(&code).await);
    let finished = browser.press(&page, "allow").await.page();
    assert_eq!(
        (finished.answer.status.as_u16(), finished.heading()),
        (409, FINISHED.to_owned())
    );
    let denied = browser.press(&page, "deny").await.app();
    assert_eq!(parameter(&denied, "error"), "access_denied");
    assert_eq!(
        states(&postern).await,
        ["active"],
        "a Deny ends only what is not redeemed"
    );
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);

    // The way out works.
    let page = browser.submit(&finished.form("/authorize")).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());
    assert_eq!(phone.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn after_the_session_ended_nothing_is_issued() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let code = phone.code(&browser.press(&page, "allow").await.app());
    postern.end_everything_of(ALICE).await;
    assert_eq!(browser.press(&page, "allow").await.page().heading(), "Sign in");
    assert_eq!(browser.press(&page, "deny").await.page().heading(), "Sign in");
    assert_eq!(phone.redeem(&code).await.error(), "invalid_grant");
    assert_eq!(states(&postern).await, ["ended"]);
    assert!(
        postern.revocations().await.is_empty(),
        "what had no tokens needs no revocation"
    );

    // Signing in again in that very page is a new session and a new code.
    let again = browser.press(&page, "allow").await.page();
    let page = browser.sign_in(&again, ALICE).await.page();
    let other = phone.code(&browser.press(&page, "allow").await.app());
    assert_ne!(code, other);
    assert_eq!(phone.redeem(&other).await.status, 200);
}

#[tokio::test]
async fn a_granted_row_that_was_ended_by_itself_is_finished() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    browser.press(&page, "allow").await.app();
    postern
        .tamper("UPDATE device_sessions SET state = 'ended', ended_at = 1, end_reason = 'revoked'")
        .await;
    assert_eq!(browser.press(&page, "allow").await.page().heading(), FINISHED);
    assert_eq!(states(&postern).await, ["ended"]);
}

#[tokio::test]
async fn deny_tells_the_app_and_ends_what_an_earlier_tap_had_granted() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let back = browser.press(&page, "deny").await.app();
    assert_eq!(parameter(&back, "error"), "access_denied");
    assert_eq!(parameter(&back, "state"), phone.state);
    assert_eq!(parameter(&back, "iss"), postern.issuer());
    assert!(!back.as_str().contains("code="), "{back}");
    assert_eq!(states(&postern).await, ["ended"]);
    assert_eq!(
        postern.texts("SELECT end_reason FROM device_sessions").await,
        ["denied"]
    );
    assert_eq!(postern.count_events("session.ended").await, 1);
    assert_eq!(phone.redeem(&code).await.error(), "invalid_grant");

    // Going back and pressing Allow: that one is over.
    assert_eq!(browser.press(&page, "allow").await.page().heading(), FINISHED);
    assert_eq!(
        browser.press(&page, "deny").await.app(),
        back,
        "saying no again is no harm"
    );
    assert_eq!(postern.count_events("session.ended").await, 1);
}

#[tokio::test]
async fn a_first_deny_stores_nothing() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let rows = postern.rows().await;
    let back = browser.press(&page, "deny").await.app();
    assert_eq!(parameter(&back, "error"), "access_denied");
    assert_eq!(postern.rows().await, rows);
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    assert_eq!(
        page.heading(),
        "Allow Notes to use your account?",
        "and nothing is remembered"
    );
}

#[tokio::test]
async fn the_way_back_is_a_see_other_that_is_not_kept() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let same_origin = [("sec-fetch-site", "same-origin")];
    for decision in ["allow", "deny"] {
        let form = page.form("/consent").with("decision", decision);
        let answer = browser.post(&form, &same_origin).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_decision_that_is_none_shows_the_page_again() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = consent_page(&mut browser, &phone).await;
    let form = page.form("/consent");
    for decision in ["", "ALLOW", "yes", "allow "] {
        let again = browser
            .submit(&form.clone().with("decision", decision))
            .await
            .page();
        assert_eq!(again.heading(), "Allow Notes to use your account?");
    }
    let mut twice = form.with("decision", "allow");
    twice.fields.push(("decision".to_owned(), "allow".to_owned()));
    assert_eq!(
        browser.submit(&twice).await.page().heading(),
        "Allow Notes to use your account?"
    );
    assert_eq!(states(&postern).await, Vec::<String>::new());
}
