//! Tokens whose signature and claims were checked already: the same token again costs a digest and a lookup.
//!
//! What changes with time is not remembered: whether the token has expired, was revoked, and who presents it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use crate::revocations::Names;
use crate::{AccessToken, KeySet};

/// A token that was valid when it came first.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) token: AccessToken,
    pub(crate) names: Names,
}

/// By the SHA-256 of the token's text, in parts that are locked one by one; bounded.
#[derive(Debug, Default)]
pub(crate) struct VerifiedTokens {
    parts: [RwLock<Part>; PARTS],
}

/// Two generations: what was not used lately goes as a whole, without looking for it.
#[derive(Debug, Default)]
struct Part {
    /// The keys that all of them were checked with: with other keys, all are forgotten.
    keys: [u8; 32],
    newer: HashMap<[u8; 32], Arc<Verified>>,
    older: HashMap<[u8; 32], Arc<Verified>>,
    /// Of the newer ones, as text.
    bytes: usize,
}

impl VerifiedTokens {
    /// The token of this digest, if it was found valid by these keys.
    pub(crate) fn find(&self, digest: &[u8; 32], keys: &KeySet) -> Option<Arc<Verified>> {
        let part = self.part(digest).read().unwrap_or_else(PoisonError::into_inner);
        if part.keys != *keys.fingerprint() {
            return None;
        }
        if let Some(found) = part.newer.get(digest) {
            return Some(found.clone());
        }
        let found = part.older.get(digest)?.clone();
        drop(part);
        self.remember(*digest, keys, &found);
        Some(found)
    }

    pub(crate) fn remember(&self, digest: [u8; 32], keys: &KeySet, verified: &Arc<Verified>) {
        let mut part = self.write(&digest);
        if part.keys != *keys.fingerprint() {
            *part = Part {
                keys: *keys.fingerprint(),
                ..Part::default()
            };
        }
        let bytes = OVERHEAD + verified.token.bytes();
        if part.bytes + bytes > MOST_BYTES {
            part.older = std::mem::take(&mut part.newer);
            part.bytes = 0;
        }
        if part.newer.insert(digest, verified.clone()).is_none() {
            part.bytes += bytes;
        }
    }

    fn part(&self, digest: &[u8; 32]) -> &RwLock<Part> {
        &self.parts[usize::from(digest[0]) % PARTS]
    }

    fn write(&self, digest: &[u8; 32]) -> RwLockWriteGuard<'_, Part> {
        self.part(digest).write().unwrap_or_else(PoisonError::into_inner)
    }
}

const PARTS: usize = 16;
/// Of each generation in each part: 16 MiB in all, some 20,000 usual tokens.
const MOST_BYTES: usize = 512 * 1024;
/// Of each token: its places in the table, its digest, its lists and names.
const OVERHEAD: usize = 640;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    fn verified(sid: &str) -> Arc<Verified> {
        let token = AccessToken::sample(sid);
        let names = Names::of(&token);
        Arc::new(Verified { token, names })
    }

    fn keys(text: &str) -> KeySet {
        KeySet::from_jwks(format!(r#"{{"keys":[],"x":"{text}"}}"#)).unwrap()
    }

    #[test]
    fn other_keys_find_nothing_and_leave_nothing() {
        let (tokens, old, new) = (VerifiedTokens::default(), keys("old"), keys("new"));
        let digest = sha256(b"token");
        tokens.remember(digest, &old, &verified("a"));
        assert_eq!(
            tokens.find(&digest, &old).unwrap().token.sid.as_deref(),
            Some("a")
        );
        assert!(
            tokens.find(&digest, &keys("old")).is_some(),
            "the same text is the same set"
        );
        assert!(tokens.find(&digest, &new).is_none());
        assert!(tokens.find(&sha256(b"other"), &old).is_none());

        tokens.remember(digest, &new, &verified("b"));
        assert!(tokens.find(&digest, &old).is_none());
        assert_eq!(
            tokens.find(&digest, &new).unwrap().token.sid.as_deref(),
            Some("b")
        );
    }

    #[test]
    fn memory_is_bounded_and_who_comes_again_stays() {
        let (tokens, keys, often) = (VerifiedTokens::default(), keys(""), sha256(b"often"));
        let one = verified("a");
        tokens.remember(often, &keys, &one);
        for n in 0..100_000_u32 {
            tokens.remember(sha256(&n.to_be_bytes()), &keys, &one);
            if n % 100 == 0 {
                assert!(tokens.find(&often, &keys).is_some(), "{n}");
            }
        }
        let held: usize = (tokens.parts.iter())
            .map(|part| {
                let part = part.read().unwrap();
                part.newer.len() + part.older.len()
            })
            .sum();
        let most = 2 * PARTS * MOST_BYTES / (OVERHEAD + one.token.bytes());
        assert!((most / 2..=most).contains(&held), "{held} of {most}");
    }
}
