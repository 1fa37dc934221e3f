//! What a person has allowed is remembered; and how long it lives.

use postern::{domain::client::ConsentPolicy, flows::sweep::sweep};

use crate::harness::{ALICE, BOB, Postern, Tokens};

const CONSENT: &str = "Allow Notes to use your account?";

#[tokio::test]
async fn consent_is_remembered_until_the_app_wants_more() {
    let postern = Postern::start().await;
    let (mut browser, mut phone) = (postern.browser(), postern.phone());
    let continuing = format!("Continue to Notes as {ALICE}");
    phone.scope = "openid email";
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    assert_eq!(page.heading(), CONSENT);
    assert!(page.answer.body.contains("data-scope=\"email\""));
    assert!(!page.answer.body.contains("data-scope=\"profile\""));
    browser.press(&page, "allow").await.app();

    for (scope, heading) in [
        ("openid email", continuing.as_str()),
        ("email", &continuing),
        ("openid email profile", CONSENT),
        ("openid email offline_access", CONSENT),
    ] {
        phone.scope = scope;
        let page = browser.open(&phone.authorize_url(&[])).await.page();
        assert_eq!(page.heading(), heading, "{scope}");
    }
    let page = browser
        .open(&phone.authorize_url(&[("scope", "openid profile")]))
        .await
        .page();
    browser.press(&page, "allow").await.app();
    assert_eq!(
        postern.texts("SELECT scope FROM consents").await,
        ["email openid profile"]
    );
    let page = browser
        .open(&phone.authorize_url(&[("scope", "openid email profile")]))
        .await
        .page();
    assert_eq!(page.heading(), continuing, "what was allowed adds up");
    assert_eq!(postern.count_events("consent.granted").await, 2);
}

#[tokio::test]
async fn consent_is_one_persons_for_one_app() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    phone.signed_in(&mut browser, ALICE).await;
    let page = browser
        .open(&postern.phone_of("other").authorize_url(&[]))
        .await
        .page();
    assert_eq!(page.heading(), CONSENT);
    let mut bobs = postern.browser();
    let page = bobs.open(&phone.authorize_url(&[])).await.page();
    assert_eq!(bobs.sign_in(&page, BOB).await.page().heading(), CONSENT);
}

#[tokio::test]
async fn a_first_party_app_gets_the_continue_page_and_the_consent_is_recorded() {
    let postern = Postern::start().await;
    postern
        .add_client("own", |settings| settings.consent = ConsentPolicy::Never)
        .await;
    let (mut browser, phone) = (postern.browser(), postern.phone_of("own"));
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    assert_eq!(page.heading(), format!("Continue to Notes as {ALICE}"));
    assert!(
        postern.texts("SELECT scope FROM consents").await.is_empty(),
        "not before the tap"
    );
    let code = phone.code(&browser.press(&page, "allow").await.app());
    assert_eq!(
        postern.texts("SELECT scope FROM consents").await,
        ["email offline_access openid profile"]
    );
    assert_eq!(postern.count_events("consent.granted").await, 1);
    assert_eq!(phone.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn where_the_answer_goes_is_said_on_the_page() {
    let postern = Postern::start().await;
    let uri = "https://app.example/cb";
    postern
        .add_client("site", |settings| {
            settings.redirect_uris = vec![uri.parse().expect("valid")];
        })
        .await;
    let mut phone = postern.phone_of("site");
    uri.clone_into(&mut phone.redirect_uri);
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    assert!(
        page.text().contains("https://app.example"),
        "a name could lie, a host cannot"
    );
    let page = browser.open(&postern.phone().authorize_url(&[])).await.page();
    assert!(page.text().contains("the app on this device"));
}

#[tokio::test]
async fn without_offline_access_a_session_ends_with_its_browser_session() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let mut short = postern.phone();
    short.scope = "openid";
    let with_browser = short.signed_in(&mut browser, ALICE).await;
    let long = postern.phone();
    let own = long.signed_in(&mut browser, ALICE).await;
    let account = browser.open("/account").await.page();
    assert_eq!(
        browser.submit(&account.form("/sign-out")).await.page().heading(),
        "You’re signed out"
    );
    assert_eq!(
        short.refresh(&with_browser.refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(long.refresh(&own.refresh).await.status, 200);
}

#[tokio::test]
async fn the_browser_sessions_absolute_end_is_that_of_a_session_without_offline_access() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let mut short = postern.phone();
    short.scope = "openid";
    let mut with_browser = short.signed_in(&mut browser, ALICE).await;
    let long = postern.phone();
    let mut own = long.signed_in(&mut browser, ALICE).await;
    for _ in 0..5 {
        postern.advance("5d");
        browser.open("/account").await.page();
        sweep(postern.provider()).await.expect("swept");
        with_browser = Tokens::of(&short.refresh(&with_browser.refresh).await);
        own = Tokens::of(&long.refresh(&own.refresh).await);
    }
    postern.advance("5d");
    // Nothing has swept: the end stands in the row.
    assert_eq!(
        short.refresh(&with_browser.refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(long.refresh(&own.refresh).await.status, 200);
}

#[tokio::test]
async fn an_access_token_of_such_a_session_does_not_say_more_than_was_allowed() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let mut phone = postern.phone();
    phone.scope = "openid email";
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    assert_eq!(tokens.claims()["scope"], "email openid");
    let wider = phone
        .refresh_with(&tokens.refresh, &[("scope", "openid email profile")])
        .await;
    assert_eq!(wider.error(), "invalid_scope");
}
