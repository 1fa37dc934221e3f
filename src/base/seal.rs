//! `seal(purpose, value)`: how a value travels through a browser, or rests in the database, unread and unchanged.
//!
//! AES-256-GCM-SIV (RFC 8452). Each purpose has its own key (HKDF-SHA-256, RFC 5869), so a value sealed for one
//! purpose never opens for another; purpose, version and context (the issuer) are authenticated too.

use std::{collections::HashMap, fmt};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey},
    hkdf,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Serialize, de::DeserializeOwned};

use crate::base::{id::KeyId, secret::Secret, time::Instant};

/// What a sealed value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A pending authorization request, in a hidden field or a URL after a redirect.
    PendingRequest,
    /// The parameters of a cross-site POST to the authorization endpoint.
    PostedRequest,
    /// An authorization request that its client pushed (RFC 9126).
    PushedRequest,
    /// The parameters of a cross-site POST to the end session endpoint.
    PostedLogout,
    /// A request to sign out that waits for a tap, in a hidden field.
    PendingLogout,
    /// A form's proof that the page was made for this browser.
    Csrf,
    /// Who signed in before in a browser, in a cookie of it.
    KnownBrowser,
    /// A DPoP nonce: when it was issued.
    DpopNonce,
    /// A sign-in to the console under way, in a cookie of the browser.
    ConsoleSignIn,
    /// The answer to a request of the admin API that may be sent again, at rest.
    IdempotentAnswer,
    /// A key of a ring, at rest.
    KeyAtRest,
    /// The value that tells whether a root secret is this database's.
    RootCheck,
}

impl Purpose {
    const ALL: [Self; 12] = [
        Self::PendingRequest,
        Self::PostedRequest,
        Self::PushedRequest,
        Self::PostedLogout,
        Self::PendingLogout,
        Self::Csrf,
        Self::KnownBrowser,
        Self::DpopNonce,
        Self::ConsoleSignIn,
        Self::IdempotentAnswer,
        Self::KeyAtRest,
        Self::RootCheck,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::PendingRequest => "pending-request",
            Self::PostedRequest => "posted-request",
            Self::PushedRequest => "pushed-request",
            Self::PostedLogout => "posted-logout",
            Self::PendingLogout => "pending-logout",
            Self::Csrf => "csrf",
            Self::KnownBrowser => "known-browser",
            Self::DpopNonce => "dpop-nonce",
            Self::ConsoleSignIn => "console-sign-in",
            Self::IdempotentAnswer => "idempotent-answer",
            Self::KeyAtRest => "key-at-rest",
            Self::RootCheck => "root-check",
        }
    }
}

/// Why a sealed value did not open. Says nothing about what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not sealed by us, for something else, or changed on the way.
    #[error("this value was not made by this server, or it was changed")]
    NotOurs,
    /// It names a key that this sealer does not have.
    #[error("this value was sealed with a key that this server does not have")]
    UnknownKey,
    /// Sealed by us, and its time is over.
    #[error("this value has expired")]
    Expired,
}

/// Seals with the newest key and opens with every key that is still accepted.
pub struct Sealer {
    active: KeyId,
    keys: HashMap<(KeyId, Purpose), RandomizedNonceKey>,
    context: String,
}

const VERSION: u8 = 1;
const NONCE: usize = 12;
const HEADER: usize = 1 + 8 + NONCE;

/// The largest sealed text that is looked at. Pending requests are at most 4 KiB (`flows::pending`); a posted request may
/// be as long as this.
pub const MAX_SEALED: usize = 6 * 1024;

impl Sealer {
    /// A sealer from ring keys of 256 bits; `active` is the one that seals. `context` is authenticated with every
    /// value: one from another issuer does not open.
    pub fn new<'a>(
        active: KeyId,
        keys: impl IntoIterator<Item = (KeyId, &'a Secret<[u8; 32]>)>,
        context: impl Into<String>,
    ) -> Self {
        let mut derived = HashMap::new();
        for (id, secret) in keys {
            for purpose in Purpose::ALL {
                derived.insert((id, purpose), derive(secret, purpose));
            }
        }
        Self {
            active,
            keys: derived,
            context: context.into(),
        }
    }

    /// The value, unreadable and unchangeable, until `expires`; base64url.
    ///
    /// # Panics
    ///
    /// On a value that JSON cannot hold (a map whose keys are no strings): none of our types.
    pub fn seal<T: Serialize>(&self, purpose: Purpose, value: &T, expires: Instant) -> String {
        let plain = serde_json::to_vec(&(expires, value)).expect("sealed values have no maps with odd keys");
        Base64UrlUnpadded::encode_string(&self.seal_bytes(purpose, plain))
    }

    /// The value that was sealed for `purpose`, unless it has expired.
    pub fn open<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        text: &str,
        now: Instant,
    ) -> Result<T, SealError> {
        if text.len() > MAX_SEALED {
            return Err(SealError::NotOurs);
        }
        let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| SealError::NotOurs)?;
        let plain = self.open_bytes(purpose, bytes)?;
        let (expires, value): (Instant, T) =
            serde_json::from_slice(&plain).map_err(|_| SealError::NotOurs)?;
        if expires <= now {
            Err(SealError::Expired)
        } else {
            Ok(value)
        }
    }

    /// Seals bytes without expiry, for the database.
    ///
    /// # Panics
    ///
    /// On a value beyond the cipher's limit of 64 GiB.
    pub fn seal_bytes(&self, purpose: Purpose, mut plain: Vec<u8>) -> Vec<u8> {
        let key = &self.keys[&(self.active, purpose)];
        let nonce = key
            .seal_in_place_append_tag(self.aad(purpose), &mut plain)
            .expect("values are far below the cipher's limit");
        let mut sealed = Vec::with_capacity(HEADER + plain.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.active.to_bytes());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut plain);
        sealed
    }

    /// Opens what [`Self::seal_bytes`] made.
    pub fn open_bytes(&self, purpose: Purpose, mut sealed: Vec<u8>) -> Result<Vec<u8>, SealError> {
        if sealed.len() < HEADER || sealed[0] != VERSION {
            return Err(SealError::NotOurs);
        }
        let mut id = [0; 8];
        id.copy_from_slice(&sealed[1..9]);
        let key = self
            .keys
            .get(&(KeyId::from_bytes(id), purpose))
            .ok_or(SealError::UnknownKey)?;
        let nonce = Nonce::try_assume_unique_for_key(&sealed[9..HEADER]).map_err(|_| SealError::NotOurs)?;
        let length = key
            .open_in_place(nonce, self.aad(purpose), &mut sealed[HEADER..])
            .map_err(|_| SealError::NotOurs)?
            .len();
        sealed.drain(..HEADER);
        sealed.truncate(length);
        Ok(sealed)
    }

    fn aad(&self, purpose: Purpose) -> Aad<Vec<u8>> {
        Aad::from(format!("postern {VERSION} {} {}", purpose.label(), self.context).into_bytes())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

fn derive(secret: &Secret<[u8; 32]>, purpose: Purpose) -> RandomizedNonceKey {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"postern seal").extract(secret.expose());
    let mut key = [0; 32];
    prk.expand(&[purpose.label().as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("32 bytes is a length of HKDF-SHA-256");
    RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).expect("the key has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(context: &str) -> Sealer {
        Sealer::new(
            KeyId::from_bytes([7; 8]),
            [(KeyId::from_bytes([7; 8]), &Secret::new([1; 32]))],
            context,
        )
    }

    #[test]
    fn opens_only_for_its_purpose_its_issuer_and_its_time() {
        let (here, there) = (sealer("https://a"), sealer("https://b"));
        let (now, later) = (Instant::from_millis(0), Instant::from_millis(10));
        let text = here.seal(Purpose::Csrf, &"value", later);
        assert_eq!(here.open::<String>(Purpose::Csrf, &text, now), Ok("value".into()));
        assert_eq!(
            here.open::<String>(Purpose::PendingRequest, &text, now),
            Err(SealError::NotOurs)
        );
        assert_eq!(
            there.open::<String>(Purpose::Csrf, &text, now),
            Err(SealError::NotOurs)
        );
        assert_eq!(
            here.open::<String>(Purpose::Csrf, &text, later),
            Err(SealError::Expired)
        );
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let sealer = sealer("https://a");
        let bytes = sealer.seal_bytes(Purpose::KeyAtRest, b"key".to_vec());
        for byte in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[byte] ^= 1 << bit;
                assert!(
                    sealer.open_bytes(Purpose::KeyAtRest, other).is_err(),
                    "bit {bit} of byte {byte}"
                );
            }
            assert!(
                sealer
                    .open_bytes(Purpose::KeyAtRest, bytes[..byte].to_vec())
                    .is_err()
            );
        }
    }
}
