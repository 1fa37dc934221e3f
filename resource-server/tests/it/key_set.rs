//! Which keys of a published set are used, and for which algorithm.

use postern_resource_server::{Expected, KeySet, KeySetError, Presented, Rejection, validate};
use serde_json::{Value, json};

use crate::harness::{AUDIENCE, ISSUER, NOW, Signer, claims, present};

fn count(keys: &[Value]) -> usize {
    KeySet::from_jwks(json!({ "keys": keys }).to_string())
        .unwrap()
        .len()
}

fn jwk_with(name: &str, value: impl Into<Value>) -> Value {
    let mut jwk = Signer::new("k1").jwk();
    jwk[name] = value.into();
    jwk
}

#[test]
fn keys_that_do_not_sign_are_skipped() {
    let good = Signer::new("good").jwk();
    for other in [
        json!({ "kty": "oct", "kid": "k1", "alg": "HS256", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }),
        json!({ "kty": "AKP", "kid": "k1", "alg": "ML-DSA-44", "pub": "AAAA" }),
        json!({ "kid": "k1" }),
        json!("k1"),
        json!(null),
        jwk_with("use", "enc"),
        jwk_with("key_ops", json!(["deriveKey"])),
        jwk_with("alg", "HS256"),
        jwk_with("alg", "none"),
        jwk_with("alg", "ES384"),
        jwk_with("alg", "ECDH-ES"),
        jwk_with("crv", "P-521"),
        jwk_with("crv", "P-384"),
        jwk_with("kid", 7),
        jwk_with("kid", Value::Null),
        jwk_with("x", ""),
        jwk_with("x", "AAAA"),
        jwk_with("x", "?"),
        jwk_with("kty", "RSA"),
        json!({ "kty": "OKP", "kid": "k1", "crv": "X25519", "x": Signer::new("").jwk()["x"] }),
        json!({ "kty": "OKP", "kid": "k1", "crv": "Ed25519", "x": "AAAA" }),
        json!({ "kty": "RSA", "kid": "k1", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB" }),
    ] {
        assert_eq!(count(&[other.clone(), good.clone()]), 1, "{other}");
    }
    assert_eq!(count(&[jwk_with("key_ops", json!(["verify"])), good.clone()]), 2);
    assert_eq!(count(&[good.clone(), good]), 1);
}

#[test]
fn a_key_without_algorithm_has_the_one_of_its_type() {
    for alg in ["ES256", "ES384", "EdDSA", "RS256"] {
        let signer = Signer::with_algorithm("k1", alg);
        let mut jwk = signer.jwk();
        jwk.as_object_mut().unwrap().remove("alg");
        jwk.as_object_mut().unwrap().remove("use");
        assert_eq!(count(&[jwk]), 1, "{alg}");
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_verifies_nothing() {
    let signer = Signer::new("k1");
    let zero = "A".repeat(43);
    let mut jwk = signer.jwk();
    jwk["x"] = json!(zero);
    jwk["y"] = json!(zero);
    let keys = KeySet::from_jwks(json!({ "keys": [jwk] }).to_string()).unwrap();
    let token = signer.token(&claims());
    let answer = validate(
        &Presented::bearer(&token),
        &keys,
        &Expected::new(ISSUER, AUDIENCE),
        NOW,
    );
    assert_eq!(answer, Err(Rejection::BadSignature));
    assert!(present(&signer, &token).is_ok());
}

#[test]
fn a_set_is_bounded() {
    let keys = |count: usize| -> String {
        let keys: Vec<Value> = (0..count).map(|n| jwk_with("kid", n.to_string())).collect();
        json!({ "keys": keys }).to_string()
    };
    assert_eq!(KeySet::from_jwks(keys(64)).unwrap().len(), 64);
    assert!(matches!(
        KeySet::from_jwks(keys(65)),
        Err(KeySetError::TooManyKeys)
    ));
}

#[test]
fn not_a_set() {
    let deep = format!("{{\"keys\":{}", "[".repeat(100_000));
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        "\0",
        &deep,
    ] {
        assert!(
            matches!(KeySet::from_jwks(text), Err(KeySetError::NotAKeySet(_))),
            "{text:.40}"
        );
    }
    assert!(KeySet::from_jwks(r#"{"keys":[]}"#).unwrap().is_empty());
}
