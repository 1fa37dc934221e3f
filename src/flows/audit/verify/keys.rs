//! Who signed a checkpoint. A key that is in use proves itself: its public half is computed from its secret, which the root
//! secret sealed. Of a key that is gone only the public half is left, and whoever can write the database could have put it
//! there; so what it signed counts for nothing by itself.

use std::collections::HashMap;

use crate::{
    base::{
        jwk::PublicKey,
        jws::Jws,
        time::{Instant, Lifetime},
        url::Issuer,
    },
    domain::{
        audit::{Checkpoint, Head},
        key::{KeyState, Ring},
    },
    flows::{Provider, audit::AuditError},
    ports::signer::Signer,
    store::{audit::CheckpointRow, keys},
};

/// Longer than any checkpoint.
const MAX_BYTES: usize = 2048;

/// The keys of the signing ring by `kid`, and whether their secret is here.
pub(super) struct CheckpointKeys(HashMap<String, (PublicKey, bool)>);

/// A checkpoint that was signed.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// What the chain had come to.
    pub(super) head: Head,
    /// When it was signed.
    pub(super) at: Instant,
    /// Whether by a key whose secret is here.
    pub(super) by_own_key: bool,
}

impl CheckpointKeys {
    pub(super) async fn read(provider: &Provider) -> Result<Self, AuditError> {
        let mut known = HashMap::new();
        for key in keys::all(&provider.db).await? {
            if key.info.ring != Ring::SigningEs256 {
                continue;
            }
            let id = key.info.id;
            let is_gone = matches!(key.info.state, KeyState::Gone { .. });
            let jwk = if is_gone {
                key.public
                    .as_deref()
                    .and_then(|jwk| serde_json::from_str(jwk).ok())
            } else {
                let opened = provider.keys.vault().unseal(key)?;
                Some(Signer::public_es256(id, &opened.secret)?)
            };
            if let Some(key) = jwk.as_ref().and_then(PublicKey::read) {
                known.insert(id.to_string(), (key, !is_gone));
            }
        }
        Ok(Self(known))
    }

    /// What the checkpoint in a row says, if that is what the row says; or why it counts for nothing.
    pub(super) fn vouches(&self, issuer: &Issuer, row: &CheckpointRow) -> Result<Signed, &'static str> {
        let signed = self.open(issuer, &row.signed)?;
        let same = signed.head == row.head();
        same.then_some(signed).ok_or("does not say what its row says")
    }

    /// What a checkpoint says; or why it counts for nothing.
    pub(super) fn open(&self, issuer: &Issuer, text: &str) -> Result<Signed, &'static str> {
        let jws = Jws::parse(text.trim(), MAX_BYTES).map_err(|_| "does not read")?;
        if jws.typ.as_deref() != Some(Checkpoint::TYP) {
            return Err("is a token of another kind");
        }
        let named = jws.key_id.as_deref().and_then(|kid| self.0.get(kid));
        let (key, by_own_key) = named.ok_or("is signed by a key that this server never had")?;
        if !key.signed(&jws) {
            return Err("has a signature that is not right");
        }
        let claims: Checkpoint = jws.claims().map_err(|_| "does not read")?;
        if claims.iss != issuer.as_str() {
            return Err("is of another server");
        }
        let at = Instant::from_millis(0).plus(Lifetime::from_millis(claims.iat.saturating_mul(1000)));
        Ok(Signed {
            head: claims.head().ok_or("does not read")?,
            at,
            by_own_key: *by_own_key,
        })
    }
}
