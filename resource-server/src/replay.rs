//! Which proofs were used already (RFC 9449 section 11.1), in memory.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{OLD_NONCE, PROOF_LEEWAY, Proof};

/// Remembers proofs for as long as they could be used again; bounded.
///
/// Each process remembers its own: behind a load balancer a proof may be used once at each. What a replay could gain
/// needs the same key's next proof anyway, and the token beside it.
///
/// A proof by a clock that is fast is remembered for longer where a nonce made it good: until its own time has come, or the
/// nonce in it is too old for that ([`OLD_NONCE`]).
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

#[derive(Default)]
struct Part {
    now: Generations,
    /// Those whose time is still to come.
    ahead: Generations,
}

/// Two generations: what is old is forgotten as a whole, without looking for it.
#[derive(Default)]
struct Generations {
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
        if part.now.has(name) || part.ahead.has(name) {
            return false;
        }
        part.now.add(name, now, MOST);
        let by_iat_until = proof.iat.saturating_add(PROOF_LEEWAY);
        if by_iat_until >= now.saturating_add(self.window) && by_iat_until <= now.saturating_add(AHEAD) {
            part.ahead.add(name, now, MOST_AHEAD);
        }
        true
    }

    /// Forgets what is over. Whoever remembers more does so too; this is for the memory of those who have nothing to do.
    pub fn forget(&self, now: u64) {
        for part in &self.parts {
            lock(part).turn(now, self.window);
        }
    }
}

impl Part {
    fn turn(&mut self, now: u64, window: u64) {
        self.now.turn(now, window);
        self.ahead.turn(now, AHEAD);
    }
}

impl Generations {
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

    fn has(&self, name: u64) -> bool {
        self.newer.contains(&name) || self.older.contains(&name)
    }

    fn add(&mut self, name: u64, now: u64, most: usize) {
        if self.newer.len() >= most {
            self.older = std::mem::take(&mut self.newer);
            self.since = now;
        }
        self.newer.insert(name);
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
/// Of those whose time is still to come, which are few: a quarter.
const MOST_AHEAD: usize = MOST / 4;
/// How long those are remembered, in seconds: until the nonce in them is too old, by the clock of any instance.
const AHEAD: u64 = OLD_NONCE + 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(thumbprint: u8, jti: u64) -> Proof {
        Proof {
            thumbprint: [thumbprint; 32],
            jti: jti.to_string(),
            made_at: 0,
            iat: 0,
        }
    }

    #[test]
    fn a_proof_of_a_fast_clock_is_remembered_until_its_time_is_over() {
        let memory = ReplayMemory::new(100);
        let fast = |iat: u64| Proof { iat, ..proof(1, iat) };
        for ahead in [91, 100, 600, 3600] {
            let proof = fast(1000 + ahead);
            assert!(memory.first_use(&proof, 1000), "{ahead}");
            memory.forget(1000 + ahead);
            for later in [1000 + ahead - PROOF_LEEWAY, 1000 + ahead + PROOF_LEEWAY] {
                assert!(!memory.first_use(&proof, later), "{ahead}");
            }
        }
        memory.forget(20_000);
        assert!(lock(&memory.parts[0]).ahead.older.is_empty(), "forgotten again");
        assert!(memory.first_use(&fast(1600), 20_000));
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
            let fast = Proof {
                iat: 2000,
                ..proof(1, jti)
            };
            memory.first_use(&fast, 1000);
        }
        for part in &memory.parts {
            let part = lock(part);
            assert!(part.ahead.newer.len() + part.ahead.older.len() <= 2 * MOST_AHEAD);
        }
        let held: usize = memory
            .parts
            .iter()
            .map(|part| {
                let part = lock(part);
                part.now.newer.len() + part.now.older.len()
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
