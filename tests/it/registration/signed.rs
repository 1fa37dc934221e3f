//! Answers that are signed: what introspection says (RFC 9701), and userinfo.

use axum::{body::Body, http::Request};
use base64ct::{Base64UrlUnpadded, Encoding};
use postern::domain::client::{AuthMethod, ClientKind, ClientSettings, IdTokenAlgorithm};
use postern_resource_server::{Expected, KeySet, Presented, validate};
use serde_json::{Value, json};

use crate::{
    client_auth::{basic, register},
    harness::{ALICE, Answer, Postern, Tokens, encode},
};

const API: &str = "https://api.example";
const JWT: &str = "application/token-introspection+jwt";

fn part(jwt: &str, at: usize) -> Value {
    let part = jwt.split('.').nth(at).expect("three parts");
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).expect("base64url")).expect("JSON")
}

/// The claims of an answer whose signature is that of a published key.
async fn verified(postern: &Postern, jwt: &str) -> Value {
    use jsonwebtoken::{Algorithm, DecodingKey, crypto::aws_lc, jwk::Jwk};
    let header = part(jwt, 0);
    let keys = postern.get("/jwks.json").await.json();
    let keys = keys["keys"].as_array().expect("keys").clone();
    let key = keys
        .into_iter()
        .find(|key| key["kid"] == header["kid"])
        .expect("a published key");
    assert_eq!(key["alg"], header["alg"]);
    let algorithm: Algorithm = header["alg"].as_str().expect("text").parse().expect("known");
    let jwk: Jwk = serde_json::from_value(key).expect("a JWK");
    let key = DecodingKey::from_jwk(&jwk).expect("a key");
    let (signed, signature) = jwt.rsplit_once('.').expect("three parts");
    let signature = Base64UrlUnpadded::decode_vec(signature).expect("base64url");
    let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key).expect("a verifier");
    verifier
        .verify(signed.as_bytes(), &signature)
        .expect("a good signature");
    part(jwt, 1)
}

struct Api {
    id: &'static str,
    secret: String,
}

impl Api {
    async fn add(postern: &Postern, id: &'static str, change: impl FnOnce(&mut ClientSettings)) -> Self {
        let (method, secret) = register(postern, id, ClientKind::Service, |settings| {
            settings.audience = Some(API.parse().expect("valid"));
            change(settings);
        })
        .await;
        assert_eq!(method, AuthMethod::ClientSecretBasic);
        Self {
            id,
            secret: secret.expect("a secret"),
        }
    }

    async fn ask(&self, postern: &Postern, token: &str, accept: &str) -> Answer {
        let request = Request::post("/introspect")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", basic(self.id, &self.secret))
            .header("accept", accept)
            .body(Body::from(encode(&[("token", token)])))
            .expect("a request");
        postern.send(request).await
    }
}

async fn token_for_the_api(postern: &Postern) -> Tokens {
    postern
        .add_client("app", |settings| {
            settings.resource = Some(API.parse().expect("valid"));
        })
        .await;
    let mut phone = postern.phone_of("app");
    phone.scope = "profile offline_access";
    phone.signed_in(&mut postern.browser(), ALICE).await
}

#[tokio::test]
async fn an_api_that_asks_for_it_gets_a_signed_answer_which_is_for_it_alone() {
    let postern = Postern::start().await;
    let api = Api::add(&postern, "api", |_| {}).await;
    let rsa = Api::add(&postern, "rsa", |settings| {
        settings.introspection_signed_response_alg = Some(IdTokenAlgorithm::Rs256);
    })
    .await;
    let tokens = token_for_the_api(&postern).await;
    let plain = api.ask(&postern, &tokens.access, "application/json").await.json();
    assert_eq!(plain["active"], true);
    for (api, algorithm) in [(&api, "ES256"), (&rsa, "RS256")] {
        for accept in [
            JWT.to_owned(),
            format!("application/json;q=0.5, {JWT}"),
            JWT.to_uppercase(),
        ] {
            let answer = api.ask(&postern, &tokens.access, &accept).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (200, JWT)
            );
            assert_eq!(answer.header("cache-control"), "no-store");
            let header = part(&answer.body, 0);
            assert_eq!(
                (&header["typ"], &header["alg"]),
                (&json!("token-introspection+jwt"), &json!(algorithm))
            );
            let claims = verified(&postern, &answer.body).await;
            let expected = json!({
                "iss": postern.issuer(), "aud": api.id, "iat": postern.clock.now().seconds(), "token_introspection": plain,
            });
            assert_eq!(
                claims, expected,
                "neither sub nor exp at the top (RFC 9701 section 5)"
            );
        }
    }
    // What it may not know is signed too.
    let nothing = api.ask(&postern, "x", JWT).await;
    assert_eq!(
        verified(&postern, &nothing.body).await["token_introspection"],
        json!({ "active": false })
    );
    for accept in ["application/json", "*/*", &format!("{JWT};q=0"), ""] {
        let answer = api.ask(&postern, &tokens.access, accept).await;
        assert_eq!(answer.header("content-type"), "application/json", "{accept}");
    }
}

#[tokio::test]
async fn a_signed_answer_is_no_token() {
    let postern = Postern::start().await;
    let api = Api::add(&postern, "api", |_| {}).await;
    let tokens = token_for_the_api(&postern).await;
    let jwt = api.ask(&postern, &tokens.access, JWT).await.body;
    let keys = KeySet::from_jwks(postern.get("/jwks.json").await.body).expect("a key set");
    let now = u64::try_from(postern.clock.now().seconds()).expect("after 1970");
    for audience in ["api", API, postern.issuer()] {
        let expected = Expected::new(postern.issuer(), audience);
        assert!(validate(&Presented::bearer(&jwt), &keys, &expected, now).is_err());
    }
    assert_eq!(
        api.ask(&postern, &jwt, "application/json").await.json(),
        json!({ "active": false })
    );
    assert_eq!(postern.phone().userinfo(&jwt).await.status, 401);
    let logout = postern.get(&format!("/logout?id_token_hint={jwt}")).await;
    assert_ne!(logout.status, 303);
}

#[tokio::test]
async fn userinfo_is_signed_for_a_client_that_is_set_so() {
    let postern = Postern::start().await;
    for (id, algorithm) in [("es", IdTokenAlgorithm::Es256), ("rs", IdTokenAlgorithm::Rs256)] {
        postern
            .add_client(id, |settings| {
                settings.userinfo_signed_response_alg = Some(algorithm);
            })
            .await;
        let phone = postern.phone_of(id);
        let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
        let answer = phone.userinfo(&tokens.access).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/jwt")
        );
        let claims = verified(&postern, &answer.body).await;
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!(postern.issuer()), &json!(id))
        );
        assert_eq!(
            (&claims["sub"], &claims["email"]),
            (&tokens.id_claims()["sub"], &json!(ALICE))
        );
        assert_eq!(part(&answer.body, 0)["alg"], algorithm.as_str());
        // It cannot be taken for an ID token that came back, and lets nobody in.
        assert!(claims.get("exp").is_none() && claims.get("sid").is_none());
        assert_eq!(phone.userinfo(&answer.body).await.status, 401);
    }
    let plain = postern.phone();
    let tokens = plain.signed_in(&mut postern.browser(), ALICE).await;
    assert_eq!(
        plain.userinfo(&tokens.access).await.header("content-type"),
        "application/json"
    );
}

#[tokio::test]
async fn the_metadata_name_the_pages_that_the_operator_named() {
    let plain = Postern::start().await;
    let document = plain.get("/.well-known/oauth-authorization-server").await.json();
    for member in [
        "service_documentation",
        "op_policy_uri",
        "op_tos_uri",
        "registration_endpoint",
    ] {
        assert!(document.get(member).is_none(), "{member}");
    }
    assert_eq!(
        document["introspection_signing_alg_values_supported"],
        json!(["ES256"])
    );
    let postern = Postern::start_with(|config| {
        let links = &mut config.server.links;
        links.service_documentation = Some("https://dev.example/docs".parse().expect("valid"));
        links.op_policy_uri = Some("https://dev.example/policy".parse().expect("valid"));
        links.op_tos_uri = Some("https://dev.example/terms".parse().expect("valid"));
    })
    .await;
    let document = postern
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert_eq!(document["service_documentation"], "https://dev.example/docs");
    assert_eq!(document["op_policy_uri"], "https://dev.example/policy");
    assert_eq!(document["op_tos_uri"], "https://dev.example/terms");
}
