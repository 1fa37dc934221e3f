//! The issuer's public keys, parsed from a JSON Web Key Set (RFC 7517).

use std::collections::HashMap;

use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::digest::sha256;

/// The keys that an issuer signs with, by key id.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: HashMap<String, VerifyingKey>,
    /// The SHA-256 of the text that it was read from.
    fingerprint: [u8; 32],
}

impl KeySet {
    /// Reads a JWK set, as text or as bytes.
    ///
    /// A key that is of no use to us is skipped (RFC 7517 section 5): an unknown type or algorithm, a key
    /// that is not for signatures, one without `kid`. Symmetric keys are never used. Of two keys with the
    /// same `kid` the first counts.
    pub fn from_jwks(jwks: impl AsRef<[u8]>) -> Result<Self, KeySetError> {
        let fingerprint = sha256(jwks.as_ref());
        let jwks: Jwks = serde_json::from_slice(jwks.as_ref())?;
        if jwks.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut keys = HashMap::new();
        for (kid, key) in jwks.keys.into_iter().filter_map(usable) {
            keys.entry(kid).or_insert(key);
        }
        Ok(Self { keys, fingerprint })
    }

    /// How many keys are usable.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Is no key usable? Then every token is refused.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Two sets with the same one hold the same keys.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.keys.get(kid)
    }
}

/// Why a JWK set cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It is not JSON, or has no list of `keys`.
    #[error("not a JSON Web Key Set")]
    NotAKeySet(#[from] serde_json::Error),
    /// It has more keys than any issuer needs.
    #[error("a key set with more than {MAX_KEYS} keys")]
    TooManyKeys,
}

/// A public key and the one algorithm that it is used with (RFC 8725 section 3.1).
#[derive(Clone, Debug)]
pub(crate) struct VerifyingKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerifyingKey {
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn verifies(&self, signed: &[u8], signature: &Vec<u8>) -> bool {
        // Named directly: `jsonwebtoken::decode` asks for the process's default, which panics as soon as
        // another crate of the same build enables a second crypto library.
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(signed, signature).is_ok())
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    #[serde(flatten)]
    material: Material,
}

/// The key types of RFC 7518 section 6 and RFC 8037 that can sign; `oct` is not one of them.
#[derive(Deserialize)]
#[serde(tag = "kty")]
enum Material {
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

fn usable(jwk: Value) -> Option<(String, VerifyingKey)> {
    let jwk = Jwk::deserialize(jwk).ok()?;
    let for_signatures = jwk.usage.is_none_or(|usage| usage == "sig")
        && jwk.key_ops.is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !for_signatures {
        return None;
    }
    let (algorithm, key) = jwk.material.into_key(jwk.alg.as_deref())?;
    Some((jwk.kid, VerifyingKey { algorithm, key }))
}

impl Material {
    /// The key with its algorithm; none if `alg` is not one that this key can have.
    fn into_key(self, alg: Option<&str>) -> Option<(Algorithm, DecodingKey)> {
        match self {
            Self::Ec { crv, x, y } => {
                let (algorithm, name, bytes) = match crv.as_str() {
                    "P-256" => (Algorithm::ES256, "ES256", 65),
                    "P-384" => (Algorithm::ES384, "ES384", 97),
                    _ => return None,
                };
                let key = DecodingKey::from_ec_components(&x, &y).ok()?;
                (alg.is_none_or(|alg| alg == name) && has_bytes(&key, bytes)).then_some((algorithm, key))
            }
            Self::Okp { crv, x } => {
                let key = DecodingKey::from_ed_components(&x).ok()?;
                let named = crv == "Ed25519" && alg.is_none_or(|alg| alg == "EdDSA");
                (named && has_bytes(&key, 32)).then_some((Algorithm::EdDSA, key))
            }
            Self::Rsa { n, e } => {
                // RS256 is what every server must support (RFC 9068 section 2.1): unless told, it is that.
                let algorithm = match alg.unwrap_or("RS256") {
                    "RS256" => Algorithm::RS256,
                    "RS384" => Algorithm::RS384,
                    "RS512" => Algorithm::RS512,
                    "PS256" => Algorithm::PS256,
                    "PS384" => Algorithm::PS384,
                    "PS512" => Algorithm::PS512,
                    _ => return None,
                };
                Some((algorithm, DecodingKey::from_rsa_components(&n, &e).ok()?))
            }
        }
    }
}

fn has_bytes(key: &DecodingKey, bytes: usize) -> bool {
    key.try_get_as_bytes().is_ok_and(|point| point.len() == bytes)
}

const MAX_KEYS: usize = 64;
