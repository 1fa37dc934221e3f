//! How a ring moves on: from when a key is used, until when it is accepted, and what is due.
//!
//! A new key is known everywhere before it is used: nodes look at the ring every 15 seconds or sooner, verifiers keep
//! the published keys for [`JWKS_MAX_AGE`]. An old key is accepted until the last thing that it made has expired.

use crate::{
    base::{
        id::KeyId,
        time::{Instant, Lifetime},
    },
    domain::key::{KeyInfo, KeyState, Ring},
};

/// How long a verifier may keep the published keys (RFC 9111 section 5.2.2.1).
pub const JWKS_MAX_AGE: Lifetime = Lifetime::from_secs(600);
/// The oldest that a ring in the memory of a node may be when it is used.
pub const RING_MAX_AGE: Lifetime = Lifetime::from_secs(15);
/// How much longer than what it made a key is accepted: for answers under way and clocks that differ.
const GRACE: Lifetime = Lifetime::from_secs(600);
/// What is told to the second must not be told too early.
const ALMOST_A_SECOND: Lifetime = Lifetime::from_millis(999);
/// How many signing keys may be retiring. Verifiers refuse sets of published keys that are too large; ours has its
/// limit at 64.
const MOST_RETIRING: usize = 16;

/// The shortest time in which a signing key may be used, when what it signs lives for `life`: so long that the key
/// before it is gone when the next one comes.
pub const fn shortest(life: Lifetime) -> Lifetime {
    let ahead = Ring::SigningEs256.ahead().millis();
    Lifetime::from_millis(life.millis() + ahead + GRACE.millis())
}

impl Ring {
    /// How long a key is in the database before it is used: two looks of every node at the ring, and for a signing key
    /// as long as verifiers keep the published keys.
    pub const fn ahead(self) -> Lifetime {
        let nodes = 2 * RING_MAX_AGE.millis();
        match self {
            Self::SigningEs256 | Self::SigningRs256 => Lifetime::from_millis(nodes + JWKS_MAX_AGE.millis()),
            Self::Mac | Self::Seal => Lifetime::from_millis(nodes),
        }
    }
}

impl KeyInfo {
    /// When a retiring key is gone.
    pub fn gone_at(&self) -> Option<Instant> {
        match self.state {
            KeyState::Retiring { since } => Some(since.plus(self.longest_life).plus(GRACE)),
            _ => None,
        }
    }
}

/// A retirement that began before this, with the life of what the key made added, is over at `now`.
pub fn retired_before(now: Instant) -> Instant {
    now.minus(GRACE)
}

/// What is due in a ring, as one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The active key that retires.
    pub retire: Option<KeyId>,
    /// The next key that becomes active.
    pub activate: Option<KeyId>,
    /// The keys that are made, each in this state.
    pub make: Vec<KeyState>,
}

impl Rotation {
    /// The ring stays as it is.
    pub const fn nothing() -> Self {
        Self {
            retire: None,
            activate: None,
            make: Vec::new(),
        }
    }
}

/// What happens to a ring whose active key may be known to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The keys that are gone at once: what they made is refused.
    pub withdraw: Vec<KeyId>,
    /// How the ring goes on.
    pub rotation: Rotation,
}

/// It is too early to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be rotated before {}: {why}", .from.plus(ALMOST_A_SECOND).to_rfc3339())]
pub struct TooEarly {
    /// From when on it may be done.
    pub from: Instant,
    /// Why not now.
    pub why: &'static str,
}

/// The keys of one ring, without those that are gone.
#[derive(Debug, Clone)]
pub struct RingKeys<'a> {
    ring: Ring,
    active: Option<(&'a KeyInfo, Instant)>,
    next: Option<&'a KeyInfo>,
    retiring: Vec<&'a KeyInfo>,
}

impl<'a> RingKeys<'a> {
    /// Those of `ring` among `keys`.
    pub fn of(ring: Ring, keys: &'a [KeyInfo]) -> Self {
        let mut own = Self {
            ring,
            active: None,
            next: None,
            retiring: Vec::new(),
        };
        for key in keys.iter().filter(|key| key.ring == ring) {
            match key.state {
                KeyState::Next => own.next = Some(key),
                KeyState::Active { since } => own.active = Some((key, since)),
                KeyState::Retiring { .. } => own.retiring.push(key),
                KeyState::Gone { .. } => {}
            }
        }
        own
    }

    /// Whether there is no key at all: a ring that nobody has asked for.
    pub fn is_empty(&self) -> bool {
        self.active.is_none() && self.next.is_none() && self.retiring.is_empty()
    }

    /// When the next key takes the place of the active one.
    pub fn rotates_at(&self, rotate_every: Lifetime) -> Option<Instant> {
        let (_, since) = self.active?;
        Some(since.plus(rotate_every).max(self.ready_at()?))
    }

    /// From when on the next key may be used.
    fn ready_at(&self) -> Option<Instant> {
        Some(self.next?.created_at.plus(self.ring.ahead()))
    }

    /// The rotation that is due at `now`.
    pub fn due(&self, rotate_every: Lifetime, now: Instant) -> Option<Rotation> {
        let missing = self.missing(now);
        missing.or_else(|| (self.rotates_at(rotate_every)? <= now).then(|| self.rotation()))
    }

    /// What makes an incomplete ring complete. Without an active key nothing works, so the first becomes active at
    /// once.
    pub fn missing(&self, now: Instant) -> Option<Rotation> {
        let make = match (self.active, self.next) {
            (Some(_), Some(_)) => return None,
            (None, Some(_)) => return Some(self.rotation()),
            (Some(_), None) => vec![KeyState::Next],
            (None, None) => vec![KeyState::Active { since: now }, KeyState::Next],
        };
        Some(Rotation {
            retire: None,
            activate: None,
            make,
        })
    }

    /// The rotation before it is due.
    pub fn rotation_before_due(&self, now: Instant) -> Result<Rotation, TooEarly> {
        if let Some(rotation) = self.missing(now) {
            return Ok(rotation);
        }
        if self.ring.is_signing() && self.retiring.len() >= MOST_RETIRING {
            let from = self.retiring.iter().filter_map(|key| key.gone_at()).min();
            let why = "so many old keys are published already that verifiers may refuse the list";
            return Err(TooEarly {
                from: from.unwrap_or(now),
                why,
            });
        }
        match self.ready_at() {
            Some(from) if from > now => Err(TooEarly {
                from,
                why: "the next key is so new that other servers and verifiers may not have it, and would refuse what \
                      it makes",
            }),
            _ => Ok(self.rotation()),
        }
    }

    /// The rotation of a ring whose active key may be known to others: nothing waits for its time. With `all`, every key that
    /// lay beside it goes too, and new ones are made.
    pub fn withdrawal(&self, all: bool, now: Instant) -> Withdrawal {
        let active = self.active.map(|(key, _)| key.id);
        let next = self.next.map(|key| key.id);
        // What a key of the MAC ring made stays good: a refresh token has a handle that no key gives.
        let keeps = self.ring == Ring::Mac;
        let renew = vec![KeyState::Active { since: now }, KeyState::Next];
        let mut withdraw: Vec<KeyId> = active.filter(|_| !keeps).into_iter().collect();
        let mut rotation = Rotation {
            retire: active.filter(|_| keeps),
            activate: next,
            make: vec![KeyState::Next],
        };
        if all {
            withdraw.extend(next);
            if !keeps {
                withdraw.extend(self.retiring.iter().map(|key| key.id));
            }
            rotation.activate = None;
        }
        if rotation.activate.is_none() {
            rotation.make = renew;
        }
        Withdrawal { withdraw, rotation }
    }

    fn rotation(&self) -> Rotation {
        Rotation {
            retire: self.active.map(|(key, _)| key.id),
            activate: self.next.map(|key| key.id),
            make: vec![KeyState::Next],
        }
    }
}
