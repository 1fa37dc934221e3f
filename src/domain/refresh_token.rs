//! The refresh token: which session, the session's handle, which generation, and a MAC over it all.
//!
//! A stolen database has no handles and no key; a stolen MAC key has no handles. The MAC makes a flood of invented
//! tokens free for the database.

use std::{collections::HashMap, fmt};

use aws_lc_rs::hmac;
use base64ct::{Base64UrlUnpadded, Encoding};

use crate::base::{
    digest::Digest,
    entropy::Entropy,
    id::{DeviceSessionId, KeyId},
    secret::Secret,
};

/// What every refresh token begins with, for secret scanners and log redaction.
pub const PREFIX: &str = "pst_rt_";
const VERSION: u8 = 1;
const BODY: usize = 1 + 8 + 16 + 16 + 4;
const MAC: usize = 32;

/// 128 random bits drawn when the code is redeemed; in every refresh token of the session and nowhere else.
#[derive(Debug, Clone)]
pub struct Handle(Secret<[u8; 16]>);

impl Handle {
    /// A new handle.
    pub fn new(entropy: &Entropy) -> Self {
        Self(Secret::new(entropy.bytes()))
    }

    /// What the row keeps.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose())
    }
}

/// How often a device session's refresh token has been rotated, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u32);

impl Generation {
    /// The one that the code's redemption gives.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub fn successor(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// For the database.
    pub fn to_i64(self) -> i64 {
        i64::from(self.0)
    }

    /// From the database. A number outside the range is the last generation, which nothing follows.
    pub fn from_i64(number: i64) -> Self {
        Self(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

/// A refresh token whose MAC is right.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    /// The session.
    pub session: DeviceSessionId,
    /// The session's handle.
    pub handle: Handle,
    /// Which of the session's tokens this is.
    pub generation: Generation,
}

/// Makes and checks the MAC; every key of the ring is accepted, the active one makes new ones.
pub struct MacRing {
    active: KeyId,
    keys: HashMap<KeyId, hmac::Key>,
}

/// Why a text is not a refresh token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// We did not make it, or it was changed on the way.
    #[error("not a refresh token of this server")]
    Forged,
    /// It names a key that is not in this ring.
    #[error("the refresh token names a key that this server does not have")]
    UnknownKey,
}

impl MacRing {
    /// A ring from keys of 256 bits.
    pub fn new<'a>(active: KeyId, keys: impl IntoIterator<Item = (KeyId, &'a Secret<[u8; 32]>)>) -> Self {
        let keys = keys
            .into_iter()
            .map(|(id, key)| (id, hmac::Key::new(hmac::HMAC_SHA256, key.expose())));
        Self {
            active,
            keys: keys.collect(),
        }
    }

    /// The text of a token, 109 characters.
    pub fn encode(&self, token: &RefreshToken) -> Secret<String> {
        let mut bytes = [0; BODY + MAC];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.active.to_bytes());
        bytes[9..25].copy_from_slice(&token.session.to_bytes());
        bytes[25..41].copy_from_slice(token.handle.0.expose());
        bytes[41..BODY].copy_from_slice(&token.generation.0.to_be_bytes());
        let mac = hmac::sign(&self.keys[&self.active], &bytes[..BODY]);
        bytes[BODY..].copy_from_slice(mac.as_ref());
        Secret::new(format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes)))
    }

    /// The token in a text, if we made it.
    pub fn parse(&self, text: &str) -> Result<RefreshToken, NotOurs> {
        let mut buffer = [0; BODY + MAC];
        let text = text.strip_prefix(PREFIX).ok_or(NotOurs::Forged)?;
        let bytes = Base64UrlUnpadded::decode(text, &mut buffer).map_err(|_| NotOurs::Forged)?;
        if bytes.len() != BODY + MAC || bytes[0] != VERSION {
            return Err(NotOurs::Forged);
        }
        let key = self
            .keys
            .get(&KeyId::from_bytes(array(&bytes[1..9])))
            .ok_or(NotOurs::UnknownKey)?;
        hmac::verify(key, &bytes[..BODY], &bytes[BODY..]).map_err(|_| NotOurs::Forged)?;
        Ok(RefreshToken {
            session: DeviceSessionId::from_bytes(array(&bytes[9..25])),
            handle: Handle(Secret::new(array(&bytes[25..41]))),
            generation: Generation(u32::from_be_bytes(array(&bytes[41..BODY]))),
        })
    }
}

impl fmt::Debug for MacRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacRing")
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cuts to the length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Instant;

    #[test]
    fn every_changed_character_is_noticed() {
        let (entropy, key) = (Entropy::seeded(1), Secret::new([3; 32]));
        let id = KeyId::new(&entropy);
        let ring = MacRing::new(id, [(id, &key)]);
        let session = DeviceSessionId::new(Instant::from_millis(0), &entropy);
        let token = RefreshToken {
            session,
            handle: Handle::new(&entropy),
            generation: Generation::FIRST,
        };
        let text = ring.encode(&token).expose().clone();
        let read = ring.parse(&text).expect("ours");
        assert_eq!(
            (read.session, read.generation, read.handle.digest()),
            (session, Generation::FIRST, token.handle.digest())
        );
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = ring.parse(&String::from_utf8(other).expect("ascii"));
            assert!(other.is_err(), "at {at}");
            assert_eq!(ring.parse(&text[..at]).map(|_| ()), Err(NotOurs::Forged));
        }
    }
}
