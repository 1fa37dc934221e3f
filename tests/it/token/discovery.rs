//! The discovery documents and the published keys: complete, and true in every value.

use std::collections::BTreeSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::{
    base::{digest::Digest, text::Email},
    domain::{password::Password, pkce::Challenge},
    flows::account,
};
use serde_json::Value;

use super::signed_in;
use crate::harness::{ALICE, BOB, PASSWORD, Postern, Tokens, Went};

const DOCUMENTS: [&str; 2] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
];

async fn document(postern: &Postern) -> Value {
    postern.get(DOCUMENTS[0]).await.json()
}

fn list(document: &Value, name: &str) -> Vec<String> {
    let list = document[name]
        .as_array()
        .unwrap_or_else(|| panic!("{name} is a list"));
    assert!(!list.is_empty(), "{name}");
    list.iter()
        .map(|value| value.as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn both_documents_are_the_same_and_can_be_kept() {
    let postern = Postern::start().await;
    let mut bodies = BTreeSet::new();
    for path in DOCUMENTS {
        let answer = postern.get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "public, max-age=600");
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn the_document_has_what_is_required_and_nothing_unknown() {
    let postern = Postern::start().await;
    let document = document(&postern).await;
    let (_, tokens) = signed_in(&postern, "notes").await;

    assert_eq!(document["issuer"], postern.issuer());
    assert!(!postern.issuer().ends_with('/'));
    assert_eq!(tokens.id_claims()["iss"], document["issuer"], "byte for byte");
    // OpenID Connect Discovery section 3 and RFC 8414 section 2, RFC 9101, RFC 9207, RFC 9449, JARM, Initiating User Registration 1.0.
    let registered = [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "pushed_authorization_request_endpoint",
        "require_pushed_authorization_requests",
        "device_authorization_endpoint",
        "introspection_endpoint",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "userinfo_signing_alg_values_supported",
        "introspection_signing_alg_values_supported",
        "claim_types_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        // Ours: docs/revocations.md.
        "revocation_stream_endpoint",
        "end_session_endpoint",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "ui_locales_supported",
        "code_challenge_methods_supported",
        "dpop_signing_alg_values_supported",
        "scopes_supported",
        "claims_supported",
        "acr_values_supported",
        "prompt_values_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "request_object_signing_alg_values_supported",
        "require_signed_request_object",
        "authorization_signing_alg_values_supported",
        "authorization_response_iss_parameter_supported",
    ];
    let members: BTreeSet<&str> = document
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, BTreeSet::from(registered));
    assert!(list(&document, "scopes_supported").contains(&"openid".to_owned()));
    assert!(list(&document, "response_types_supported").contains(&"code".to_owned()));
    assert_eq!(document["subject_types_supported"], serde_json::json!(["public"]));
}

#[tokio::test]
async fn every_endpoint_in_the_document_answers() {
    let postern = Postern::start().await;
    let document = document(&postern).await;
    let path = |name: &str| {
        let url = document[name].as_str().unwrap_or_else(|| panic!("{name}"));
        url.strip_prefix(postern.issuer())
            .expect("below the issuer")
            .to_owned()
    };

    assert_eq!(postern.get(&path("jwks_uri")).await.status, 200);
    assert_eq!(postern.get(&path("userinfo_endpoint")).await.status, 401);
    assert_eq!(
        postern.post(&path("token_endpoint"), &[]).await.error(),
        "invalid_request"
    );
    assert_eq!(
        postern.post(&path("revocation_endpoint"), &[]).await.error(),
        "invalid_request"
    );
    for name in [
        "pushed_authorization_request_endpoint",
        "device_authorization_endpoint",
    ] {
        assert_eq!(
            postern.post(&path(name), &[]).await.error(),
            "invalid_request",
            "{name}"
        );
    }
    assert_eq!(
        postern.post(&path("introspection_endpoint"), &[]).await.error(),
        "invalid_request"
    );
    let left = postern.browser().open(&path("end_session_endpoint")).await.page();
    assert_eq!(left.heading(), "You’re signed out");
    let url = postern.phone().authorize_url(&[]);
    let asked = url.replace("/authorize", &path("authorization_endpoint"));
    assert_eq!(postern.browser().open(&asked).await.page().heading(), "Sign in");
}

#[tokio::test]
async fn behind_https_every_endpoint_is_https() {
    let postern = Postern::start_with(|config| {
        config.server.public_url = "https://id.example.com".parse().expect("valid");
    })
    .await;
    let document = document(&postern).await;
    let members = document.as_object().expect("an object").iter();
    let urls: Vec<_> = members
        .filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri") || *name == "issuer")
        .collect();
    assert!(urls.len() >= 6, "{urls:?}");
    for (name, url) in urls {
        let url = url.as_str().expect("text");
        assert!(url.starts_with("https://id.example.com"), "{name}: {url}");
    }
}

#[tokio::test]
async fn every_grant_and_response_in_the_document_works_and_no_other() {
    let postern = Postern::start().await;
    let document = document(&postern).await;
    assert_eq!(list(&document, "response_types_supported"), ["code"]);
    assert_eq!(
        list(&document, "response_modes_supported"),
        ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"]
    );
    // Signed requests and answers: see client_auth/request_objects.rs and client_auth/signed_answers.rs.
    assert_eq!(
        list(&document, "request_object_signing_alg_values_supported"),
        ["ES256", "PS256", "EdDSA", "RS256"]
    );
    assert_eq!(
        list(&document, "authorization_signing_alg_values_supported"),
        ["ES256"]
    );
    assert_eq!(document["request_parameter_supported"], true);
    assert_eq!(document["request_uri_parameter_supported"], false);
    assert_eq!(
        list(&document, "grant_types_supported"),
        [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ]
    );
    // Each of them works: see client_auth/credentials.rs.
    let proofs = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    for endpoint in ["token", "revocation", "introspection"] {
        let methods = list(&document, &format!("{endpoint}_endpoint_auth_methods_supported"));
        let none = if endpoint == "introspection" {
            &[][..]
        } else {
            &["none"]
        };
        assert_eq!(methods, [none, &proofs].concat(), "{endpoint}");
        let algorithms = list(
            &document,
            &format!("{endpoint}_endpoint_auth_signing_alg_values_supported"),
        );
        assert_eq!(
            algorithms,
            ["ES256", "PS256", "EdDSA", "RS256", "Ed25519"],
            "{endpoint}"
        );
    }
    assert_eq!(list(&document, "code_challenge_methods_supported"), ["S256"]);
    let (phone, tokens) = signed_in(&postern, "notes").await;
    Tokens::of(&phone.refresh(&tokens.refresh).await);

    let url = phone.authorize_url(&[("response_mode", "form_post"), ("prompt", "none")]);
    let page = postern.browser().open(&url).await.page();
    assert_eq!(page.form(&phone.redirect_uri).field("error"), "login_required");
    for mode in ["fragment", "fragment.jwt"] {
        let url = phone.authorize_url(&[("response_mode", mode)]);
        match postern.browser().open(&url).await {
            Went::App(back) => assert!(
                back.query().is_some_and(|query| query.contains("error=")),
                "{back}"
            ),
            Went::Page(page) => assert_eq!(page.answer.status, 400, "{mode} is not in the document"),
        }
    }
    let plain = Challenge::of_verifier(&phone.verifier)
        .expect("a verifier")
        .digest()
        .to_base64url();
    let url = phone.authorize_url(&[("code_challenge", &plain), ("code_challenge_method", "plain")]);
    let back = postern.browser().open(&url).await.app();
    assert!(
        back.query()
            .is_some_and(|query| query.contains("error=invalid_request")),
        "{back}"
    );
    // An app without keys signs nothing.
    for parameter in ["request", "request_uri"] {
        let url = phone.authorize_url(&[(parameter, "https://app.example/r")]);
        let back = postern.browser().open(&url).await.app();
        let error = format!("error={parameter}_not_supported");
        assert!(back.query().is_some_and(|query| query.contains(&error)), "{back}");
    }
}

#[tokio::test]
async fn every_scope_claim_and_acr_in_the_document_is_real() {
    let postern = Postern::start().await;
    let document = document(&postern).await;
    let carol: Email = "carol@example.com".parse().expect("an address");
    let password = Password::chosen(PASSWORD.to_owned(), &carol).expect("a good password");
    let name = Some("Carol".parse().expect("a name"));
    account::add(postern.provider(), carol, name, password)
        .await
        .expect("a new address");
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), "carol@example.com").await;

    let scopes: BTreeSet<String> = list(&document, "scopes_supported").into_iter().collect();
    let granted = tokens.answer["scope"]
        .as_str()
        .expect("text")
        .split(' ')
        .map(str::to_owned);
    assert_eq!(scopes, granted.collect());
    let id_token = tokens.id_claims();
    assert_eq!(
        list(&document, "acr_values_supported"),
        [id_token["acr"].as_str().expect("text")]
    );

    let userinfo = phone.userinfo(&tokens.access).await.json();
    let given: BTreeSet<String> = [&id_token, &userinfo]
        .into_iter()
        .flat_map(|claims| claims.as_object().expect("an object").keys().cloned())
        .collect();
    let listed: BTreeSet<String> = list(&document, "claims_supported").into_iter().collect();
    assert_eq!(given, listed, "what is listed is given, and nothing else is");
}

#[tokio::test]
async fn every_prompt_in_the_document_works() {
    let postern = Postern::start().await;
    let document = document(&postern).await;
    assert_eq!(
        list(&document, "prompt_values_supported"),
        ["none", "login", "consent"]
    );
    let (mut browser, phone) = (postern.browser(), postern.phone());
    phone.signed_in(&mut browser, ALICE).await;

    let back = browser
        .open(&phone.authorize_url(&[("prompt", "none")]))
        .await
        .app();
    assert!(
        back.query()
            .is_some_and(|query| query.contains("error=interaction_required")),
        "{back}"
    );
    let page = browser
        .open(&phone.authorize_url(&[("prompt", "login")]))
        .await
        .page();
    assert_eq!(page.forms("/sign-in").len(), 1);
    let page = browser
        .open(&phone.authorize_url(&[("prompt", "consent")]))
        .await
        .page();
    assert_eq!(page.forms("/consent").len(), 1);
}

#[tokio::test]
async fn the_keys_are_public_distinct_and_verify_what_was_signed() {
    let postern = Postern::start().await;
    let answer = postern.get("/jwks.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    assert_eq!(answer.header("cache-control"), "public, max-age=600");
    let keys = answer.json()["keys"].as_array().expect("keys").clone();
    assert_eq!(keys.len(), 2, "one signs, the next is published already");
    let mut ids = BTreeSet::new();
    for key in &keys {
        let members: Vec<&str> = key
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        // No private or symmetric part, no certificate.
        assert_eq!(
            BTreeSet::from_iter(members),
            BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x", "y"])
        );
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"]),
            (&"EC".into(), &"P-256".into(), &"ES256".into())
        );
        for coordinate in ["x", "y"] {
            let bytes =
                Base64UrlUnpadded::decode_vec(key[coordinate].as_str().expect("text")).expect("base64url");
            assert_eq!(bytes.len(), 32);
        }
        ids.insert(key["kid"].as_str().expect("text").to_owned());
    }
    assert_eq!(ids.len(), 2);

    let (phone, tokens) = signed_in(&postern, "notes").await;
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    for (jwt, typ) in [(tokens.access.as_str(), "at+jwt"), (id_token, "JWT")] {
        let header =
            Base64UrlUnpadded::decode_vec(jwt.split('.').next().expect("a part")).expect("base64url");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        assert_eq!((&header["alg"], &header["typ"]), (&"ES256".into(), &typ.into()));
        let kid = header["kid"].as_str().expect("a kid");
        assert!(ids.contains(kid));
        // An implementation that is not ours checks the signature.
        let key = keys
            .iter()
            .find(|key| key["kid"] == kid)
            .expect("published")
            .clone();
        let key: jsonwebtoken::jwk::Jwk = serde_json::from_value(key).expect("a JWK");
        let key = jsonwebtoken::DecodingKey::from_jwk(&key).expect("a key");
        let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
        (rules.validate_exp, rules.validate_aud) = (false, false);
        rules.set_issuer(&[postern.issuer()]);
        jsonwebtoken::decode::<Value>(jwt, &key, &rules).expect("a right signature");
    }
    assert!(phone.api_accepts(&tokens.access, postern.issuer()).await);
}

#[tokio::test]
async fn the_id_token_tells_of_the_access_token_that_came_with_it() {
    let postern = Postern::start().await;
    let (_, tokens) = signed_in(&postern, "notes").await;
    let digest = Digest::of(tokens.access.as_bytes());
    let half = &digest.as_bytes()[..16];

    let claims = tokens.id_claims();

    assert_eq!(claims["at_hash"], Base64UrlUnpadded::encode_string(half));
    assert_eq!(claims["sid"], tokens.claims()["sid"]);
    assert_eq!(claims["exp"], claims["iat"].as_i64().expect("a time") + 300);
    assert_ne!(claims["sub"], postern.user(BOB).await.id.to_string());
}
