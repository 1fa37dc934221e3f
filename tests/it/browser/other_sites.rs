//! What other sites try: to press our buttons, and to show our pages inside theirs.

use super::{
    Browser, Size,
    elsewhere::Elsewhere,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD, borrowed};

const FORGED: &str = "This form was not sent from our page";

/// The other site even knows what is in the form; where it is of the same site, the cookies come along too.
#[tokio::test]
async fn nobody_else_presses_allow() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.authorize(&browser, &phone, &[]).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for("#allow").await;
    let page = browser.current_url().await;
    let request = value(&browser, "form[action='/consent'] input[name=request]").await;

    let fields = [("request", request.as_str()), ("decision", "allow")];
    let thief = Elsewhere::serve_form(&site.url("/consent"), &fields).await;
    for url in [thief.cross_site(), thief.same_site()] {
        browser.goto(&url).await;
        browser.wait_for_heading(FORGED).await;
    }
    assert_eq!(site.postern.count_events("consent.granted").await, 0);
    assert!(callback.stays_quiet().await);

    // The person's own page is as good as before.
    browser.goto(&page).await;
    browser.click("#allow").await;
    site.code(&browser, &phone, &callback).await;
}

#[tokio::test]
async fn nobody_else_ends_a_session_or_signs_anybody_out() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    let tokens = site.sign_in_to(&browser, &phone, &callback).await;
    browser.goto(&site.url("/account")).await;
    let csrf = value(&browser, "input[name=csrf]").await;
    let device = value(&browser, "form[action='/account/end'] input[name=id]").await;

    for (action, id) in [
        ("/account/end", device.as_str()),
        ("/account/end-others", ""),
        ("/sign-out", ""),
    ] {
        let fields = [("csrf", csrf.as_str()), ("id", id)];
        let thief = Elsewhere::serve_form(&site.url(action), &fields).await;
        for url in [thief.cross_site(), thief.same_site()] {
            browser.goto(&url).await;
            browser.wait_for_heading(FORGED).await;
        }
    }
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);

    // The page that was open all the time still works: its cookies were not touched.
    browser.goto(&site.url("/account")).await;
    browser.wait_for("#sign-out").await;
    assert_eq!(site.postern.count_events("session.ended").await, 0);
}

/// Cookies that another site's post must not replace are those of a sign-in under way.
#[tokio::test]
async fn a_post_from_elsewhere_does_not_disturb_a_sign_in_under_way() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.authorize(&browser, &phone, &[]).await;
    browser.wait_for_heading("Sign in").await;
    let before = flow_cookie(&browser).await;
    for action in ["/account/end", "/sign-out", "/sign-in", "/consent"] {
        let thief = Elsewhere::serve_form(&site.url(action), &[("csrf", "x")]).await;
        browser.goto(&thief.cross_site()).await;
        browser.wait_for_url(&site.url(action)).await;
        browser.wait_for("h1").await;
        assert_eq!(flow_cookie(&browser).await, before, "{action}");
    }
    site.sign_in_to(&browser, &phone, &callback).await;
}

/// OpenID Connect lets an app's site post its request (Core section 3.1.2.1). The post has no cookies; the redirect has.
#[tokio::test]
async fn a_request_that_another_site_posts_finds_the_person_signed_in() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    site.sign_in_to(&browser, &phone, &callback).await;

    let parameters = phone.parameters();
    let fields = borrowed(&parameters);
    let shop = Elsewhere::serve_form(&site.url("/authorize"), &fields).await;
    browser.goto(&shop.cross_site()).await;
    browser
        .wait_for_heading("Continue to Notes as alice@example.com")
        .await;
    browser.click("#continue").await;
    let code = site.code(&browser, &phone, &callback).await;
    site.redeem(&phone, &code).await;
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn no_page_is_shown_inside_another_site() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    let sign_in_page = site.url(&phone.authorize_url(&[]));
    browser.goto(&sign_in_page).await;
    browser.wait_for_heading("Sign in").await;
    let frame = |url: &str| {
        format!(
            r#"<h1>Win</h1><iframe src="{}"></iframe>"#,
            url.replace('&', "&amp;")
        )
    };
    let thief = Elsewhere::serve(&frame(&sign_in_page)).await;
    for url in [thief.cross_site(), thief.same_site()] {
        browser.goto(&url).await;
        assert!(!browser.frame_source().await.contains("id=\"sign-in\""), "{url}");
    }
    let violation = browser.wait_for_csp_violation().await;
    assert!(violation.contains("frame-ancestors"), "{violation}");

    site.sign_in_to(&browser, &phone, &callback).await;
    for page in [
        sign_in_page,
        site.url("/account"),
        site.url("/authorize"),
        site.url("/nothing"),
    ] {
        let thief = Elsewhere::serve(&frame(&page)).await;
        browser.goto(&thief.same_site()).await;
        assert!(!browser.frame_source().await.contains("<main>"), "{page}");
    }
}

async fn value(browser: &Browser, css: &str) -> String {
    let value = browser
        .execute(&format!("return document.querySelector(\"{css}\").value"))
        .await;
    value.as_str().expect("a value").to_owned()
}

async fn flow_cookie(browser: &Browser) -> String {
    let cookies = browser.cookies().await;
    let found = cookies.iter().find(|cookie| cookie.name == "postern-flow-dev");
    found.expect("a flow cookie").value.clone()
}
