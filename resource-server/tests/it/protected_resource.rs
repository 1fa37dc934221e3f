//! Protected resource metadata (RFC 9728): where they are, what they say, and that challenges name them.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::routing::get;
use postern_resource_server::{Authenticated, Postern, ProtectedResource};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{Issuer, Signer};

const ISSUER: &str = "https://id.example.com";

#[test]
fn the_well_known_path_stands_between_the_host_and_the_apis_own() {
    for (resource, url) in [
        (
            "https://api.example.com",
            "https://api.example.com/.well-known/oauth-protected-resource",
        ),
        (
            "https://api.example.com/",
            "https://api.example.com/.well-known/oauth-protected-resource",
        ),
        (
            "https://api.example.com/notes",
            "https://api.example.com/.well-known/oauth-protected-resource/notes",
        ),
        (
            "https://api.example.com/a/b",
            "https://api.example.com/.well-known/oauth-protected-resource/a/b",
        ),
        (
            "https://api.example.com:8443/a",
            "https://api.example.com:8443/.well-known/oauth-protected-resource/a",
        ),
        (
            "http://127.0.0.1:9000/a",
            "http://127.0.0.1:9000/.well-known/oauth-protected-resource/a",
        ),
    ] {
        assert_eq!(ProtectedResource::new(resource, ISSUER).unwrap().url(), url);
    }
    for resource in [
        "",
        "api",
        "http://api.example.com/",
        "https://api.example.com/?q",
        "https://api.example.com/#f",
        "https://a@api.example.com/",
        "https://API.example.com/",
        "https://api.example.com/a/../b",
        "https://api.example.com/{id}",
        "urn:api",
        "javascript:alert(1)",
    ] {
        assert!(ProtectedResource::new(resource, ISSUER).is_err(), "{resource}");
    }
}

#[test]
fn the_document_names_the_resource_letter_for_letter() {
    let api = ProtectedResource::new("https://api.example.com/notes", ISSUER).unwrap();
    let document: Value = serde_json::from_str(&api.document()).unwrap();
    assert_eq!(
        document,
        json!({
            "resource": "https://api.example.com/notes",
            "authorization_servers": [ISSUER],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": postern_resource_server::PROOF_ALGORITHMS,
        })
    );
    let api = api
        .scopes(["notes:read"])
        .name("Notes")
        .documentation("https://d.example/")
        .requires_bound_tokens();
    let document: Value = serde_json::from_str(&api.document()).unwrap();
    assert_eq!(document["scopes_supported"], json!(["notes:read"]));
    assert_eq!(document["resource_name"], "Notes");
    assert_eq!(document["resource_documentation"], "https://d.example/");
    assert_eq!(document["dpop_bound_access_tokens_required"], true);
}

#[test]
fn each_challenge_of_ours_names_the_document_once() {
    let api = ProtectedResource::new("https://api.example.com/notes", ISSUER).unwrap();
    let mut headers = HeaderMap::new();
    for challenge in [
        r#"Bearer realm="api""#,
        r#"DPoP realm="api""#,
        r#"Basic realm="x""#,
    ] {
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    api.name_in(&mut headers);
    api.name_in(&mut headers);
    let told: Vec<_> = headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    let named = r#", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/notes""#;
    assert_eq!(
        told,
        [
            format!(r#"Bearer realm="api"{named}"#),
            format!(r#"DPoP realm="api"{named}"#),
            r#"Basic realm="x""#.to_owned()
        ]
    );
    let mut none = HeaderMap::new();
    api.name_in(&mut none);
    assert!(none.is_empty());
}

async fn hello(token: Authenticated) -> String {
    token.sub.clone()
}

#[tokio::test]
async fn an_app_that_knows_the_address_finds_the_issuer() {
    let signer = Signer::new("k");
    let issuer = Issuer::start(&[&signer]).await;
    let postern = Postern::discover(&issuer.url(), "https://api.example.com/v1");
    let postern = postern.await.unwrap();
    let about = postern.protected_resource().unwrap();
    let api = Router::new()
        .route("/v1/hello", get(hello))
        .layer(postern.layer());
    let api: Router = about.describe(api);
    let ask = |path: String| {
        api.clone()
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
    };

    let refused = ask("/v1/hello".to_owned()).await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    let (_, rest) = challenge
        .split_once("resource_metadata=\"https://api.example.com")
        .unwrap();
    let document = ask(rest.trim_end_matches('"').to_owned()).await.unwrap();
    assert_eq!(document.status(), 200);
    assert_eq!(document.headers()[header::CONTENT_TYPE], "application/json");
    let body = to_bytes(document.into_body(), 1 << 16).await.unwrap();
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["authorization_servers"], json!([issuer.url()]));
    assert_eq!(document["resource"], "https://api.example.com/v1");
}

proptest! {
    #[test]
    fn whatever_is_named_is_refused_or_has_one_place_at_its_own_origin(
        text in "(https|http|ftp)://[a-z0-9.@\\[\\]:]{0,20}(/[ -~]{0,20})?",
    ) {
        if let Ok(api) = ProtectedResource::new(&text, ISSUER) {
            prop_assert!(api.path().starts_with("/.well-known/oauth-protected-resource"));
            prop_assert!(!api.url().contains(['"', ' ', '?', '#', '@']), "{}", api.url());
            let document: Value = serde_json::from_str(&api.document()).expect("JSON");
            prop_assert_eq!(document["resource"].as_str(), Some(text.as_str()));
            HeaderValue::try_from(api.url()).expect("a header");
        }
    }
}
