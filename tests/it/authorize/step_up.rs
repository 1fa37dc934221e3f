//! Step-up authentication (RFC 9470): an API wants a newer sign-in, the app asks for it, the person proves it.

use std::time::Duration;

use postern_resource_server::{AccessToken, Authentication, Expected, KeySet, Presented, validate};

use crate::harness::{ALICE, Postern, Tokens};

/// What an API knows of a token.
async fn at_the_api(postern: &Postern, tokens: &Tokens) -> AccessToken {
    let keys = KeySet::from_jwks(postern.get("/jwks.json").await.body).expect("a key set");
    let expected = Expected::new(postern.issuer(), postern.issuer());
    let token = validate(&Presented::bearer(&tokens.access), &keys, &expected, now(postern));
    token.expect("a valid token")
}

fn now(postern: &Postern) -> u64 {
    u64::try_from(postern.clock.now().seconds()).expect("after 1970")
}

#[tokio::test]
async fn an_api_that_wants_a_newer_sign_in_gets_one() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let first = phone.signed_in(&mut browser, ALICE).await;
    postern.advance("10m");
    let tokens = Tokens::of(&phone.refresh(&first.refresh).await);
    let needed = Authentication::any()
        .with_acr("aal1")
        .within(Duration::from_mins(1));

    let token = at_the_api(&postern, &tokens).await;
    let refused = token.require_authentication_at(&needed, now(&postern));
    let challenge = refused
        .expect_err("ten minutes old")
        .www_authenticate()
        .into_iter()
        .next()
        .expect("a challenge");
    let challenge = challenge.to_str().expect("ASCII");
    assert!(
        challenge.contains("insufficient_user_authentication")
            && challenge.ends_with(r#"acr_values="aal1", max_age="60""#),
        "{challenge}"
    );

    // The app passes on what it was told.
    let url = phone.authorize_url(&[("acr_values", "aal1"), ("max_age", "60")]);
    let page = browser.open(&url).await.page();
    assert_eq!(page.heading(), "Confirm it’s you");
    let page = browser.sign_in(&page, ALICE).await.page();
    let back = browser.press(&page, "allow").await.app();
    let tokens = Tokens::of(&phone.redeem(&phone.code(&back)).await);
    let token = at_the_api(&postern, &tokens).await;
    assert_eq!(token.require_authentication_at(&needed, now(&postern)), Ok(()));
}
