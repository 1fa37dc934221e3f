//! The key of an installation and the DPoP proofs that it makes (RFC 9449 section 4.2), right or wrong.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use postern::base::digest::Digest;
use serde_json::{Value, json};

/// A P-256 key that never leaves its device.
pub(crate) struct ProofKey(EcdsaKeyPair);

/// A proof in the making: what it says can be changed before it is signed.
pub(crate) struct Draft<'a> {
    key: &'a ProofKey,
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl ProofKey {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    /// The public half (RFC 7517), its members in the order of the thumbprint.
    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({ "crv": "P-256", "kty": "EC", "x": base64(&point[1..33]), "y": base64(&point[33..]) })
    }

    /// RFC 7638.
    pub(crate) fn thumbprint(&self) -> Digest {
        let jwk = self.jwk();
        let text = |name: &str| jwk[name].as_str().expect("text").to_owned();
        let canonical = format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            text("x"),
            text("y")
        );
        Digest::of(canonical.as_bytes())
    }

    pub(crate) fn jkt(&self) -> String {
        self.thumbprint().to_base64url()
    }

    /// A right proof, not signed yet. `at` is the device's clock in seconds since 1970.
    pub(crate) fn draft(&self, method: &str, url: &str, at: i64) -> Draft<'_> {
        let mut jti = [0; 16];
        aws_lc_rs::rand::fill(&mut jti).expect("random bytes");
        Draft {
            key: self,
            header: json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() }),
            claims: json!({ "jti": base64(&jti), "htm": method, "htu": url, "iat": at }),
        }
    }
}

impl Draft<'_> {
    /// For a request that presents this token.
    pub(crate) fn for_token(self, token: &str) -> Self {
        self.claim("ath", Digest::of(token.as_bytes()).to_base64url())
    }

    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// What a signature is over.
    pub(crate) fn unsigned(&self) -> String {
        let [header, claims] = [&self.header, &self.claims].map(|part| base64(part.to_string().as_bytes()));
        format!("{header}.{claims}")
    }

    pub(crate) fn sign(&self) -> String {
        let unsigned = self.unsigned();
        let signature = self.key.0.sign(&SystemRandom::new(), unsigned.as_bytes());
        format!("{unsigned}.{}", base64(signature.expect("signed").as_ref()))
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
