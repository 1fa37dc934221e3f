//! `prompt`, `max_age` and `login_hint`: which pages must and must not be shown.

use postern::domain::client::{ClientKind, ClientSettings, ConsentPolicy, PkcePolicy};
use url::Url;

use crate::harness::{ALICE, BOB, Phone, Postern, Tokens};

fn error(back: &Url) -> String {
    let found = back.query_pairs().find(|(name, _)| name == "error");
    found.map_or_else(|| panic!("no error in {back}"), |(_, value)| value.into_owned())
}

#[tokio::test]
async fn prompt_none_says_which_page_would_be_due() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let silent = phone.authorize_url(&[("prompt", "none")]);
    assert_eq!(error(&browser.open(&silent).await.app()), "login_required");

    browser.account(ALICE).await;
    assert_eq!(error(&browser.open(&silent).await.app()), "consent_required");

    phone.signed_in(&mut browser, ALICE).await;
    assert_eq!(
        error(&browser.open(&silent).await.app()),
        "interaction_required",
        "an app gets nothing without a tap (RFC 8252 section 8.6)"
    );

    postern.advance("61s");
    let fresh = phone.authorize_url(&[("prompt", "none"), ("max_age", "60")]);
    assert_eq!(error(&browser.open(&fresh).await.app()), "login_required");
    postern.end_everything_of(ALICE).await;
    assert_eq!(error(&browser.open(&silent).await.app()), "login_required");
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_sessions").await, 1);
}

/// An app behind an address that it claims: nobody else gets what is sent there.
async fn claimed(postern: &Postern) -> Phone<'_> {
    postern
        .add_client("claimed", |settings| {
            settings.redirect_uris = vec!["https://app.example/cb".parse().expect("valid")];
            settings.answers_without_tap = true;
        })
        .await;
    let mut phone = postern.phone_of("claimed");
    "https://app.example/cb".clone_into(&mut phone.redirect_uri);
    phone
}

#[tokio::test]
async fn prompt_none_gives_a_code_where_it_is_known_who_gets_it_and_nothing_has_to_be_asked() {
    let postern = Postern::start().await;
    let phone = claimed(&postern).await;
    let mut browser = postern.browser();
    let silent = phone.authorize_url(&[("prompt", "none")]);
    assert_eq!(error(&browser.open(&silent).await.app()), "login_required");
    browser.account(ALICE).await;
    assert_eq!(error(&browser.open(&silent).await.app()), "consent_required");
    let first = phone.signed_in(&mut browser, ALICE).await;
    postern.advance("50s");

    let hint = first.answer["id_token"].as_str().expect("an ID token");
    for changes in [
        vec![("prompt", "none")],
        vec![("prompt", "none"), ("id_token_hint", hint)],
        vec![("prompt", "none"), ("max_age", "60")],
        vec![("prompt", "none"), ("nonce", "another")],
        // A page would be due for none of these either.
        vec![],
        vec![("max_age", "60")],
    ] {
        let back = browser.open(&phone.authorize_url(&changes)).await.app();
        let tokens = Tokens::of(&phone.redeem(&phone.code(&back)).await);
        for claim in ["sub", "auth_time", "acr", "aud"] {
            assert_eq!(
                tokens.id_claims()[claim],
                first.id_claims()[claim],
                "{claim}: {changes:?}"
            );
        }
        assert_ne!(tokens.sid(), first.sid(), "a sign-in of its own");
    }
    let posted = phone.authorize_url(&[("prompt", "none"), ("response_mode", "form_post")]);
    let page = browser.open(&posted).await.page();
    Tokens::of(&phone.redeem(page.form(&phone.redirect_uri).field("code")).await);

    postern.advance("11s");
    let fresh = phone.authorize_url(&[("prompt", "none"), ("max_age", "60")]);
    assert_eq!(
        error(&browser.open(&fresh).await.app()),
        "login_required",
        "too old by now"
    );
    let asking = phone.authorize_url(&[("prompt", "consent")]);
    assert_eq!(
        browser.open(&asking).await.page().heading(),
        "Allow Notes to use your account?"
    );
    postern.end_everything_of(ALICE).await;
    assert_eq!(error(&browser.open(&silent).await.app()), "login_required");
}

/// RFC 8252 section 8.6: any program on the person's computer may listen on a loopback port, and wait for a code that it can
/// hand to the client as its own.
#[tokio::test]
async fn a_code_that_others_could_catch_and_use_needs_a_tap() {
    let postern = Postern::start().await;
    postern
        .add_client("server", |settings| {
            *settings = ClientSettings {
                redirect_uris: settings.redirect_uris.clone(),
                scope: settings.scope.clone(),
                consent: ConsentPolicy::Never,
                pkce: PkcePolicy::Optional,
                ..ClientSettings::new(ClientKind::Web)
            };
        })
        .await;
    let (mut browser, phone) = (postern.browser(), postern.phone_of("server"));
    browser.account(ALICE).await;
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    let page = browser.open(&phone.authorize_url(&bare)).await.page();
    assert_eq!(page.heading(), format!("Continue to Notes as {ALICE}"));
    let silent = phone.authorize_url(&[&bare[..], &[("prompt", "none")]].concat());
    assert_eq!(error(&browser.open(&silent).await.app()), "interaction_required");

    // With a challenge only who has the verifier can use it.
    phone.code(&browser.open(&phone.authorize_url(&[])).await.app());
}

#[tokio::test]
async fn who_has_just_signed_in_is_sent_back_without_a_tap_too() {
    let postern = Postern::start().await;
    let phone = claimed(&postern).await;
    phone.signed_in(&mut postern.browser(), ALICE).await;
    let mut browser = postern.browser();
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let back = browser.sign_in(&page, ALICE).await.app();
    Tokens::of(&phone.redeem(&phone.code(&back)).await);
}

/// Alice's consent page, with Deny pressed after Bob, who has allowed the app before, signed in in the same browser.
#[tokio::test]
async fn a_button_of_anothers_page_gives_nothing_although_no_page_would_be_due() {
    let postern = Postern::start().await;
    let phone = claimed(&postern).await;
    phone.signed_in(&mut postern.browser(), BOB).await;
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    assert_eq!(page.heading(), "Allow Notes to use your account?");
    let account = browser.open("/account").await.page();
    browser.submit(&account.form("/sign-out")).await.page();
    browser.account(BOB).await;
    for decision in ["allow", "deny"] {
        let page = browser.press(&page, decision).await.page();
        assert_eq!(page.heading(), format!("Continue to Notes as {BOB}"));
    }
}

#[tokio::test]
async fn only_an_app_whose_addresses_are_all_claimed_goes_without_a_tap() {
    let postern = Postern::start().await;
    let notes = postern.provider().clients.find("notes").expect("a client");
    for uri in ["http://127.0.0.1/callback", "com.example.notes:/callback"] {
        let mut settings = notes.settings.clone();
        settings.answers_without_tap = true;
        settings.redirect_uris = vec![
            "https://app.example/cb".parse().expect("valid"),
            uri.parse().expect("valid"),
        ];
        let id = "bold".parse().expect("an id");
        let added = postern::flows::clients::add(postern.provider(), id, notes.name.clone(), settings).await;
        let refused = added.expect_err("anybody may answer there").to_string();
        assert!(refused.contains("RFC 8252 section 8.6"), "{refused}");
    }
}

/// Opens a request that wants a fresh proof; the page that asks for it cannot be passed by.
async fn must_prove(postern: &Postern, phone: &Phone<'_>, changes: &[(&str, &str)]) {
    let mut browser = postern.browser();
    phone.signed_in(&mut browser, ALICE).await;
    postern.advance("61s");
    let sessions = postern.number("SELECT COUNT(*) FROM device_sessions").await;

    let page = browser.open(&phone.authorize_url(changes)).await.page();
    assert_eq!(page.heading(), "Confirm it’s you", "{changes:?}");
    assert!(page.text().contains(ALICE));

    // The sealed request of that page, posted as if it were the consent page.
    let mut skipping = page.form("/sign-in").with("decision", "allow");
    "/consent".clone_into(&mut skipping.action);
    let again = browser.submit(&skipping).await.page();
    assert_eq!(again.heading(), "Confirm it’s you");
    let request = again.form("/sign-in").field("request").to_owned();
    let resumed = browser.open(&format!("/continue?request={request}")).await.page();
    assert_eq!(resumed.heading(), "Confirm it’s you");
    assert_eq!(
        postern.number("SELECT COUNT(*) FROM device_sessions").await,
        sessions
    );

    // A wrong password does not pass either, and another address in the form changes nothing.
    let wrong = browser
        .sign_in_with(&resumed, ALICE, "wrong password")
        .await
        .page();
    assert_eq!(
        (wrong.answer.status.as_u16(), wrong.heading()),
        (422, "Confirm it’s you".to_owned())
    );
    let page = browser.sign_in(&wrong, BOB).await.page();
    assert_eq!(page.heading(), format!("Continue to Notes as {ALICE}"));
    let back = browser.press(&page, "allow").await.app();
    let tokens = Tokens::of(&phone.redeem(&phone.code(&back)).await);
    assert_eq!(tokens.id_claims()["auth_time"], postern.clock.now().seconds());

    // The proof was for that request, not for the next one.
    postern.advance("61s");
    let next = browser.open(&phone.authorize_url(changes)).await.page();
    assert_eq!(next.heading(), "Confirm it’s you");
}

#[tokio::test]
async fn prompt_login_asks_for_the_password_again_and_cannot_be_skipped() {
    let postern = Postern::start().await;
    must_prove(&postern, &postern.phone(), &[("prompt", "login")]).await;
    must_prove(&postern, &postern.phone(), &[("prompt", "select_account")]).await;
}

#[tokio::test]
async fn max_age_asks_for_the_password_again_once_the_last_proof_is_older() {
    let postern = Postern::start().await;
    must_prove(&postern, &postern.phone(), &[("max_age", "60")]).await;
    must_prove(&postern, &postern.phone(), &[("max_age", "0")]).await;

    let (mut browser, phone) = (postern.browser(), postern.phone());
    phone.signed_in(&mut browser, ALICE).await;
    postern.advance("60s");
    let page = browser
        .open(&phone.authorize_url(&[("max_age", "60")]))
        .await
        .page();
    assert_eq!(
        page.heading(),
        format!("Continue to Notes as {ALICE}"),
        "not older than that"
    );
}

#[tokio::test]
async fn a_proof_that_grows_too_old_on_the_page_is_asked_for_before_anything_is_given() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    phone.signed_in(&mut browser, ALICE).await;
    let page = browser
        .open(&phone.authorize_url(&[("max_age", "60")]))
        .await
        .page();
    postern.advance("61s");
    let page = browser.press(&page, "allow").await.page();
    assert_eq!(page.heading(), "Confirm it’s you");
}

#[tokio::test]
async fn prompt_consent_asks_again_also_for_a_first_party_app() {
    let postern = Postern::start().await;
    postern
        .add_client("own", |settings| {
            settings.consent = ConsentPolicy::Never;
        })
        .await;
    for client in ["notes", "own"] {
        let (mut browser, phone) = (postern.browser(), postern.phone_of(client));
        phone.signed_in(&mut browser, ALICE).await;
        let page = browser.open(&phone.authorize_url(&[])).await.page();
        assert_eq!(page.heading(), format!("Continue to Notes as {ALICE}"));
        let page = browser
            .open(&phone.authorize_url(&[("prompt", "consent")]))
            .await
            .page();
        assert_eq!(page.heading(), "Allow Notes to use your account?");
    }
}

#[tokio::test]
async fn login_hint_fills_the_address_in_and_nothing_more() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let url = phone.authorize_url(&[("login_hint", BOB)]);
    let page = browser.open(&url).await.page();
    assert_eq!(page.form("/sign-in").field("email"), BOB);
    let page = browser.sign_in(&page, ALICE).await.page();
    assert!(page.text().contains(ALICE), "the person decides who they are");

    for hint in ["no address", "\"><script>alert(1)</script>@x.example"] {
        let page = postern
            .browser()
            .open(&phone.authorize_url(&[("login_hint", hint)]))
            .await
            .page();
        assert!(!page.answer.body.contains("<script"), "{}", page.answer.body);
    }
}
