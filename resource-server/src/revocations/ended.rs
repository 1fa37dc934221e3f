//! What has ended: a set that many read at once and one task writes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use super::parser::{Revocation, RevocationKind, StreamError};
use crate::AccessToken;
use crate::digest::sha256;

/// Half a SHA-256 over a kind and an id: two ids that share one cannot be found, and all have the same small size.
type Name = [u8; 16];

/// The names by which a token can be meant. Made once for each token, when it is verified.
#[derive(Debug)]
pub(crate) struct Names {
    /// Its session; without one, its client.
    whose: Name,
    token: Name,
    key: Name,
    /// When the token expires.
    exp: u64,
}

impl Names {
    pub(crate) fn of(token: &AccessToken) -> Self {
        let whose = token.sid.as_ref().map_or_else(
            || name(RevocationKind::Client, &token.client_id),
            |sid| name(RevocationKind::Session, sid),
        );
        Self {
            whose,
            token: name(RevocationKind::Token, &token.jti),
            key: name(RevocationKind::Key, &token.kid),
            exp: token.exp,
        }
    }
}

fn name(kind: RevocationKind, id: &str) -> Name {
    let kind = match kind {
        RevocationKind::Session => 's',
        RevocationKind::Token => 't',
        RevocationKind::Client => 'c',
        RevocationKind::Key => 'k',
    };
    let mut name = Name::default();
    name.copy_from_slice(&sha256(format!("{kind}{id}").as_bytes())[..16]);
    name
}

/// In parts that are locked one by one, for as long as a lookup takes.
///
/// Nothing is ever taken out before its time, also when a new snapshot does not have it: an end is final, and a snapshot
/// may come from a node that has not heard of it yet.
#[derive(Debug, Default)]
pub(crate) struct EndedSet {
    parts: [RwLock<HashMap<Name, Ended>>; PARTS],
    len: AtomicUsize,
    /// The latest time at which something was forgotten, in seconds since 1970.
    forgot_at: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    issued_before: u64,
    until: u64,
}

impl EndedSet {
    /// What is said twice holds as far as either says.
    pub(crate) fn add(&self, revocation: &Revocation) -> Result<(), StreamError> {
        let name = name(revocation.kind, &revocation.id);
        let issued_before = match revocation.kind {
            // Who has stolen a key writes any time into the tokens that it makes.
            RevocationKind::Key => u64::MAX,
            _ => revocation.issued_before,
        };
        let mut part = self.part(&name).write().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = part.get_mut(&name) {
            ended.issued_before = ended.issued_before.max(issued_before);
            ended.until = ended.until.max(revocation.until);
            return Ok(());
        }
        if self.len() >= MOST {
            return Err(StreamError::TooMany);
        }
        self.len.fetch_add(1, Ordering::Relaxed);
        let ended = Ended {
            issued_before,
            until: revocation.until,
        };
        part.insert(name, ended);
        Ok(())
    }

    /// Whether a token issued at `iat` has ended by any of its names. So has one that had expired when its end may have been
    /// forgotten: a clock that is set back makes it no younger.
    pub(crate) fn has(&self, names: &Names, iat: u64) -> bool {
        if names.exp.saturating_add(LEEWAY) <= self.forgot_at.load(Ordering::Acquire) {
            return true;
        }
        [&names.whose, &names.token, &names.key].into_iter().any(|name| {
            let part = self.part(name).read().unwrap_or_else(PoisonError::into_inner);
            part.get(name).is_some_and(|ended| iat <= ended.issued_before)
        })
    }

    /// Forgets what no token can mean any more; `now` in seconds since 1970. A token is accepted for the leeway longer than
    /// it lives, so its end is kept for as long.
    pub(crate) fn forget(&self, now: u64) {
        self.forgot_at.fetch_max(now, Ordering::AcqRel);
        for part in &self.parts {
            let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
            let before = part.len();
            part.retain(|_, ended| ended.until.saturating_add(LEEWAY) > now);
            self.len.fetch_sub(before - part.len(), Ordering::Relaxed);
            if part.len() < part.capacity() / 4 {
                let room = part.len() * 2;
                part.shrink_to(room);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn part(&self, name: &Name) -> &RwLock<HashMap<Name, Ended>> {
        &self.parts[usize::from(name[0]) % PARTS]
    }
}

/// The longest that the settings allow, in seconds.
pub(crate) const LEEWAY: u64 = crate::discover::MAX_LEEWAY.as_secs();
const PARTS: usize = 16;
/// About 200 MB. A stream with more is not followed: what an API cannot hold it cannot refuse.
pub(crate) const MOST: usize = 4_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(kind: RevocationKind, id: &str, issued_before: u64, until: u64) -> Revocation {
        Revocation {
            kind,
            id: id.to_owned(),
            issued_before,
            until,
        }
    }

    fn names(kind: RevocationKind, id: &str) -> Names {
        let none = Name::default();
        let name = name(kind, id);
        match kind {
            RevocationKind::Session | RevocationKind::Client => Names {
                whose: name,
                token: none,
                key: none,
                exp: u64::MAX,
            },
            RevocationKind::Token => Names {
                whose: none,
                token: name,
                key: none,
                exp: u64::MAX,
            },
            RevocationKind::Key => Names {
                whose: none,
                token: none,
                key: name,
                exp: u64::MAX,
            },
        }
    }

    #[test]
    fn each_kind_means_its_own_and_what_was_issued_until_then() {
        use RevocationKind::{Client, Key, Session, Token};
        for kind in [Session, Token, Client, Key] {
            let set = EndedSet::default();
            set.add(&revocation(kind, "x", 100, 500)).unwrap();
            assert!(set.has(&names(kind, "x"), 100), "{kind:?}");
            assert_eq!(set.has(&names(kind, "x"), 101), kind == Key, "{kind:?}");
            assert!(!set.has(&names(kind, "y"), 100), "{kind:?}");
            for other in [Session, Token, Client, Key] {
                assert_eq!(
                    set.has(&names(other, "x"), 100),
                    kind == other,
                    "{kind:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn said_twice_it_holds_as_far_as_either_says() {
        let set = EndedSet::default();
        let session = names(RevocationKind::Session, "x");
        for (issued_before, until) in [(100, 500), (50, 900), (200, 400)] {
            set.add(&revocation(RevocationKind::Session, "x", issued_before, until))
                .unwrap();
        }
        assert_eq!(set.len(), 1);
        assert!(set.has(&session, 200) && !set.has(&session, 201));
        set.forget(899 + LEEWAY);
        assert!(set.has(&session, 200));
        set.forget(900 + LEEWAY);
        assert!(!set.has(&session, 200));
        assert_eq!(set.len(), 0);
    }

    #[test]
    fn a_token_that_had_expired_when_its_end_was_forgotten_stays_refused() {
        let set = EndedSet::default();
        set.add(&revocation(RevocationKind::Session, "x", 100, 500))
            .unwrap();
        let of = |exp| Names {
            exp,
            ..names(RevocationKind::Session, "x")
        };
        set.forget(500 + LEEWAY);
        // The clock was right, and is set back after that.
        set.forget(10);
        assert_eq!(set.len(), 0);
        assert!(set.has(&of(500), 100), "it could be presented again");
        assert!(!set.has(&of(501), 101), "one that lives");
    }

    #[test]
    fn a_hundred_thousand_take_less_than_ten_megabytes() {
        let set = EndedSet::default();
        for id in 0..100_000 {
            let id = format!("019ab2c4-7f00-7000-8000-{id:012x}");
            set.add(&revocation(RevocationKind::Session, &id, 1, 10)).unwrap();
        }
        // A table has a power of two of places, of which it fills seven eighths, and a byte for each beside the entry.
        let each = size_of::<(Name, Ended)>() + 1;
        let places = |capacity: usize| (capacity * 8 / 7).next_power_of_two();
        let bytes: usize = (set.parts.iter())
            .map(|part| places(part.read().unwrap().capacity()) * each)
            .sum();
        assert_eq!((set.len(), each), (100_000, 33));
        assert!(bytes < 5_000_000, "{bytes}");
    }

    #[test]
    fn what_is_forgotten_gives_its_memory_back() {
        let set = EndedSet::default();
        for id in 0..10_000 {
            set.add(&revocation(
                RevocationKind::Session,
                &id.to_string(),
                1,
                10 + u64::from(id > 99),
            ))
            .unwrap();
        }
        set.forget(10 + LEEWAY);
        assert_eq!(set.len(), 9_900);
        set.forget(11 + LEEWAY);
        let room: usize = set.parts.iter().map(|part| part.read().unwrap().capacity()).sum();
        assert_eq!((set.len(), room), (0, 0));
    }
}
