//! What a person may answer to an app, and what happens when they answer twice.

use super::{
    Browser, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, BOB, PASSWORD};

#[tokio::test]
async fn deny_tells_the_app_and_gives_it_nothing() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.authorize(&browser, &phone, &[]).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.click("#deny").await;

    let redirect = callback.received().await;
    assert_eq!(redirect.param("error").as_deref(), Some("access_denied"));
    assert_eq!(redirect.param("state"), Some(phone.state.clone()));
    assert_eq!(redirect.param("iss").as_deref(), Some(site.postern.issuer()));
    assert_eq!(redirect.param("code"), None);
    browser.wait_for_url(callback.redirect_uri()).await;
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());

    // Nothing is remembered: the next request asks again.
    site.authorize(&browser, &phone, &[]).await;
    browser.wait_for("#allow").await;
}

#[tokio::test]
async fn going_back_and_pressing_again_works_until_the_app_has_redeemed() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.authorize(&browser, &phone, &[]).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.click("#allow").await;
    let code = site.code(&browser, &phone, &callback).await;

    browser.back().await;
    browser.click("button[value=allow]").await;
    assert_eq!(
        site.code(&browser, &phone, &callback).await,
        code,
        "the same code"
    );
    let tokens = site.redeem(&phone, &code).await;

    browser.back().await;
    browser.click("button[value=allow]").await;
    browser.wait_for_heading("This sign-in is finished").await;
    assert!(callback.stays_quiet().await);
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);

    // The way out of the dead end is the same request again.
    browser.click("#start-again").await;
    browser.click("#continue").await;
    assert_ne!(site.code(&browser, &phone, &callback).await, code);
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_second_sign_in_is_one_tap() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    let first = site.sign_in_to(&browser, &phone, &callback).await;

    site.authorize(&browser, &phone, &[]).await;
    browser
        .wait_for_heading("Continue to Notes as alice@example.com")
        .await;
    browser.click("#continue").await;
    let code = site.code(&browser, &phone, &callback).await;
    let second = site.redeem(&phone, &code).await;
    assert_ne!(second.sid(), first.sid(), "a sign-in of its own");

    site.authorize(&browser, &phone, &[]).await;
    browser.click("#deny").await;
    let redirect = callback.received().await;
    assert_eq!(redirect.param("error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn another_account_takes_over_the_browser() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.sign_in_to(&browser, &phone, &callback).await;

    site.authorize(&browser, &phone, &[]).await;
    browser.click("#switch").await;
    browser.wait_for_heading("Sign in").await;
    assert_eq!(
        browser.execute("return document.activeElement.id").await,
        "email",
        "the page waits for another address"
    );
    sign_in(&browser, BOB, PASSWORD).await;
    browser.wait_for("#allow").await;
    assert!(
        browser.text().await.contains(BOB),
        "Bob is asked, whatever Alice allowed"
    );
    browser.click("#allow").await;
    let code = site.code(&browser, &phone, &callback).await;
    let tokens = site.redeem(&phone, &code).await;
    assert_eq!(
        tokens.claims()["sub"],
        site.postern.user(BOB).await.id.to_string()
    );
    assert_eq!(
        site.postern.count_events("session.ended").await,
        1,
        "Alice's browser session"
    );
}
