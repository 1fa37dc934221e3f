//! Public keys (RFC 7517), which verify what their owner signed.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use crate::base::jws::{Jws, JwsAlgorithm};

/// A JWK set may have so many bytes.
pub const MAX_SET: usize = 64 * 1024;
/// And so many keys.
const MAX_KEYS: usize = 32;

/// A JWK set: the keys that are of use, and the document that they came in.
#[derive(Clone, PartialEq)]
pub struct JwkSet {
    document: Value,
    keys: Vec<PublicKey>,
}

impl Eq for JwkSet {}

/// Why a document is no JWK set that could verify anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    /// Not JSON, or without a list of keys.
    #[error("write a JWK set: {{\"keys\": [...]}} (RFC 7517 section 5)")]
    NotASet,
    /// Larger than any that is needed.
    #[error("a JWK set has at most {MAX_KEYS} keys and {MAX_SET} bytes")]
    TooLarge,
    /// The private half of a key.
    #[error(
        "it has a private or symmetric key: whoever reads it can sign. Give the public half only, without d, p, q or k, \
         and make a new key if this one was used"
    )]
    Private,
    /// No key that could be used.
    #[error(
        "none of its keys can be used: EC on P-256, OKP on Ed25519, or RSA with 2048 bits or more, with use sig if any"
    )]
    NoKey,
}

/// A key with the algorithms that it may be used in.
#[derive(Clone, PartialEq)]
pub struct PublicKey {
    id: Option<String>,
    algorithm: Option<JwsAlgorithm>,
    material: Material,
}

#[derive(Clone, PartialEq)]
enum Material {
    /// An uncompressed point on P-256.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl JwkSet {
    /// Reads a set. A key of a kind that is not known is skipped (RFC 7517 section 5); one that is private or symmetric
    /// refuses the whole set, since its owner should know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JwkSetError> {
        if bytes.len() > MAX_SET {
            return Err(JwkSetError::TooLarge);
        }
        Self::from_document(serde_json::from_slice(bytes).map_err(|_| JwkSetError::NotASet)?)
    }

    fn from_document(document: Value) -> Result<Self, JwkSetError> {
        let listed = document.get("keys").and_then(Value::as_array);
        let listed = listed.ok_or(JwkSetError::NotASet)?;
        if listed.len() > MAX_KEYS {
            return Err(JwkSetError::TooLarge);
        }
        if listed.iter().any(is_private) {
            return Err(JwkSetError::Private);
        }
        let keys: Vec<_> = listed.iter().filter_map(PublicKey::read).collect();
        if keys.is_empty() {
            return Err(JwkSetError::NoKey);
        }
        Ok(Self { document, keys })
    }

    /// Whether one of these keys made the signature. The key is the one that the header names; without a name it is the
    /// only one that fits (OpenID Connect Core section 10.1).
    pub fn verifies(&self, jws: &Jws<'_>) -> bool {
        let mut fitting = self.keys.iter().filter(|key| {
            let named = jws.key_id.is_none() || jws.key_id == key.id;
            named && key.fits(jws.algorithm)
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => key.verifies(jws),
            _ => false,
        }
    }

    /// Whether there is a key that could have made this signature: if not, the set may be old.
    pub fn has_key_for(&self, jws: &Jws<'_>) -> bool {
        let named = |key: &PublicKey| jws.key_id.is_none() || jws.key_id == key.id;
        self.keys.iter().any(|key| named(key) && key.fits(jws.algorithm))
    }
}

impl PublicKey {
    /// Reads a JWK; nothing when it is none that could verify a signature.
    pub fn read(jwk: &Value) -> Option<Self> {
        usable(jwk)
    }

    /// Its `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it made the signature, in an algorithm that it is for.
    pub fn signed(&self, jws: &Jws<'_>) -> bool {
        self.fits(jws.algorithm) && self.verifies(jws)
    }

    /// Whether it is for one algorithm, which it names.
    pub fn names_its_algorithm(&self) -> bool {
        self.algorithm.is_some()
    }

    /// The key decides what it is used in, the header only has to agree (RFC 8725 section 3.1).
    fn fits(&self, algorithm: JwsAlgorithm) -> bool {
        let kind = match self.material {
            Material::P256(_) => algorithm == JwsAlgorithm::Es256,
            Material::Ed25519(_) => algorithm == JwsAlgorithm::EdDsa,
            Material::Rsa { .. } => matches!(algorithm, JwsAlgorithm::Ps256 | JwsAlgorithm::Rs256),
        };
        kind && self.algorithm.is_none_or(|own| own == algorithm)
    }

    fn verifies(&self, jws: &Jws<'_>) -> bool {
        let (signed, signature) = (jws.signed(), jws.signature());
        let verified = match &self.material {
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            Material::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(signed, signature),
            Material::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                let parameters = match jws.algorithm {
                    JwsAlgorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                key.verify(parameters, signed, signature)
            }
        };
        verified.is_ok()
    }
}

/// Parameters of private and symmetric keys (RFC 7518 section 6, RFC 8037 section 2).
fn is_private(jwk: &Value) -> bool {
    let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    secret.iter().any(|name| jwk.get(name).is_some())
}

fn usable(jwk: &Value) -> Option<PublicKey> {
    let jwk = Jwk::deserialize(jwk).ok()?;
    let for_signatures = jwk.usage.is_none_or(|usage| usage == "sig")
        && jwk.key_ops.is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !for_signatures {
        return None;
    }
    let algorithm = jwk.alg.map(|alg| alg.parse::<JwsAlgorithm>()).transpose().ok()?;
    let bytes = |part: Option<String>| Base64UrlUnpadded::decode_vec(&part?).ok();
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(jwk.x)?, bytes(jwk.y)?);
            (x.len() == 32 && y.len() == 32).then(|| Material::P256([&[4][..], &x, &y].concat()))?
        }
        ("OKP", Some("Ed25519")) => {
            let x = bytes(jwk.x)?;
            (x.len() == 32).then_some(Material::Ed25519(x))?
        }
        ("RSA", _) => {
            let (n, e) = (bytes(jwk.n)?, bytes(jwk.e)?);
            // Large exponents only make verification slow.
            let fits = (256..=1024).contains(&n.len()) && (1..=4).contains(&e.len());
            fits.then_some(Material::Rsa { n, e })?
        }
        _ => return None,
    };
    let key = PublicKey {
        id: jwk.kid,
        algorithm,
        material,
    };
    JwsAlgorithm::ALL
        .into_iter()
        .any(|algorithm| key.fits(algorithm))
        .then_some(key)
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|key| key.id.as_deref().unwrap_or("?"));
        f.debug_list().entries(ids).finish()
    }
}

impl FromStr for JwkSet {
    type Err = JwkSetError;

    fn from_str(text: &str) -> Result<Self, JwkSetError> {
        Self::from_bytes(text.as_bytes())
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_document(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
    };
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn b64(bytes: &[u8]) -> String {
        Base64UrlUnpadded::encode_string(bytes)
    }

    fn set(keys: &Value) -> Result<JwkSet, JwkSetError> {
        JwkSet::from_bytes(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_signature_is_verified_by_the_named_key_and_its_own_algorithm_alone() {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let ed = Ed25519KeyPair::generate().expect("a key");
        let point = ec.public_key().as_ref().to_vec();
        let nist = json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": b64(&point[1..33]), "y": b64(&point[33..]) });
        let edwards =
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(ed.public_key().as_ref()) });
        let both = set(&json!([nist, edwards])).expect("a set");
        let sign = |header: Value| {
            let signed = format!("{}.{}", b64(header.to_string().as_bytes()), b64(b"{}"));
            let signature = match header["alg"].as_str() {
                Some("EdDSA") => ed.sign(signed.as_bytes()).as_ref().to_vec(),
                _ => ec
                    .sign(&SystemRandom::new(), signed.as_bytes())
                    .expect("signed")
                    .as_ref()
                    .to_vec(),
            };
            format!("{signed}.{}", b64(&signature))
        };
        for (header, good) in [
            (json!({ "alg": "ES256", "kid": "ec" }), true),
            (json!({ "alg": "EdDSA", "kid": "ed" }), true),
            (json!({ "alg": "ES256" }), true),
            (json!({ "alg": "ES256", "kid": "ed" }), false),
            (json!({ "alg": "EdDSA", "kid": "ec" }), false),
            (json!({ "alg": "PS256", "kid": "ec" }), false),
            (json!({ "alg": "ES256", "kid": "other" }), false),
        ] {
            let text = sign(header.clone());
            assert_eq!(
                both.verifies(&Jws::parse(&text, 4000).expect("a JWS")),
                good,
                "{header}"
            );
        }
        // Without a name two that fit are one too many.
        let mut other = nist.clone();
        other["kid"] = json!("other");
        let two = set(&json!([nist, other])).expect("a set");
        assert!(!two.verifies(&Jws::parse(&sign(json!({ "alg": "ES256" })), 4000).expect("a JWS")));
    }

    #[test]
    fn a_set_without_a_public_key_of_use_is_refused_with_the_reason() {
        let n = b64(&[0x81; 256]);
        for (keys, error) in [
            (json!([]), JwkSetError::NoKey),
            (json!([{ "kty": "oct", "k": "c2VjcmV0" }]), JwkSetError::Private),
            (
                json!([{ "kty": "RSA", "n": n, "e": "AQAB", "d": "AQAB" }]),
                JwkSetError::Private,
            ),
            (
                json!([{ "kty": "RSA", "n": b64(&[0x81; 128]), "e": "AQAB" }]),
                JwkSetError::NoKey,
            ),
            (
                json!([{ "kty": "RSA", "n": n, "e": b64(&[0x81; 64]) }]),
                JwkSetError::NoKey,
            ),
            (
                json!([{ "kty": "RSA", "n": n, "e": "AQAB", "use": "enc" }]),
                JwkSetError::NoKey,
            ),
            (
                json!([{ "kty": "RSA", "n": n, "e": "AQAB", "alg": "ES256" }]),
                JwkSetError::NoKey,
            ),
            (
                json!([{ "kty": "RSA", "n": n, "e": "AQAB", "alg": "none" }]),
                JwkSetError::NoKey,
            ),
            (json!([1, null, {}]), JwkSetError::NoKey),
            (json!({}), JwkSetError::NotASet),
            (json!(vec![0; 33]), JwkSetError::TooLarge),
        ] {
            assert_eq!(set(&keys).err(), Some(error), "{keys}");
        }
        assert_eq!("".parse::<JwkSet>().err(), Some(JwkSetError::NotASet));
        assert_eq!(
            " ".repeat(MAX_SET + 1).parse::<JwkSet>().err(),
            Some(JwkSetError::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_read(kty in "EC|RSA|OKP|oct|", text in "[ -~]{0,80}") {
            let jwk = json!({ "kty": kty, "crv": "P-256", "x": text, "y": text, "n": text, "e": text });
            let _ = set(&json!([jwk]));
            let _ = text.parse::<JwkSet>();
        }
    }
}
