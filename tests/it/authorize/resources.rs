//! Resource indicators (RFC 8707) of an app with several APIs: consent may cover several, an access token is for one.

use serde_json::json;
use url::Url;

use crate::harness::{ALICE, Answer, Phone, Postern, Tokens, encode};

const NOTES: &str = "https://notes.example/api";
const PHOTOS: &str = "https://photos.example/api";
const MAIL: &str = "https://mail.example/api";

/// An app for notes, which may also name the photos and the mail.
async fn with_three() -> Postern {
    let postern = Postern::start().await;
    postern
        .add_client("desk", |settings| {
            settings.resource = Some(NOTES.parse().expect("valid"));
            settings.resources = vec![PHOTOS.parse().expect("valid"), MAIL.parse().expect("valid")];
        })
        .await;
    postern
}

/// The code of a request that names these APIs.
async fn code(postern: &Postern, phone: &Phone<'_>, resources: &[&str]) -> String {
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let named: Vec<(&str, &str)> = resources.iter().map(|named| ("resource", *named)).collect();
    let url = format!("{}&{}", phone.authorize_url(&[]), encode(&named));
    let page = browser.open(&url).await.page();
    phone.code(&browser.press(&page, "allow").await.app())
}

fn audience(answer: &Answer) -> serde_json::Value {
    Tokens::of(answer).claims()["aud"].clone()
}

#[tokio::test]
async fn a_token_is_for_the_api_that_the_token_request_names() {
    let postern = with_three().await;
    let issuer = postern.issuer().to_owned();
    let phone = postern.phone_of("desk");
    let code = code(&postern, &phone, &[PHOTOS, NOTES]).await;
    let first = phone.redeem_with(&code, &[("resource", PHOTOS)]).await;
    assert_eq!(audience(&first), json!([PHOTOS, issuer]));

    let mut refresh = Tokens::of(&first).refresh;
    for (named, expected) in [(NOTES, NOTES), ("", NOTES), (PHOTOS, PHOTOS)] {
        let answer = phone.refresh_with(&refresh, &[("resource", named)]).await;
        assert_eq!(audience(&answer), json!([expected, issuer]), "{named:?}");
        let tokens = Tokens::of(&answer);
        assert!(phone.api_accepts(&tokens.access, expected).await);
        let other = if expected == NOTES { PHOTOS } else { NOTES };
        assert!(
            !phone.api_accepts(&tokens.access, other).await,
            "no API replays it at another"
        );
        refresh = tokens.refresh;
    }
}

#[tokio::test]
async fn an_api_that_the_person_did_not_allow_costs_neither_the_code_nor_the_token() {
    let postern = with_three().await;
    let phone = postern.phone_of("desk");
    let code = code(&postern, &phone, &[PHOTOS]).await;
    for other in [NOTES, MAIL, "https://other.example"] {
        let answer = phone.redeem_with(&code, &[("resource", other)]).await;
        assert_eq!(answer.error(), "invalid_target", "{other}");
    }
    let tokens = Tokens::of(&phone.redeem(&code).await);
    assert_eq!(
        tokens.claims()["aud"][0],
        PHOTOS,
        "the one that was named, not the app's default"
    );
    postern.advance("61s");
    for other in [NOTES, MAIL] {
        let answer = phone.refresh_with(&tokens.refresh, &[("resource", other)]).await;
        assert_eq!(answer.error(), "invalid_target", "{other}");
    }
    Tokens::of(&phone.refresh_with(&tokens.refresh, &[("resource", PHOTOS)]).await);
}

#[tokio::test]
async fn two_at_once_are_refused_at_the_token_endpoint() {
    let postern = with_three().await;
    let phone = postern.phone_of("desk");
    let code = code(&postern, &phone, &[PHOTOS, MAIL]).await;
    let tokens = Tokens::of(&phone.redeem(&code).await);
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", "desk"),
        ("refresh_token", &tokens.refresh),
        ("resource", PHOTOS),
        ("resource", MAIL),
    ];
    assert_eq!(postern.post("/token", &pairs).await.error(), "invalid_target");
}

#[tokio::test]
async fn without_a_name_it_is_the_apps_default_and_only_that() {
    let postern = with_three().await;
    let phone = postern.phone_of("desk");
    let code = code(&postern, &phone, &[]).await;
    let tokens = Tokens::of(&phone.redeem(&code).await);
    assert_eq!(tokens.claims()["aud"][0], NOTES);
    let answer = phone.refresh_with(&tokens.refresh, &[("resource", PHOTOS)]).await;
    assert_eq!(answer.error(), "invalid_target");
    Tokens::of(&phone.refresh_with(&tokens.refresh, &[("resource", NOTES)]).await);
}

#[tokio::test]
async fn who_does_not_hold_the_token_does_not_learn_what_it_is_for() {
    let postern = with_three().await;
    postern
        .add_client("thief", |settings| {
            settings.resource = Some(NOTES.parse().expect("valid"));
            settings.resources = vec![PHOTOS.parse().expect("valid")];
        })
        .await;
    let phone = postern.phone_of("desk");
    let code = code(&postern, &phone, &[NOTES]).await;
    let tokens = Tokens::of(&phone.redeem(&code).await);
    for named in [NOTES, PHOTOS] {
        let answer = postern
            .phone_of("thief")
            .refresh_with(&tokens.refresh, &[("resource", named)])
            .await;
        assert_eq!(answer.error(), "invalid_grant", "{named}");
    }
}

#[tokio::test]
async fn a_request_names_only_what_the_app_is_registered_for() {
    let postern = with_three().await;
    let phone = postern.phone_of("desk");
    let url = format!(
        "{}&{}",
        phone.authorize_url(&[]),
        encode(&[("resource", PHOTOS), ("resource", "https://other.example")])
    );
    let back: Url = postern.browser().open(&url).await.app();
    assert!(
        back.query()
            .is_some_and(|query| query.contains("error=invalid_target")),
        "{back}"
    );
}

#[tokio::test]
async fn a_token_for_any_of_them_can_be_revoked() {
    let postern = with_three().await;
    let phone = postern.phone_of("desk");
    let code = code(&postern, &phone, &[NOTES, MAIL]).await;
    let tokens = Tokens::of(&phone.redeem_with(&code, &[("resource", MAIL)]).await);
    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
    assert_eq!(phone.revoke(&tokens.access).await.status, 200);
    assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
}
