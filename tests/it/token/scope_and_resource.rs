//! `scope` and `resource` at the token endpoint: narrower is possible, wider and elsewhere cost nothing.

use super::{code, refused, row, signed_in};
use crate::harness::{Postern, Tokens};

const API: &str = "https://api.example/notes";

async fn with_api() -> Postern {
    let postern = Postern::start().await;
    let api = || Some(API.parse().expect("valid"));
    postern
        .add_client("api", |settings| settings.resource = api())
        .await;
    postern
}

#[tokio::test]
async fn narrowing_touches_only_the_access_token() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;

    let narrow = Tokens::of(
        &phone
            .refresh_with(&first.refresh, &[("scope", "profile openid")])
            .await,
    );
    assert_eq!(narrow.answer["scope"], "openid profile");
    assert_eq!(narrow.claims()["scope"], "openid profile");
    assert_eq!(phone.userinfo(&narrow.access).await.json().get("email"), None);

    let again = Tokens::of(&phone.refresh_with(&first.refresh, &[("scope", "email")]).await);
    assert_eq!(again.refresh, narrow.refresh, "a retry may ask for another scope");
    assert_eq!(again.answer["scope"], "email");

    let whole = Tokens::of(&phone.refresh(&narrow.refresh).await);
    assert_eq!(whole.answer["scope"], "email offline_access openid profile");
}

#[tokio::test]
async fn a_wider_scope_is_refused_before_the_row_moves() {
    let postern = Postern::start().await;
    let mut phone = postern.phone();
    phone.scope = "openid profile offline_access";
    let first = phone
        .signed_in(&mut postern.browser(), crate::harness::ALICE)
        .await;
    let before = row(&postern, &first).await;
    for wider in [
        "openid email",
        "email",
        "admin",
        "openid profile offline_access email",
    ] {
        refused(
            &phone.refresh_with(&first.refresh, &[("scope", wider)]).await,
            400,
            "invalid_scope",
        );
    }
    for malformed in ["a\"b", "a\\b", "caf\u{e9}", " ", "  "] {
        refused(
            &phone.refresh_with(&first.refresh, &[("scope", malformed)]).await,
            400,
            "invalid_scope",
        );
    }
    assert_eq!(row(&postern, &first).await, before);
    postern.advance("61s");
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    assert_eq!(row(&postern, &first).await.generation, 2);
    refused(
        &phone.refresh_with(&second.refresh, &[("scope", "email")]).await,
        400,
        "invalid_scope",
    );
    postern.advance("61s");
    Tokens::of(&phone.refresh(&second.refresh).await);
}

#[tokio::test]
async fn another_resource_is_refused_before_the_row_moves() {
    let postern = with_api().await;
    for (client, others) in [
        (
            "api",
            &[
                "https://api.example/notes/",
                "https://API.example/notes",
                "https://other.example",
                "x",
            ][..],
        ),
        ("notes", &[API, "https://other.example"]),
    ] {
        let (phone, first) = signed_in(&postern, client).await;
        let before = row(&postern, &first).await;
        for other in others {
            refused(
                &phone.refresh_with(&first.refresh, &[("resource", other)]).await,
                400,
                "invalid_target",
            );
        }
        let two = [("resource", API)];
        let body = format!(
            "grant_type=refresh_token&client_id={client}&refresh_token={}&resource={API}&resource=https://other.example",
            first.refresh
        );
        let answer = postern.send(super::raw_post("/token", super::FORM, body)).await;
        refused(&answer, 400, "invalid_target");
        assert_eq!(row(&postern, &first).await, before);
        postern.advance("61s");
        let changes = if client == "api" { &two[..] } else { &[] };
        Tokens::of(&phone.refresh_with(&first.refresh, changes).await);
    }
}

#[tokio::test]
async fn another_resource_does_not_cost_the_code() {
    let postern = Postern::start().await;
    let (phone, code) = code(&postern).await;

    refused(
        &phone.redeem_with(&code, &[("resource", API)]).await,
        400,
        "invalid_target",
    );

    Tokens::of(&phone.redeem(&code).await);
}

#[tokio::test]
async fn the_audience_is_the_api_and_with_openid_the_issuer_too() {
    let postern = with_api().await;
    let issuer = postern.issuer().to_owned();

    let (phone, first) = signed_in(&postern, "api").await;
    assert_eq!(first.claims()["aud"], serde_json::json!([API, issuer]));
    assert_eq!(first.id_claims()["aud"], "api");
    assert!(phone.api_accepts(&first.access, API).await);
    assert_eq!(phone.userinfo(&first.access).await.status, 200);
    let narrow = Tokens::of(&phone.refresh_with(&first.refresh, &[("scope", "email")]).await);
    assert_eq!(narrow.claims()["aud"], API);
    assert!(phone.api_accepts(&narrow.access, API).await);
    assert_eq!(phone.userinfo(&narrow.access).await.status, 401);

    let (phone, first) = signed_in(&postern, "notes").await;
    assert_eq!(first.claims()["aud"], issuer.as_str());
    let narrow = Tokens::of(&phone.refresh_with(&first.refresh, &[("scope", "email")]).await);
    assert_eq!(narrow.claims()["aud"], issuer.as_str());
}

#[tokio::test]
async fn an_api_refuses_tokens_that_are_for_another() {
    let postern = with_api().await;
    let other: Option<postern::base::url::Resource> = Some("https://other.example".parse().expect("valid"));
    postern
        .add_client("other", |settings| settings.resource = other)
        .await;
    let (phone, tokens) = signed_in(&postern, "api").await;
    let (_, others) = signed_in(&postern, "other").await;
    let (_, issuers) = signed_in(&postern, "notes").await;

    assert!(phone.api_accepts(&tokens.access, API).await);
    for wrong in [&others.access, &issuers.access] {
        assert!(!phone.api_accepts(wrong, API).await);
    }
    assert!(!phone.api_accepts(&tokens.access, "https://other.example").await);
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    assert!(
        !phone.api_accepts(id_token, "api").await,
        "an ID token is no access token"
    );
}
