//! The main story: an app signs a person in through the browser, and stays signed in.

use crate::harness::{ALICE, Postern, Tokens};

#[tokio::test]
async fn alice_signs_in_allows_and_the_app_gets_her_tokens() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());

    let page = browser.open(&phone.authorize_url(&[])).await.page();
    assert_eq!(page.heading(), "Sign in");
    let page = browser.sign_in(&page, ALICE).await.page();
    assert!(page.text().contains("Notes"), "{}", page.text());
    let back = browser.press(&page, "allow").await.app();
    let tokens = Tokens::of(&phone.redeem(&phone.code(&back)).await);

    let claims = tokens.claims();
    assert_eq!(claims["iss"], postern.issuer());
    assert_eq!(claims["client_id"], "notes");
    assert_eq!(claims["sub"], postern.user(ALICE).await.id.to_string());
    assert_eq!(tokens.id_claims()["nonce"], phone.nonce.as_str());
    assert_eq!(tokens.id_claims()["aud"], "notes");
    assert!(phone.api_accepts(&tokens.access, postern.issuer()).await);
    let userinfo = phone.userinfo(&tokens.access).await;
    assert_eq!(userinfo.json()["email"], ALICE);

    let next = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_ne!(next.refresh, tokens.refresh);
    let again = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(
        again.refresh, next.refresh,
        "a lost answer is repeated with the same successor"
    );
}
