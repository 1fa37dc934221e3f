//! An app signs its person out: at once, after a tap, and by a form that its own site posts.

use super::{
    Browser, Callback, Size,
    elsewhere::Elsewhere,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD, Phone, Tokens, encode};

/// An app that registered where people go afterwards, and what listens there.
async fn app<'a>(site: &'a Site, after: &[&str]) -> (Phone<'a>, Callback) {
    let callback = Callback::ipv4().await;
    let mut phone = site.postern.phone_of("desk");
    callback.redirect_uri().clone_into(&mut phone.redirect_uri);
    let uris: Vec<_> = after.iter().map(|uri| uri.parse().expect("valid")).collect();
    site.postern
        .add_client("desk", |settings| settings.post_logout_redirect_uris = uris)
        .await;
    (phone, callback)
}

fn logout(site: &Site, tokens: &Tokens, after: &str) -> String {
    let hint = tokens.answer["id_token"].as_str().expect("an ID token");
    let pairs = [
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", after),
        ("state", "a b"),
    ];
    format!("{}?{}", site.url("/logout"), encode(&pairs))
}

#[tokio::test]
async fn behind_tls_the_app_of_this_browser_signs_out_at_once() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start_behind_tls().await;
    browser.goto(&site.url("/.well-known/openid-configuration")).await;
    let document: serde_json::Value = serde_json::from_str(&browser.text().await).expect("JSON");
    for (name, url) in document.as_object().expect("an object") {
        let url = url.as_str().unwrap_or_default();
        assert!(
            !name.ends_with("_endpoint") || url.starts_with("https://localhost:"),
            "{name}: {url}"
        );
    }
    let after = Callback::https().await;
    let (phone, callback) = app(&site, &[after.redirect_uri()]).await;
    let tokens = site.sign_in_to(&browser, &phone, &callback).await;
    browser.goto(&logout(&site, &tokens, after.redirect_uri())).await;
    let redirect = after.received().await;
    assert_eq!(redirect.request_line, "GET /callback?state=a+b");
    browser.wait_for_url(after.redirect_uri()).await;

    browser.goto(&site.url("/account")).await;
    browser.wait_for_heading("Sign in").await;
    let left = browser.cookies().await;
    assert!(
        left.iter().all(|cookie| cookie.name != "__Host-postern"),
        "{left:?}"
    );
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}

/// The confirmation is a form, and what it leads to is another origin: the page's policy must let it.
#[tokio::test]
async fn a_tap_on_the_page_leads_back_to_the_app() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let after = Callback::ipv4().await;
    let (phone, _) = app(&site, &[after.redirect_uri(), "com.example.notes:/bye"]).await;
    let mut phone_elsewhere = site.postern.browser();
    let tokens = phone.signed_in(&mut phone_elsewhere, ALICE).await;
    browser.without_scripts().await;
    browser.goto(&site.url("/account")).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for("#sign-out").await;

    browser.goto(&logout(&site, &tokens, after.redirect_uri())).await;
    browser.wait_for_heading("Sign out?").await;
    assert!(browser.text().await.contains("Notes asks to sign you out"));
    assert!(after.stays_quiet().await);
    browser.click("#log-out").await;
    assert_eq!(after.received().await.request_line, "GET /callback?state=a+b");

    browser.with_scripts().await;
    browser
        .goto(&logout(&site, &tokens, "com.example.notes:/bye"))
        .await;
    browser.wait_for_heading("Sign out?").await;
    browser.tap("#log-out").await;
    let back = browser.wait_for_navigation("com.example.notes").await;
    assert_eq!(back, "com.example.notes:/bye?state=a+b");
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn staying_signed_in_is_one_tap_too() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.sign_in_to(&browser, &phone, &callback).await;
    browser.goto(&site.url("/logout")).await;
    browser.click("#stay").await;
    browser.wait_for("#sign-out").await;
    browser.back().await;
    browser.click("#log-out").await;
    browser.wait_for_heading("You’re signed out").await;
}

/// The post has no cookies; the redirect has.
#[tokio::test]
async fn a_form_that_the_apps_site_posts_finds_the_person_signed_in() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let after = Callback::ipv4().await;
    let (phone, callback) = app(&site, &[after.redirect_uri()]).await;
    let tokens = site.sign_in_to(&browser, &phone, &callback).await;
    let hint = tokens.answer["id_token"].as_str().expect("an ID token");
    let fields = [
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", after.redirect_uri()),
        ("state", "x"),
    ];
    let shop = Elsewhere::serve_form(&site.url("/logout"), &fields).await;
    browser.goto(&shop.cross_site()).await;
    assert_eq!(after.received().await.request_line, "GET /callback?state=x");
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");

    // Who has no ID token of hers signs nobody out.
    browser.goto(&site.url("/account")).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for("#sign-out").await;
    let thief = Elsewhere::serve_form(&site.url("/logout"), &[]).await;
    browser.goto(&thief.cross_site()).await;
    browser.wait_for_heading("Sign out?").await;
    let page = browser
        .execute("return document.querySelector('input[name=request]').value")
        .await;
    let fields = [("request", page.as_str().expect("the sealed request"))];
    let thief = Elsewhere::serve_form(&site.url("/logout/confirm"), &fields).await;
    for url in [thief.cross_site(), thief.same_site()] {
        browser.goto(&url).await;
        browser
            .wait_for_heading("This form was not sent from our page")
            .await;
    }
    browser.goto(&site.url("/account")).await;
    browser.wait_for("#sign-out").await;
}
