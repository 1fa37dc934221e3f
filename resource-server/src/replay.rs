//! Which proofs were used already (RFC 9449 section 11.1), in memory.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Proof;

/// Remembers proofs for as long as they could be used again; bounded.
///
/// Each process remembers its own: behind a load balancer a proof may be used once at each. What a replay could gain
/// needs the same key's next proof anyway, and the token beside it.
///
/// When it is full the oldest are forgotten before their time, and nobody is refused: anybody can make proofs with keys
/// of their own, and would otherwise shut everybody else out.
pub struct ReplayMemory {
    /// In parts that are locked one by one, so that nobody waits for a lock that somebody else holds.
    parts: [Mutex<Part>; PARTS],
    /// With a secret of this process: nobody can find two proofs that look alike.
    hasher: RandomState,
    window: u64,
}

/// Two generations: what is old is forgotten as a whole, without looking for it.
#[derive(Default)]
struct Part {
    since: u64,
    newer: HashSet<u64>,
    older: HashSet<u64>,
}

impl ReplayMemory {
    /// For proofs that can be used for `window` seconds from their first use.
    pub fn new(window: u64) -> Self {
        Self {
            parts: Default::default(),
            hasher: RandomState::new(),
            window,
        }
    }

    /// Whether this is the first use of the proof, at `now` (seconds since 1970); remembers it.
    pub fn first_use(&self, proof: &Proof, now: u64) -> bool {
        // By key too: nobody can use up the ids of somebody else.
        let name = self.hasher.hash_one((proof.thumbprint, &proof.jti));
        // The remainder is less than the number of parts.
        let place = usize::try_from(name % PARTS as u64).unwrap_or(0);
        let mut part = lock(&self.parts[place]);
        part.turn(now, self.window);
        if part.newer.len() >= MOST {
            part.older = std::mem::take(&mut part.newer);
            part.since = now;
        }
        !part.older.contains(&name) && part.newer.insert(name)
    }

    /// Forgets what is over. Whoever remembers more does so too; this is for the memory of those who have nothing to do.
    pub fn forget(&self, now: u64) {
        for part in &self.parts {
            lock(part).turn(now, self.window);
        }
    }
}

impl Part {
    /// What was remembered a whole window before the newer generation began can go.
    fn turn(&mut self, now: u64, window: u64) {
        let age = now.saturating_sub(self.since);
        if age >= window {
            self.older = std::mem::take(&mut self.newer);
            self.since = now;
        }
        if age >= window.saturating_mul(2) {
            self.older = HashSet::new();
        }
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for ReplayMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayMemory")
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

const PARTS: usize = 16;
/// Of each generation in each part: what a table of 2^15 places holds, nine bytes each, so 9 MiB in all when full. That is
/// 450 thousand proofs in each generation.
const MOST: usize = 28_672;

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(thumbprint: u8, jti: u64) -> Proof {
        Proof {
            thumbprint: [thumbprint; 32],
            jti: jti.to_string(),
            made_at: 0,
        }
    }

    #[test]
    fn a_proof_is_used_once_for_at_least_the_window_and_forgotten_after_two() {
        let memory = ReplayMemory::new(100);
        assert!(memory.first_use(&proof(1, 1), 1000));
        assert!(memory.first_use(&proof(2, 1), 1000), "another key's");
        for later in [1000, 1050, 1099, 1100] {
            assert!(!memory.first_use(&proof(1, 1), later), "{later}");
        }
        // Whenever its generation began, what is used at 1199 is remembered until 1299 at least.
        assert!(memory.first_use(&proof(1, 2), 1199));
        memory.forget(1200);
        assert!(!memory.first_use(&proof(1, 2), 1299));
        memory.forget(2000);
        assert!(memory.first_use(&proof(1, 1), 2000));
    }

    #[test]
    fn a_flood_pushes_the_oldest_out_and_memory_is_bounded() {
        let memory = ReplayMemory::new(100);
        let all = 3 * PARTS * MOST;
        for jti in 0..all as u64 {
            memory.first_use(&proof(1, jti), 1000);
        }
        let held: usize = memory
            .parts
            .iter()
            .map(|part| {
                let part = lock(part);
                part.newer.len() + part.older.len()
            })
            .sum();
        assert!(held <= 2 * PARTS * MOST, "{held}");
        assert!(
            !memory.first_use(&proof(1, all as u64 - 1), 1000),
            "the newest is there"
        );
        assert!(memory.first_use(&proof(2, 1), 1000), "nobody is refused");
    }
}
