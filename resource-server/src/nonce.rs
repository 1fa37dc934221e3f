//! DPoP nonces of an API (RFC 9449 section 9) that need no storage: a time, and a MAC over it.

use std::fmt;

use aws_lc_rs::hmac;
use base64ct::{Base64UrlUnpadded, Encoding};

use crate::proof::{NonceTime, OLD_NONCE};

/// Makes nonces and knows its own again; so do all who have the same secret.
pub(crate) struct NonceKey(hmac::Key);

impl NonceKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// What time it is, in a form that only this key can make.
    pub(crate) fn issue(&self, now: u64) -> String {
        let time = now.to_be_bytes();
        let tag = hmac::sign(&self.0, &time);
        Base64UrlUnpadded::encode_string(&[&time, tag.as_ref()].concat())
    }

    /// When a nonce was issued, if by this key and not too long ago.
    pub(crate) fn issued(&self, nonce: &str, now: u64) -> NonceTime {
        match self.read(nonce) {
            Some(at) if at > now.saturating_add(AHEAD) => NonceTime::Unknown,
            Some(at) if now < at.saturating_add(NONCE_LIFE) => NonceTime::At(at),
            Some(at) if now < at.saturating_add(OLD_NONCE) => NonceTime::Old,
            _ => NonceTime::Unknown,
        }
    }

    fn read(&self, nonce: &str) -> Option<u64> {
        let mut bytes = [0; 40];
        let decoded = Base64UrlUnpadded::decode(nonce, &mut bytes).ok()?;
        let (time, tag) = decoded.split_first_chunk::<8>()?;
        hmac::verify(&self.0, time, tag).ok()?;
        Some(u64::from_be_bytes(*time))
    }
}

/// The secret is not printed.
impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey")
    }
}

/// How long a nonce is good, in seconds.
const NONCE_LIFE: u64 = 300;
/// How far the clocks of an API's instances may differ, in seconds.
const AHEAD: u64 = 30;
/// The longest that a proof with a nonce can be used, in seconds.
pub(crate) const NONCE_WINDOW: u64 = NONCE_LIFE + AHEAD + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_five_minutes_with_its_key() {
        let (key, other) = (NonceKey::new(&[1; 32]), NonceKey::new(&[2; 32]));
        let nonce = key.issue(1000);
        for (now, known) in [
            (969, NonceTime::Unknown),
            (970, NonceTime::At(1000)),
            (1000, NonceTime::At(1000)),
            (1299, NonceTime::At(1000)),
            (1300, NonceTime::Old),
            (4599, NonceTime::Old),
            (4600, NonceTime::Unknown),
        ] {
            assert_eq!(key.issued(&nonce, now), known, "{now}");
        }
        assert_eq!(other.issued(&nonce, 1000), NonceTime::Unknown);
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(key.issued(&changed, 1000), NonceTime::Unknown, "{at}");
            assert_eq!(key.issued(&nonce[..at], 1000), NonceTime::Unknown, "{at}");
        }
    }
}
