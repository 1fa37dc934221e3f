//! Our own ID tokens, presented as hints (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2): verified with
//! every key that ever signed one, also long after they have expired.

use std::{collections::HashMap, fmt};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, UserId},
        jwk::PublicKey,
        jws::Jws,
        url::Issuer,
    },
    domain::id_token::IdTokenHint,
};

/// The public halves of all signing keys, gone ones too, by `kid`; each with the one algorithm that it is used with
/// (RFC 8725 section 3.1).
#[derive(Clone, Default)]
pub struct IdTokenKeys(HashMap<String, PublicKey>);

/// Longer than any that we make.
const MAX_BYTES: usize = 6 * 1024;

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
        let keys = jwks.into_iter().filter_map(PublicKey::read);
        let named = keys.filter(PublicKey::names_its_algorithm);
        Self(
            named
                .filter_map(|key| Some((key.id()?.to_owned(), key)))
                .collect(),
        )
    }

    /// Whom and what an ID token was issued for; nothing when it is none of ours. Its expiry does not matter: it is only a
    /// hint.
    pub fn read(&self, issuer: &Issuer, jwt: &str) -> Option<IdTokenHint> {
        let jws = Jws::parse(jwt, MAX_BYTES).ok()?;
        // Other tokens of ours are signed with the same keys, and say by `typ` what they are (RFC 8725 section 3.11).
        if jws.typ.as_deref() != Some("JWT") {
            return None;
        }
        let key = self.0.get(jws.key_id.as_deref()?)?;
        if !key.signed(&jws) {
            return None;
        }
        let claims: Claims = jws.claims().ok()?;
        (claims.iss == issuer.as_str()).then_some(IdTokenHint {
            user: claims.sub,
            client: claims.aud,
            session: claims.sid,
            ds_hash: claims.ds_hash,
        })
    }
}

impl fmt::Debug for IdTokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
