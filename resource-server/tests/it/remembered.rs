//! A token that was verified before: what is looked at all the same.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use postern_resource_server::{KeyLimits, Postern, ProofError, Rejection};
use serde_json::json;

use crate::harness::signer::base64;
use crate::harness::{AUDIENCE, Issuer, Prover, Signer, lasting_claims, proof_claims};

async fn call(api: &Postern, authorization: &str, proof: Option<&str>) -> Result<(), Rejection> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::AUTHORIZATION,
        HeaderValue::try_from(authorization).unwrap(),
    );
    if let Some(proof) = proof {
        headers.insert("dpop", HeaderValue::try_from(proof).unwrap());
    }
    let uri = Uri::from_static("/notes");
    api.authenticate(&Method::GET, &uri, &headers).await.map(|_| ())
}

#[expect(clippy::disallowed_methods, reason = "the API has no other clock either")]
fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[tokio::test]
async fn it_expires() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let api = Postern::discover(&issuer.url(), AUDIENCE).leeway(Duration::ZERO);
    let api = api.await.unwrap();
    let mut claims = lasting_claims(&issuer.url());
    claims["exp"] = json!(now() + 3);
    let bearer = format!("Bearer {}", signer.token(&claims));
    assert_eq!(call(&api, &bearer, None).await, Ok(()));
    let over = async {
        while call(&api, &bearer, None).await != Err(Rejection::Expired) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), over)
        .await
        .expect("it expires");
}

#[tokio::test]
async fn its_key_is_withdrawn() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let issuer = Issuer::start(&[&old]).await;
    let limits = KeyLimits {
        between_fetches: Duration::ZERO,
        ..KeyLimits::default()
    };
    let api = Postern::discover(&issuer.url(), AUDIENCE)
        .key_limits(limits)
        .await
        .unwrap();
    let claims = lasting_claims(&issuer.url());
    let [old, new] = [old.token(&claims), new.token(&claims)].map(|token| format!("Bearer {token}"));
    assert_eq!(call(&api, &old, None).await, Ok(()));
    issuer.rotate_to(&[&Signer::new("k1"), &Signer::new("k3")]);
    assert_eq!(call(&api, &new, None).await, Err(Rejection::UnknownKey));
    // The keys have changed, and another one has the old name.
    assert_eq!(call(&api, &old, None).await, Err(Rejection::BadSignature));
}

#[tokio::test]
async fn it_is_bound_and_somebody_else_has_it() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let api = Postern::discover(&issuer.url(), AUDIENCE).await.unwrap();
    let (owner, thief) = (Prover::new(), Prover::new());
    let jwk = owner.jwk();
    let canonical = format!(
        r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
        jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]
    );
    let sha256 = |text: &str| base64(digest(&SHA256, text.as_bytes()).as_ref());
    let mut claims = lasting_claims(&issuer.url());
    claims["cnf"] = json!({ "jkt": sha256(&canonical) });
    let token = signer.token(&claims);
    let proof = |prover: &Prover| {
        let mut claims = proof_claims("GET", &format!("{AUDIENCE}/notes"), now());
        claims["ath"] = sha256(&token).into();
        prover.sign(&prover.header(), &claims)
    };
    let (dpop, bearer, first) = (format!("DPoP {token}"), format!("Bearer {token}"), proof(&owner));
    assert_eq!(call(&api, &dpop, Some(&first)).await, Ok(()));
    for (authorization, proof, refusal) in [
        (&bearer, None, Rejection::BoundToKey),
        (&bearer, Some(proof(&owner)), Rejection::BoundToKey),
        (&dpop, None, ProofError::Missing.into()),
        (&dpop, Some(first), ProofError::Replayed.into()),
        (&dpop, Some(proof(&thief)), Rejection::ForeignKey),
    ] {
        assert_eq!(call(&api, authorization, proof.as_deref()).await, Err(refusal));
    }
    assert_eq!(call(&api, &dpop, Some(&proof(&owner))).await, Ok(()));
}

/// A token whose signature was cut off or changed is another token.
#[tokio::test]
async fn one_that_is_nearly_it() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let api = Postern::discover(&issuer.url(), AUDIENCE).await.unwrap();
    let token = signer.token(&lasting_claims(&issuer.url()));
    assert_eq!(call(&api, &format!("Bearer {token}"), None).await, Ok(()));
    let (front, signature) = token.rsplit_once('.').unwrap();
    let other = signer.token(&lasting_claims("https://id.example.com"));
    let (_, others) = other.rsplit_once('.').unwrap();
    for near in [
        format!("{front}."),
        format!("{front}.{}", &signature[..84]),
        format!("{front}.{signature}="),
        format!("{front}.{others}"),
        format!("{front}.{}", "A".repeat(86)),
    ] {
        let refused = call(&api, &format!("Bearer {near}"), None).await.unwrap_err();
        assert!(
            [Rejection::BadSignature, Rejection::Malformed].contains(&refused),
            "{near}: {refused}"
        );
    }
}
