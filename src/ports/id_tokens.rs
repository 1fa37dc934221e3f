//! Our own ID tokens, presented as hints (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2): verified with
//! every key that ever signed one, also long after they have expired.

use std::{collections::HashMap, fmt};

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    crypto::aws_lc,
    jwk::{Jwk, KeyAlgorithm},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, UserId},
        json::is_within,
        url::Issuer,
    },
    domain::id_token::IdTokenHint,
};

/// The public halves of all signing keys, gone ones too, by `kid`; each with the one algorithm that it is used with
/// (RFC 8725 section 3.1).
#[derive(Clone, Default)]
pub struct IdTokenKeys(HashMap<String, (Algorithm, DecodingKey)>);

/// Longer than any that we make.
const MAX_BYTES: usize = 6 * 1024;

#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    kid: String,
    typ: String,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: UserId,
    aud: ClientId,
    sid: DeviceSessionId,
    #[serde(default)]
    ds_hash: Option<String>,
}

impl IdTokenKeys {
    /// The keys with these JWKs. One that does not read verifies nothing.
    pub fn new<'a>(jwks: impl IntoIterator<Item = &'a Value>) -> Self {
        Self(jwks.into_iter().filter_map(usable).collect())
    }

    /// Whom and what an ID token was issued for; nothing when it is none of ours. Its expiry does not matter: it is only a
    /// hint.
    pub fn read(&self, issuer: &Issuer, jwt: &str) -> Option<IdTokenHint> {
        if jwt.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = jwt.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = part(header)?;
        // Other tokens of ours are signed with the same keys, and say by `typ` what they are (RFC 8725 section 3.11).
        if header.typ != "JWT" || header.crit.is_some() {
            return None;
        }
        let (algorithm, key) = self.0.get(&header.kid)?;
        let signature = Base64UrlUnpadded::decode_vec(signature).ok()?;
        if header.alg != *algorithm || !verifies(*algorithm, key, signed.as_bytes(), &signature) {
            return None;
        }
        let claims: Claims = part(claims)?;
        (claims.iss == issuer.as_str()).then_some(IdTokenHint {
            user: claims.sub,
            client: claims.aud,
            session: claims.sid,
            ds_hash: claims.ds_hash,
        })
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    let json = String::from_utf8(Base64UrlUnpadded::decode_vec(text).ok()?).ok()?;
    is_within(&json, MAX_BYTES, 8)
        .then(|| serde_json::from_str(&json).ok())
        .flatten()
}

fn verifies(algorithm: Algorithm, key: &DecodingKey, signed: &[u8], signature: &Vec<u8>) -> bool {
    // Named directly: the process's default panics as soon as another crate enables a second crypto library.
    (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&algorithm, key)
        .is_ok_and(|verifier| verifier.verify(signed, signature).is_ok())
}

fn usable(jwk: &Value) -> Option<(String, (Algorithm, DecodingKey))> {
    let jwk = Jwk::deserialize(jwk).ok()?;
    let algorithm = match jwk.common.key_algorithm? {
        KeyAlgorithm::ES256 => Algorithm::ES256,
        KeyAlgorithm::RS256 => Algorithm::RS256,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id?, (algorithm, key)))
}

impl fmt::Debug for IdTokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
