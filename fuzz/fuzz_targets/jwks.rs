//! Key sets that clients publish.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::base::{
    jwk::{JwkSet, PublicKey},
    jws::Jws,
};
use postern_resource_server::KeySet;

const SIGNED: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImEifQ.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fuzz_target!(|bytes: &[u8]| {
    let jws = Jws::parse(SIGNED, 8000).expect("a JWS");
    if let Ok(keys) = JwkSet::from_bytes(bytes) {
        assert!(!keys.verifies(&jws), "a signature of zeros");
    }
    if let Ok(jwk) = serde_json::from_slice(bytes)
        && let Some(key) = PublicKey::read(&jwk)
    {
        assert!(!key.signed(&jws));
    }
    let _ = KeySet::from_jwks(bytes);
});
