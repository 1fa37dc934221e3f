//! Who takes part: an authorization server's key, the tokens that it signs, and the issuer on a socket.

mod issuer;
mod prover;
pub(crate) mod signer;
pub(crate) mod teller;

pub(crate) use issuer::Issuer;
pub(crate) use prover::{Prover, proof_claims};
pub(crate) use signer::Signer;

use postern_resource_server::{AccessToken, Expected, KeySet, Presented, Rejection, validate};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "https://notes.example.com";
pub(crate) const NOW: u64 = 1_800_000_000;

/// The claims of a token that is valid at `NOW`.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "user_1",
        "aud": AUDIENCE,
        "client_id": "notes-app",
        "scope": "notes:read notes:write",
        "sid": "ds_1",
        "jti": "at_1",
        "iat": NOW - 10,
        "exp": NOW + 290,
        "auth_time": NOW - 600,
        "acr": "1",
        "amr": ["pwd"],
    })
}

/// The same, with one claim changed.
pub(crate) fn claims_with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

/// The same, without one claim.
pub(crate) fn claims_without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// The claims of a token that is valid whenever the tests run, for those who cannot set the time.
pub(crate) fn lasting_claims(issuer: &str) -> Value {
    let mut claims = claims_with("iss", issuer);
    claims["iat"] = json!(1_700_000_000);
    claims["exp"] = json!(4_102_444_800_u64);
    claims
}

/// Presents a bearer token at `NOW` to an API that knows this signer's key.
pub(crate) fn present(signer: &Signer, token: &str) -> Result<AccessToken, Rejection> {
    present_at(NOW, signer, token)
}

pub(crate) fn present_at(now: u64, signer: &Signer, token: &str) -> Result<AccessToken, Rejection> {
    let keys = KeySet::from_jwks(json!({ "keys": [signer.jwk()] }).to_string()).unwrap();
    validate(
        &Presented::bearer(token),
        &keys,
        &Expected::new(ISSUER, AUDIENCE),
        now,
    )
}
