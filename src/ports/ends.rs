//! What ended lately, in memory: a database that went back (a restored backup, a replica that lagged when it took over)
//! may say that it lives. Looked at before each answer that an ended session must not get.
//!
//! Filled by this node's own ends before anybody is told of them, and by the poll with those of others.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash, RandomState},
    sync::{PoisonError, RwLock},
};

use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, KeyId},
        time::{Instant, Lifetime},
    },
    store::{
        ending::EndedSessions,
        revocations::{CLIENT, KEY, Name, SESSION, TOKEN},
    },
};

/// How long an end is remembered: longer than a failover takes, short enough to bound what is kept.
pub const REMEMBERED: Lifetime = Lifetime::from_secs(3600);

/// Every end of the last hour.
#[derive(Debug, Default)]
pub struct Ends {
    /// Device sessions, with when they ended.
    pub devices: Recent<DeviceSessionId, Instant>,
    /// Browser sessions, with when they ended.
    pub browsers: Recent<BrowserSessionId, Instant>,
    /// What resource servers must refuse, as long as that is so.
    pub revocations: Recent<Name, Revocation>,
}

/// A revocation in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// The session of a single token.
    pub session: Option<DeviceSessionId>,
    /// Until when somebody may hold what is revoked.
    pub until: Instant,
    /// When it was recorded.
    pub recorded_at: Instant,
}

impl Ends {
    /// Remembers what a change ended.
    pub fn remember(&self, ended: &EndedSessions) {
        for id in &ended.browsers {
            self.browsers.insert(*id, ended.at);
        }
        for (id, activated_at) in &ended.devices {
            self.devices.insert(*id, ended.at);
            if activated_at.is_some() {
                let revocation = Revocation {
                    session: None,
                    until: ended.until,
                    recorded_at: ended.at,
                };
                self.revocations
                    .insert((SESSION.to_owned(), id.to_bytes().to_vec()), revocation);
            }
        }
    }

    /// Remembers a single access token that was revoked. Its first revocation is the one that is listed.
    pub fn remember_token(
        &self,
        jti: Vec<u8>,
        session: Option<DeviceSessionId>,
        until: Instant,
        recorded_at: Instant,
    ) {
        let name = (TOKEN.to_owned(), jti);
        if !self.revocations.contains(&name) {
            let revocation = Revocation {
                session,
                until,
                recorded_at,
            };
            self.revocations.insert(name, revocation);
        }
    }

    /// Remembers that the tokens of a client are refused that it got for itself.
    pub fn remember_client(&self, client: &ClientId, until: Instant, recorded_at: Instant) {
        let name = (CLIENT.to_owned(), client.as_str().as_bytes().to_vec());
        let revocation = Revocation {
            session: None,
            until,
            recorded_at,
        };
        self.revocations.insert(name, revocation);
    }

    /// Remembers that what a key signed is refused.
    pub fn remember_key(&self, key: KeyId, until: Instant, recorded_at: Instant) {
        let revocation = Revocation {
            session: None,
            until,
            recorded_at,
        };
        self.revocations
            .insert((KEY.to_owned(), key.to_string().into_bytes()), revocation);
    }

    /// Whether a session has ended whose access tokens may still live.
    pub fn has_session(&self, session: DeviceSessionId) -> bool {
        self.devices.contains(&session)
            || self
                .revocations
                .contains(&(SESSION.to_owned(), session.to_bytes().to_vec()))
    }

    /// Whether a single access token was revoked.
    pub fn has_token(&self, jti: &[u8]) -> bool {
        self.revocations.contains(&(TOKEN.to_owned(), jti.to_vec()))
    }

    /// Forgets what ended more than an hour ago, and revocations that are not in force any more.
    pub fn forget(&self, now: Instant) {
        let since = now.minus(REMEMBERED);
        self.devices.keep(|at| *at > since);
        self.browsers.keep(|at| *at > since);
        self.revocations.keep(|revocation| revocation.until > now);
    }
}

/// How many parts a memory has, so that nobody waits for a lock that somebody else holds.
const PARTS: usize = 16;

/// Values by name, in parts that are locked one by one.
#[derive(Debug)]
pub struct Recent<K, V> {
    parts: [RwLock<HashMap<K, V>>; PARTS],
    hasher: RandomState,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            parts: Default::default(),
            hasher: RandomState::new(),
        }
    }
}

impl<K: Hash + Ord + Clone, V: Copy> Recent<K, V> {
    fn part(&self, name: &K) -> &RwLock<HashMap<K, V>> {
        // The remainder is less than the number of parts.
        let place = self.hasher.hash_one(name) % PARTS as u64;
        &self.parts[usize::try_from(place).unwrap_or(0)]
    }

    /// Remembers a value, in place of an older one.
    pub fn insert(&self, name: K, value: V) {
        let mut part = self.part(&name).write().unwrap_or_else(PoisonError::into_inner);
        part.insert(name, value);
    }

    /// Whether there is one.
    pub fn contains(&self, name: &K) -> bool {
        let part = self.part(name).read().unwrap_or_else(PoisonError::into_inner);
        part.contains_key(name)
    }

    /// What is remembered and not among `known`, in the order of the names: nodes that write it at once lock the same
    /// rows in the same order.
    pub fn not_among(&self, known: &HashSet<K>) -> Vec<(K, V)> {
        let mut found = Vec::new();
        for part in &self.parts {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            let missing = part.iter().filter(|(name, _)| !known.contains(name));
            found.extend(missing.map(|(name, value)| (name.clone(), *value)));
        }
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// Forgets the values of which `keep` says no.
    fn keep(&self, keep: impl Fn(&V) -> bool) {
        for part in &self.parts {
            let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
            part.retain(|_, value| keep(value));
            // A great end is not held in memory for ever after it is forgotten.
            if part.capacity() > 1024 && part.len() < part.capacity() / 4 {
                part.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::Entropy;

    #[test]
    fn an_end_is_remembered_for_an_hour_and_a_revocation_until_it_is_over() {
        let (ends, entropy) = (Ends::default(), Entropy::seeded(3));
        let at = Instant::from_millis(1_790_000_000_000);
        let id = DeviceSessionId::new(at, &entropy);
        let granted = DeviceSessionId::new(at, &entropy);
        let until = at.plus(Lifetime::from_secs(420));
        ends.remember(&EndedSessions {
            at,
            until,
            browsers: Vec::new(),
            devices: vec![(id, Some(at)), (granted, None)],
        });
        let revoked = (SESSION.to_owned(), id.to_bytes().to_vec());
        assert_eq!(
            ends.revocations.not_among(&HashSet::new()).len(),
            1,
            "tokens had one"
        );
        for (later, session, revocation) in [
            (Lifetime::from_secs(419), true, true),
            (Lifetime::from_secs(420), true, false),
            (Lifetime::from_secs(3599), true, false),
            (REMEMBERED, false, false),
        ] {
            ends.forget(at.plus(later));
            assert_eq!(ends.devices.contains(&id), session, "{later}");
            assert_eq!(ends.devices.contains(&granted), session, "{later}");
            assert_eq!(ends.revocations.contains(&revoked), revocation, "{later}");
        }
    }
}
