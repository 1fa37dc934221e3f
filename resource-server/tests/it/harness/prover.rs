//! The key of an app and the DPoP proofs that it makes.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::Signer;

pub(crate) struct Prover(pub(crate) Signer);

impl Prover {
    pub(crate) fn new() -> Self {
        Self::with_algorithm("ES256")
    }

    pub(crate) fn with_algorithm(alg: &'static str) -> Self {
        Self(Signer::with_algorithm("unused", alg))
    }

    /// The public key without what a proof does not need.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = self.0.jwk();
        for name in ["kid", "alg", "use"] {
            jwk.as_object_mut().unwrap().remove(name);
        }
        jwk
    }

    pub(crate) fn header(&self) -> Value {
        let alg = self.0.header()["alg"].clone();
        json!({ "typ": "dpop+jwt", "alg": alg, "jwk": self.jwk() })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.0.sign(&header.to_string(), &claims.to_string())
    }
}

/// What a right proof says, with an id of its own.
pub(crate) fn proof_claims(method: &str, url: &str, iat: u64) -> Value {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let jti = format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    json!({ "jti": jti, "htm": method, "htu": url, "iat": iat })
}
