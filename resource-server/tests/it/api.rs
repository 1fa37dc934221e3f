//! An API built with axum: the token is a handler's argument, the rejection its answer.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRef, State};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use postern_resource_server::{AccessToken, Rejection, ResourceServer};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{AUDIENCE, Issuer, Signer, lasting_claims};

/// An API has more state than its tokens.
#[derive(Clone)]
struct Notes {
    tokens: Arc<ResourceServer>,
    title: &'static str,
}

impl FromRef<Notes> for Arc<ResourceServer> {
    fn from_ref(notes: &Notes) -> Self {
        notes.tokens.clone()
    }
}

async fn read(token: AccessToken, State(notes): State<Notes>) -> Result<String, Rejection> {
    token.require_scope("notes:read")?;
    Ok(format!("{} of {}", notes.title, token.sub))
}

async fn delete(token: AccessToken) -> Result<(), Rejection> {
    token.require_scope("notes:delete")
}

async fn notes(issuer: &Issuer) -> Router {
    let tokens = Arc::new(ResourceServer::discover(&issuer.url(), AUDIENCE).await.unwrap());
    let state = Notes {
        tokens,
        title: "the notes",
    };
    Router::new()
        .route("/notes", get(read).delete(delete))
        .with_state(state)
}

async fn answer(api: &Router, method: &str, uri: &str, authorization: Option<&str>) -> Response {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    api.clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_handler_gets_the_token() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let token = signer.token(&lasting_claims(&issuer.url()));
    let api = notes(&issuer).await;

    let response = answer(&api, "GET", "/notes", Some(&format!("Bearer {token}"))).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "the notes of user_1");
}

#[tokio::test]
async fn a_scope_too_few() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let token = signer.token(&lasting_claims(&issuer.url()));
    let api = notes(&issuer).await;

    let response = answer(&api, "DELETE", "/notes", Some(&format!("Bearer {token}"))).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(
        challenge.contains(r#"error="insufficient_scope""#) && challenge.ends_with(r#"scope="notes:delete""#)
    );
}

#[tokio::test]
async fn a_token_in_the_query_is_no_token() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let token = signer.token(&lasting_claims(&issuer.url()));
    let api = notes(&issuer).await;

    let response = answer(&api, "GET", &format!("/notes?access_token={token}"), None).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.headers()[header::WWW_AUTHENTICATE],
        r#"Bearer realm="api""#
    );
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let problem: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(
        problem,
        json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "an access token is needed",
        })
    );
}
