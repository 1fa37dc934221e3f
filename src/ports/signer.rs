//! Signs tokens with a key that is held ready: `jsonwebtoken::encode` would parse it at every call, which costs as much
//! as the signature. What is signed here is verified with jsonwebtoken, in `resource-server/`.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;
use serde_json::json;

use crate::base::{id::KeyId, secret::Secret};

/// What kind of token a JWT is: its `typ` (RFC 8725 section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An access token (RFC 9068 section 2.1).
    AccessToken,
    /// An ID token.
    IdToken,
}

impl TokenType {
    const fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
        }
    }
}

/// An ES256 key (RFC 7518 section 3.4) and the headers of what it signs.
pub struct Signer {
    pair: EcdsaKeyPair,
    access_token_header: String,
    id_token_header: String,
}

/// A key that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key does not read")]
pub struct BadKey;

impl Signer {
    /// A new private key as PKCS#8 with its public JWK (RFC 7517).
    pub fn generate(id: KeyId) -> Result<(Secret<Vec<u8>>, serde_json::Value), BadKey> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let secret = Secret::new(document.map_err(|_| BadKey)?.as_ref().to_vec());
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, secret.expose())
            .map_err(|_| BadKey)?;
        // An uncompressed point: 0x04, then x and y (SEC 1 section 2.3.3).
        let point = pair.public_key().as_ref();
        let coordinate =
            |range: std::ops::Range<usize>| point.get(range).map(Base64UrlUnpadded::encode_string);
        let (x, y) = coordinate(1..33).zip(coordinate(33..65)).ok_or(BadKey)?;
        let kid = id.to_string();
        let jwk =
            json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y });
        Ok((secret, jwk))
    }

    /// The signer of a PKCS#8 key.
    pub fn new(id: KeyId, pkcs8: &Secret<Vec<u8>>) -> Result<Self, BadKey> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose()).map_err(|_| BadKey)?;
        let header = |token: TokenType| {
            let header = json!({ "alg": "ES256", "kid": id.to_string(), "typ": token.typ() });
            Base64UrlUnpadded::encode_string(header.to_string().as_bytes())
        };
        let (access_token_header, id_token_header) =
            (header(TokenType::AccessToken), header(TokenType::IdToken));
        Ok(Self {
            pair,
            access_token_header,
            id_token_header,
        })
    }

    /// The claims as a signed JWT in its compact form (RFC 7515 section 7.1).
    pub fn sign<C: Serialize>(&self, token: TokenType, claims: &C) -> Result<String, BadKey> {
        let header = match token {
            TokenType::AccessToken => &self.access_token_header,
            TokenType::IdToken => &self.id_token_header,
        };
        let claims = serde_json::to_vec(claims).map_err(|_| BadKey)?;
        let mut jwt = String::with_capacity(header.len() + claims.len() * 4 / 3 + 96);
        jwt.push_str(header);
        jwt.push('.');
        jwt.push_str(&Base64UrlUnpadded::encode_string(&claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), jwt.as_bytes())
            .map_err(|_| BadKey)?;
        jwt.push('.');
        jwt.push_str(&Base64UrlUnpadded::encode_string(signature.as_ref()));
        Ok(jwt)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}
