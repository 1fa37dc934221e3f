//! The sign-in page: wrong passwords, a proof that is due again, links that lead nowhere.

use super::{
    Browser, Callback, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD};

#[tokio::test]
async fn a_wrong_password_is_said_and_can_be_put_right() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.authorize(&browser, &phone, &[("login_hint", ALICE)]).await;
    browser.wait_for_heading("Sign in").await;
    assert_eq!(
        value(&browser, "email").await,
        ALICE,
        "the app's hint is filled in"
    );
    browser.fill("#password", "not this one").await;
    browser.click("#sign-in").await;

    browser.wait_for("#error").await;
    let text = browser.text().await;
    assert!(
        text.contains("This address and password do not go together."),
        "{text}"
    );
    assert!(
        browser
            .execute("return document.title")
            .await
            .as_str()
            .is_some_and(|title| title.starts_with("Error: Sign in"))
    );
    assert_eq!(
        value(&browser, "email").await,
        ALICE,
        "what was typed is still there"
    );
    assert_eq!(value(&browser, "password").await, "");
    let focused = browser
        .execute(
            "const it = document.activeElement; return it.id + ' ' + it.getAttribute('aria-describedby')",
        )
        .await;
    assert_eq!(
        focused, "password error",
        "the field to correct, with what is wrong"
    );

    browser.fill("#password", PASSWORD).await;
    browser.click("#sign-in").await;
    browser.click("#allow").await;
    site.code(&browser, &phone, &callback).await;
}

#[tokio::test]
async fn an_app_may_ask_who_it_is_again() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    let before = site.sign_in_to(&browser, &phone, &callback).await;
    site.postern.advance("5m");
    browser.goto(&site.url("/account")).await;
    let cookie = session_cookie(&browser).await;

    site.authorize(&browser, &phone, &[("prompt", "login")]).await;
    browser.wait_for_heading("Confirm it’s you").await;
    assert!(browser.text().await.contains(ALICE));
    browser.fill("#password", "not this one").await;
    browser.click("#sign-in").await;
    browser.wait_for("#error").await;
    browser.wait_for_heading("Confirm it’s you").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("#sign-in").await;
    browser.click("#continue").await;
    let code = site.code(&browser, &phone, &callback).await;
    let tokens = site.redeem(&phone, &code).await;
    let auth_time = |tokens: &crate::harness::Tokens| tokens.claims()["auth_time"].as_i64().expect("a time");
    assert_eq!(auth_time(&tokens) - auth_time(&before), 300);

    browser.goto(&site.url("/account")).await;
    assert_ne!(
        session_cookie(&browser).await,
        cookie,
        "the cookie is a new one after each proof"
    );
}

#[tokio::test]
async fn a_broken_link_shows_what_is_wrong_and_redirects_nowhere() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    let elsewhere = Callback::ipv4().await;
    let unregistered = format!("{}/more", elsewhere.redirect_uri());
    for broken in [
        ("redirect_uri", unregistered.as_str()),
        ("redirect_uri", ""),
        ("client_id", "nobody"),
    ] {
        site.authorize(&browser, &phone, &[broken]).await;
        browser.wait_for_heading("This sign-in link does not work").await;
        assert!(
            browser.current_url().await.starts_with(&site.url("/authorize?")),
            "{broken:?}"
        );
        assert!(browser.exists("#error-code").await && browser.exists("#request-id").await);
    }
    assert!(elsewhere.stays_quiet().await && callback.stays_quiet().await);
}

/// A request of another browser, or one that this browser has forgotten.
#[tokio::test]
async fn a_forgotten_sign_in_can_be_started_again() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.authorize(&browser, &phone, &[]).await;
    browser.wait_for_heading("Sign in").await;
    browser.clear_cookies().await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for_heading("Start this sign-in again").await;
    browser.click("#start-again").await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.click("#allow").await;
    site.code(&browser, &phone, &callback).await;
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}

async fn value(browser: &Browser, id: &str) -> serde_json::Value {
    browser
        .execute(&format!("return document.getElementById('{id}').value"))
        .await
}

async fn session_cookie(browser: &Browser) -> String {
    let cookies = browser.cookies().await;
    let found = cookies.iter().find(|cookie| cookie.name == "postern-dev");
    found.expect("a session cookie").value.clone()
}
