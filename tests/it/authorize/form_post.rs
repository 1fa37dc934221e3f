//! `response_mode=form_post`: the answer is a form that the browser posts, and nothing of it is in a URL.

use std::collections::BTreeMap;

use crate::harness::{ALICE, Form, Page, Phone, Postern, Tokens};

const SITE: &str = "https://app.example/cb?tenant=1";

/// An app with an https redirect URI that asks for a form.
async fn site(postern: &Postern) -> Phone<'_> {
    postern
        .add_client("site", |settings| {
            settings.redirect_uris = vec![
                SITE.parse().expect("valid"),
                "com.example.notes:/cb".parse().expect("valid"),
            ];
        })
        .await;
    let mut phone = postern.phone_of("site");
    SITE.clone_into(&mut phone.redirect_uri);
    phone
}

/// The fields of the form that the page posts to the app; none of them anywhere else.
fn posted(page: &Page, phone: &Phone<'_>) -> BTreeMap<String, String> {
    assert_eq!(page.answer.status, 200, "{}", page.answer.body);
    assert!(page.answer.location().is_empty(), "nothing in a URL");
    assert_eq!(page.answer.header("cache-control"), "no-store");
    assert!(page.answer.header("refresh").is_empty());
    let Form { fields, .. } = page.form(&phone.redirect_uri);
    let body = &page.answer.body;
    assert!(
        body.contains("<button type=\"submit\""),
        "it works without script: {body}"
    );
    assert!(
        !body.contains("enctype"),
        "application/x-www-form-urlencoded is the default"
    );
    fields.into_iter().collect()
}

#[tokio::test]
async fn the_code_is_posted_and_nothing_is_in_a_url() {
    let postern = Postern::start().await;
    let phone = site(&postern).await;
    let mut browser = postern.browser();
    let url = phone.authorize_url(&[("response_mode", "form_post")]);
    let page = browser.open(&url).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    let page = browser.press(&page, "allow").await.page();

    let fields = posted(&page, &phone);
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
    assert_eq!(fields["state"], phone.state);
    assert_eq!(fields["iss"], postern.issuer());
    assert!(!page.path.contains("code"), "{}", page.path);
    assert!(
        page.policy()
            .contains("form-action 'self' https: com.example.notes:;"),
        "{}",
        page.policy()
    );
    Tokens::of(&phone.redeem(&fields["code"]).await);
}

#[tokio::test]
async fn a_state_that_looks_like_markup_stays_a_state() {
    let postern = Postern::start().await;
    let phone = site(&postern).await;
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let state = "\"><script>alert(1)</script><input name=\"code\" value='x'>";
    let url = phone.authorize_url(&[("response_mode", "form_post"), ("state", state)]);
    let page = browser.open(&url).await.page();
    let page = browser.press(&page, "allow").await.page();
    assert_eq!(posted(&page, &phone)["state"], state);
    assert_eq!(page.answer.body.matches("<script").count(), 1);
}

#[tokio::test]
async fn errors_are_posted_too() {
    let postern = Postern::start().await;
    let phone = site(&postern).await;
    let mut browser = postern.browser();
    for (changes, error) in [
        (vec![("prompt", "none")], "login_required"),
        (vec![("scope", "admin")], "invalid_scope"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("code_challenge", "")], "invalid_request"),
    ] {
        let changes = [vec![("response_mode", "form_post")], changes].concat();
        let page = browser.open(&phone.authorize_url(&changes)).await.page();
        let fields = posted(&page, &phone);
        assert_eq!(fields["error"], error, "{changes:?}");
        assert_eq!(fields["state"], phone.state);
        assert_eq!(fields["iss"], postern.issuer());
        assert_eq!(fields.len(), 4, "and error_description: {fields:?}");
    }

    browser.account(ALICE).await;
    let url = phone.authorize_url(&[("response_mode", "form_post"), ("state", "")]);
    let page = browser.open(&url).await.page();
    let page = browser.press(&page, "deny").await.page();
    let fields = posted(&page, &phone);
    assert_eq!(fields["error"], "access_denied");
    assert!(!fields.contains_key("state"), "none was sent");
}

#[tokio::test]
async fn an_apps_own_scheme_takes_no_form_and_is_told_by_the_query() {
    let postern = Postern::start().await;
    let mut phone = site(&postern).await;
    "com.example.notes:/cb".clone_into(&mut phone.redirect_uri);
    let url = phone.authorize_url(&[("response_mode", "form_post")]);
    let back = postern.browser().open(&url).await.app();
    assert!(
        back.query()
            .is_some_and(|query| query.contains("error=invalid_request")),
        "{back}"
    );
}

#[tokio::test]
async fn an_unregistered_redirect_uri_gets_no_form() {
    let postern = Postern::start().await;
    let phone = site(&postern).await;
    let url = phone.authorize_url(&[
        ("response_mode", "form_post"),
        ("redirect_uri", "https://evil.example/cb"),
    ]);
    let page = postern.browser().open(&url).await.page();
    assert_eq!(page.answer.status, 400);
    assert!(!page.answer.body.contains("evil.example"), "{}", page.answer.body);
    assert!(!page.answer.body.contains("<form"));
}

#[tokio::test]
async fn pressing_twice_posts_the_same_code() {
    let postern = Postern::start().await;
    let phone = site(&postern).await;
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let url = phone.authorize_url(&[("response_mode", "form_post")]);
    let consent = browser.open(&url).await.page();
    let first = browser.press(&consent, "allow").await.page();
    let second = browser.press(&consent, "allow").await.page();
    let code = posted(&first, &phone)["code"].clone();
    assert_eq!(posted(&second, &phone)["code"], code);
    Tokens::of(&phone.redeem(&code).await);
    let finished = browser.press(&consent, "allow").await.page();
    assert_eq!(finished.answer.status, 409);
}
