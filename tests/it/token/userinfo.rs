//! Userinfo: how a token may come, and which tokens it wants.

use axum::{
    body::Body,
    http::{Request, header},
};

use super::{FORM, Prover, raw_post, signed_in};
use crate::harness::{ALICE, Answer, Phone, Postern, Tokens};

#[track_caller]
fn challenged(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer realm="), "{challenge}");
    assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.body.contains("eyJ"), "{answer:?}");
}

/// Asked without a token, or in another way than with one: no error is told (RFC 6750 section 3.1).
#[track_caller]
fn asked_for_a_token(answer: &Answer) {
    assert_eq!(answer.status, 401, "{answer:?}");
    let challenge = answer.header("www-authenticate");
    assert!(
        challenge.starts_with("Bearer realm=") && !challenge.contains("error"),
        "{challenge}"
    );
}

#[tokio::test]
async fn a_token_comes_in_the_header_or_in_a_form() {
    let postern = Postern::start().await;
    let (phone, tokens) = signed_in(&postern, "notes").await;
    let token = &tokens.access;
    let header = |request: axum::http::request::Builder, scheme: &str| {
        let request = request.header("authorization", format!("{scheme} {token}"));
        request.body(Body::empty()).expect("a request")
    };
    let answers = [
        phone.userinfo(token).await,
        postern.send(header(Request::get("/userinfo"), "bEARER")).await,
        postern.send(header(Request::post("/userinfo"), "Bearer")).await,
        postern
            .send(raw_post("/userinfo", FORM, format!("access_token={token}")))
            .await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        let claims = answer.json();
        assert_eq!(claims["sub"], tokens.id_claims()["sub"]);
        assert_eq!(claims["email"], ALICE);
        assert_eq!(claims["email_verified"], false);
        assert!(claims["updated_at"].is_i64());
        assert!(
            claims
                .as_object()
                .expect("an object")
                .values()
                .all(|value| !value.is_null())
        );
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_none() {
    let postern = Postern::start().await;
    let (_, tokens) = signed_in(&postern, "notes").await;
    let path = format!("/userinfo?access_token={}", tokens.access);

    asked_for_a_token(&postern.get(&path).await);
    asked_for_a_token(&postern.send(raw_post(&path, FORM, "")).await);
}

#[tokio::test]
async fn a_request_without_a_token_is_told_how() {
    let postern = Postern::start().await;
    let (_, tokens) = signed_in(&postern, "notes").await;
    let with = |value: &str| {
        let request = Request::get("/userinfo").header(header::AUTHORIZATION, value);
        postern.send(request.body(Body::empty()).expect("a request"))
    };
    asked_for_a_token(&postern.get("/userinfo").await);
    asked_for_a_token(&with("Basic YTpi").await);
    challenged(&with("Bearer").await, 400, "invalid_request");
    challenged(&with("Bearer a b").await, 400, "invalid_request");
    let twice = Request::get("/userinfo")
        .header(header::AUTHORIZATION, format!("Bearer {}", tokens.access))
        .header(header::AUTHORIZATION, format!("Bearer {}", tokens.access));
    challenged(
        &postern.send(twice.body(Body::empty()).expect("a request")).await,
        400,
        "invalid_request",
    );
    let doubled = format!("access_token={0}&access_token={0}", tokens.access);
    challenged(
        &postern.send(raw_post("/userinfo", FORM, doubled)).await,
        400,
        "invalid_request",
    );
    let json = raw_post(
        "/userinfo",
        "application/json",
        format!(r#"{{"access_token":"{}"}}"#, tokens.access),
    );
    assert_eq!(postern.send(json).await.status, 415);
}

#[tokio::test]
async fn claims_reach_as_far_as_the_scope() {
    let postern = Postern::start().await;
    let (phone, tokens) = signed_in(&postern, "notes").await;
    let bare = Tokens::of(&phone.refresh_with(&tokens.refresh, &[("scope", "openid")]).await);
    let names = |answer: &Answer| -> Vec<String> {
        answer
            .json()
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };

    assert_eq!(names(&phone.userinfo(&bare.access).await), ["sub"]);
    let mail = Tokens::of(
        &phone
            .refresh_with(&bare.refresh, &[("scope", "openid email")])
            .await,
    );
    assert_eq!(
        names(&phone.userinfo(&mail.access).await),
        ["email", "email_verified", "sub"]
    );
}

#[tokio::test]
async fn without_openid_the_scope_is_not_enough() {
    let postern = Postern::start().await;
    let (phone, tokens) = signed_in(&postern, "notes").await;
    let narrow = Tokens::of(
        &phone
            .refresh_with(&tokens.refresh, &[("scope", "profile email")])
            .await,
    );

    let answer = phone.userinfo(&narrow.access).await;

    challenged(&answer, 403, "insufficient_scope");
    assert!(answer.header("www-authenticate").contains("scope=\"openid\""));
}

#[tokio::test]
async fn what_is_no_valid_token_of_ours_is_refused() {
    let postern = Postern::start().await;
    postern
        .add_client("api", |settings| {
            settings.resource = Some("https://api.example".parse().expect("valid"));
        })
        .await;
    let (phone, tokens) = signed_in(&postern, "notes").await;
    let (api, for_api) = signed_in(&postern, "api").await;
    let narrow = Tokens::of(&api.refresh_with(&for_api.refresh, &[("scope", "email")]).await);
    let bound = Prover::new(&postern, "the phone's key").signed_in().await;
    let foreign = {
        let other = Postern::start().await;
        signed_in(&other, "notes").await.1.access
    };
    let (head, signature) = tokens.access.rsplit_once('.').expect("three parts");
    let unsigned = format!("{head}.");
    let changed = format!(
        "{head}.{}{}",
        if signature.starts_with('A') { "B" } else { "A" },
        &signature[1..]
    );
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    for bad in [
        &narrow.access,
        &bound.access,
        &foreign,
        &unsigned,
        &changed,
        id_token,
        &tokens.refresh,
        "x",
    ] {
        challenged(&phone.userinfo(bad).await, 401, "invalid_token");
    }
    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
}

async fn ended_after(postern: &Postern, end: impl AsyncFnOnce(&Phone<'_>, &Tokens)) {
    let (phone, tokens) = signed_in(postern, "notes").await;
    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
    end(&phone, &tokens).await;
    challenged(&phone.userinfo(&tokens.access).await, 401, "invalid_token");
}

#[tokio::test]
async fn an_ended_session_and_an_expired_token_are_refused() {
    let postern = Postern::start().await;
    ended_after(&postern, async |phone, tokens| {
        drop(phone.revoke(&tokens.refresh).await);
    })
    .await;
    ended_after(&postern, async |phone, tokens| {
        drop(phone.revoke(&tokens.access).await);
    })
    .await;
    // What the clocks of others may differ by is added to the five minutes, and no more.
    ended_after(&postern, async |_, _| postern.advance("6m")).await;
    ended_after(&postern, async |_, _| {
        let id = postern.user(ALICE).await.id;
        postern::flows::account::disable(postern.provider(), id, postern::domain::actor::Actor::Operator)
            .await
            .expect("disabled");
    })
    .await;
}
