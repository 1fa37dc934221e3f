//! An app that gets its answer by a form post: with script, without it, and by the button.

use super::{
    Browser, Callback, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD, Tokens};

const FORM_POST: [(&str, &str); 1] = [("response_mode", "form_post")];

/// The form that came: posted, form-encoded, nothing in the URL.
async fn posted_code(callback: &Callback, state: &str) -> String {
    let post = callback.received().await;
    assert_eq!(post.request_line, "POST /callback");
    assert_eq!(post.content_type, "application/x-www-form-urlencoded");
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(post.body.as_bytes())
        .into_owned()
        .collect();
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {fields:?}"))
            .1
            .clone()
    };
    assert_eq!(fields.len(), 3, "{fields:?}");
    assert_eq!(field("state"), state);
    assert!(field("iss").starts_with("http"));
    field("code")
}

#[tokio::test]
async fn the_page_posts_itself() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.authorize(&browser, &phone, &FORM_POST).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.click("#allow").await;
    let code = posted_code(&callback, &phone.state).await;
    browser.wait_for_url(callback.redirect_uri()).await;
    assert_eq!(
        browser.current_url().await,
        callback.redirect_uri(),
        "nothing in the URL"
    );
    assert_eq!(browser.text().await, "Back in the app");
    let tokens: Tokens = site.redeem(&phone, &code).await;
    assert_eq!(tokens.claims()["client_id"], "notes");
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
    assert!(callback.stays_quiet().await, "posted once");
}

#[tokio::test]
async fn without_script_the_button_does_it() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    // CSP has no words for an IPv6 host: the policy names the scheme.
    let (phone, callback) = site.desk().await;
    browser.without_scripts().await;
    site.authorize(&browser, &phone, &FORM_POST).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.click("#allow").await;
    browser.wait_for_heading("Back to Desk").await;
    assert!(callback.stays_quiet().await);
    browser.click("#go-on").await;
    let code = posted_code(&callback, &phone.state).await;
    site.redeem(&phone, &code).await;
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_site_behind_tls_gets_its_form() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start_behind_tls().await;
    let (phone, callback) = site.news().await;
    site.authorize(&browser, &phone, &FORM_POST).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.click("#allow").await;
    let code = posted_code(&callback, &phone.state).await;
    site.redeem(&phone, &code).await;
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}
