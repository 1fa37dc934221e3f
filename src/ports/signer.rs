//! Signs tokens with a key that is held ready: `jsonwebtoken::encode` would parse it at every call, which costs as much
//! as the signature. What is signed here is verified with jsonwebtoken, in `resource-server/`.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    error::Unspecified,
    io,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    base::{id::KeyId, secret::Secret},
    domain::audit::Checkpoint,
};

/// What kind of token a JWT is: its `typ` (RFC 8725 section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An access token (RFC 9068 section 2.1).
    AccessToken,
    /// An ID token, or an answer of userinfo: libraries know no other `typ` there.
    IdToken,
    /// A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).
    LogoutToken,
    /// An answer about a token (RFC 9701 section 5).
    Introspection,
    /// A signed answer to an authorization request (JARM section 2.1), which has no `typ` of its own. It lacks the claims
    /// of every other.
    AuthorizationResponse,
    /// What the chain of events came to.
    Checkpoint,
}

impl TokenType {
    const ALL: [Self; 6] = [
        Self::AccessToken,
        Self::IdToken,
        Self::LogoutToken,
        Self::Introspection,
        Self::AuthorizationResponse,
        Self::Checkpoint,
    ];

    const fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken | Self::AuthorizationResponse => "JWT",
            Self::LogoutToken => "logout+jwt",
            Self::Introspection => "token-introspection+jwt",
            Self::Checkpoint => Checkpoint::TYP,
        }
    }
}

/// A key and the headers of what it signs.
pub struct Signer {
    pair: Pair,
    /// In the order of the types.
    headers: [String; TokenType::ALL.len()],
}

enum Pair {
    /// ES256 (RFC 7518 section 3.4).
    Es256(EcdsaKeyPair),
    /// RS256 (RFC 7518 section 3.3).
    Rs256(RsaKeyPair),
}

/// A key that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key does not read")]
pub struct BadKey;

/// A new private key as PKCS#8 with its public JWK (RFC 7517).
type Generated = (Secret<Vec<u8>>, Value);

impl Signer {
    /// A new key for ES256.
    pub fn generate_es256(id: KeyId) -> Result<Generated, BadKey> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let secret = Secret::new(document.map_err(|_| BadKey)?.as_ref().to_vec());
        let jwk = Self::public_es256(id, &secret)?;
        Ok((secret, jwk))
    }

    /// The public JWK of a PKCS#8 key for ES256.
    pub fn public_es256(id: KeyId, pkcs8: &Secret<Vec<u8>>) -> Result<Value, BadKey> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose()).map_err(|_| BadKey)?;
        // An uncompressed point: 0x04, then x and y (SEC 1 section 2.3.3).
        let point = pair.public_key().as_ref();
        let coordinate =
            |range: std::ops::Range<usize>| point.get(range).map(Base64UrlUnpadded::encode_string);
        let (x, y) = coordinate(1..33).zip(coordinate(33..65)).ok_or(BadKey)?;
        let kid = id.to_string();
        Ok(json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y }))
    }

    /// A new key for RS256. It takes some tenths of a second.
    pub fn generate_rs256(id: KeyId) -> Result<Generated, BadKey> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| BadKey)?;
        let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| BadKey)?;
        let key = pair.public_key();
        let number = |number: io::Positive<'_>| {
            Base64UrlUnpadded::encode_string(number.big_endian_without_leading_zero())
        };
        let (n, e) = (number(key.modulus()), number(key.exponent()));
        let kid = id.to_string();
        let jwk = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e });
        Ok((Secret::new(document.as_ref().to_vec()), jwk))
    }

    /// The signer of a PKCS#8 key for ES256.
    pub fn es256(id: KeyId, pkcs8: &Secret<Vec<u8>>) -> Result<Self, BadKey> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose()).map_err(|_| BadKey)?;
        Ok(Self::of(id, "ES256", Pair::Es256(pair)))
    }

    /// The signer of a PKCS#8 key for RS256.
    pub fn rs256(id: KeyId, pkcs8: &Secret<Vec<u8>>) -> Result<Self, BadKey> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8.expose()).map_err(|_| BadKey)?;
        Ok(Self::of(id, "RS256", Pair::Rs256(pair)))
    }

    fn of(id: KeyId, algorithm: &str, pair: Pair) -> Self {
        let header = |token: TokenType| {
            let header = json!({ "alg": algorithm, "kid": id.to_string(), "typ": token.typ() });
            Base64UrlUnpadded::encode_string(header.to_string().as_bytes())
        };
        Self {
            pair,
            headers: TokenType::ALL.map(header),
        }
    }

    /// The claims as a signed JWT in its compact form (RFC 7515 section 7.1).
    pub fn sign<C: Serialize>(&self, token: TokenType, claims: &C) -> Result<String, BadKey> {
        let header = &self.headers[token as usize];
        let claims = serde_json::to_vec(claims).map_err(|_| BadKey)?;
        let mut jwt = String::with_capacity(header.len() + claims.len() * 4 / 3 + 96);
        jwt.push_str(header);
        jwt.push('.');
        jwt.push_str(&Base64UrlUnpadded::encode_string(&claims));
        let signature = self.pair.sign(jwt.as_bytes()).map_err(|_| BadKey)?;
        jwt.push('.');
        jwt.push_str(&signature);
        Ok(jwt)
    }
}

impl Pair {
    /// In base64url.
    fn sign(&self, signed: &[u8]) -> Result<String, Unspecified> {
        match self {
            Self::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), signed)?;
                Ok(Base64UrlUnpadded::encode_string(signature.as_ref()))
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed, &mut signature)?;
                Ok(Base64UrlUnpadded::encode_string(&signature))
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}
