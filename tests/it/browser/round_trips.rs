//! A person signs in, allows, and is back in the app: each way by which an app gets its answer.

use super::{
    Browser, Callback, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD, Phone, Tokens};

#[tokio::test]
async fn an_app_on_a_loopback_address_gets_its_answer() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    browser.without_scripts().await;
    come_back(&site, &browser, &phone, &callback).await;
    drop(browser);
    site.stop().await;
}

#[tokio::test]
async fn an_app_on_an_ipv6_loopback_address_gets_its_answer() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.desk().await;
    come_back(&site, &browser, &phone, &callback).await;
}

#[tokio::test]
async fn an_app_that_claims_an_https_address_gets_its_answer() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.news().await;
    come_back(&site, &browser, &phone, &callback).await;
}

/// Sign in, allow, redeem.
async fn come_back(site: &Site, browser: &Browser, phone: &Phone<'_>, callback: &Callback) {
    let tokens = site.sign_in_to(browser, phone, callback).await;
    assert_eq!(tokens.claims()["client_id"], phone.client);
    assert_eq!(
        tokens.claims()["sub"],
        site.postern.user(ALICE).await.id.to_string()
    );
    assert_eq!(browser.text().await, "Back in the app");
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
    assert!(callback.stays_quiet().await, "one redirect");
}

/// The page stays behind a private scheme: it is what a second tap lands on.
#[tokio::test]
async fn an_app_with_a_scheme_of_its_own_is_opened_however_often_allow_is_pressed() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let mut phone = site
        .add_app("pocket", "Pocket", &["com.example.notes:/callback"])
        .await;
    "com.example.notes:/callback".clone_into(&mut phone.redirect_uri);
    site.authorize(&browser, &phone, &[]).await;
    sign_in(&browser, ALICE, PASSWORD).await;

    browser.wait_for("#allow").await;
    browser.tap("#allow").await;
    let back = browser.wait_for_navigation("com.example.notes").await;
    browser.tap("#allow").await;
    browser.wait_for_posts("/consent", 2).await;
    assert_eq!(
        browser.navigation_requests("com.example.notes").await,
        std::slice::from_ref(&back),
        "both taps led to the same code"
    );
    let code = phone.code(&back.parse().expect("a URL"));
    let tokens: Tokens = site.redeem(&phone, &code).await;
    assert_eq!(tokens.claims()["client_id"], "pocket");
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}
