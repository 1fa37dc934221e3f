//! ID tokens in RS256 for clients that ask for it, from a ring of their own that is made when the first one comes.

use postern::{
    base::{jwk::JwkSet, jws::Jws, time::Lifetime},
    domain::{
        actor::Actor,
        client::{ClientKind, ClientSettings, IdTokenAlgorithm},
        key::Ring,
    },
    flows::keys::rotate::{rotate, rotate_due},
};
use serde_json::{Value, json};

use super::Site;
use crate::harness::{ALICE, Postern, Tokens};

fn rs256(settings: &mut ClientSettings) {
    settings.id_token_signed_response_alg = IdTokenAlgorithm::Rs256;
}

async fn algorithms(postern: &Postern) -> Value {
    postern.get("/.well-known/openid-configuration").await.json()["id_token_signing_alg_values_supported"]
        .clone()
}

async fn keys(postern: &Postern) -> JwkSet {
    postern.get("/jwks.json").await.body.parse().expect("a key set")
}

/// The algorithm and key of an ID token that the published keys verify.
async fn verified(postern: &Postern, tokens: &Tokens) -> (String, String) {
    let text = tokens.answer["id_token"].as_str().expect("an ID token");
    let jws = Jws::parse(text, 8000).expect("a JWS");
    let keys = keys(postern).await;
    assert!(keys.verifies(&jws), "{text}");
    (jws.algorithm.to_string(), jws.key_id.expect("a key id"))
}

#[tokio::test]
async fn an_id_token_is_signed_as_its_client_asks_and_names_its_key() {
    let postern = Postern::start().await;
    assert_eq!(
        algorithms(&postern).await,
        json!(["ES256"]),
        "nobody asked for more"
    );
    let site = Site::with_secret(&postern, "old", ClientKind::Web, rs256).await;
    assert_eq!(algorithms(&postern).await, json!(["ES256", "RS256"]));
    let app = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let old = site.signed_in().await;
    assert_eq!(verified(&postern, &app).await.0, "ES256");
    assert_eq!(verified(&postern, &old).await.0, "RS256");
    // Access tokens are for APIs, which are not the client's.
    let access = Jws::parse(&old.access, 8000).expect("a JWS");
    assert_eq!(access.algorithm.to_string(), "ES256");
    // Nothing private is published, and no two keys have one name.
    let published = postern.get("/jwks.json").await.json();
    let published = published["keys"].as_array().expect("keys");
    assert_eq!(published.len(), 4);
    let mut ids: Vec<_> = published
        .iter()
        .map(|key| key["kid"].as_str().expect("a kid"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    for key in published.iter().filter(|key| key["kty"] == "RSA") {
        let mut members: Vec<_> = key
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!(key["n"].as_str().map(str::len), Some(342), "2048 bits");
    }
}

#[tokio::test]
async fn the_ring_turns_like_the_others_and_other_nodes_have_it() {
    let postern = Postern::start().await;
    let beside = postern.beside().await;
    let site = Site::with_secret(&postern, "old", ClientKind::Web, rs256).await;
    beside.poll().await;
    assert_eq!(algorithms(&beside).await, json!(["ES256", "RS256"]));
    let first = site.signed_in().await;
    let (_, key) = verified(&beside, &first).await;
    // A second client finds the ring there.
    Site::with_secret(&postern, "older", ClientKind::Web, rs256).await;
    assert_eq!(verified(&postern, &site.signed_in().await).await.1, key);
    postern.advance("31d");
    rotate_due(postern.provider()).await.expect("rotated");
    let next = site.signed_in().await;
    assert_ne!(verified(&postern, &next).await.1, key);
    verified(&postern, &first).await;
    postern.clock.advance(Lifetime::from_secs(700));
    rotate(postern.provider(), &[Ring::SigningRs256], Actor::Operator)
        .await
        .expect("old enough");
    // A node that starts later has it too.
    assert_eq!(
        algorithms(&postern.beside().await).await,
        json!(["ES256", "RS256"])
    );
}
