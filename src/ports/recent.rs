//! Values by name that many look at and few write, and which of them somebody has seen elsewhere since he began to look.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How many parts a memory has, so that nobody waits for a lock that somebody else holds.
const PARTS: usize = 16;

/// Values by name, in parts that are locked one by one.
#[derive(Debug)]
pub struct Recent<K, V> {
    parts: [RwLock<HashMap<K, Kept<V>>>; PARTS],
    hasher: RandomState,
    round: AtomicU64,
}

#[derive(Debug)]
struct Kept<V> {
    value: V,
    /// The round in which it was written here, or seen there, last.
    round: u64,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            parts: Default::default(),
            hasher: RandomState::new(),
            round: AtomicU64::new(0),
        }
    }
}

impl<K: Hash + Ord + Clone, V: Copy> Recent<K, V> {
    fn part(&self, name: &K) -> &RwLock<HashMap<K, Kept<V>>> {
        // The remainder is less than the number of parts.
        let place = self.hasher.hash_one(name) % PARTS as u64;
        &self.parts[usize::try_from(place).unwrap_or(0)]
    }

    /// Remembers a value, in place of an older one.
    pub fn insert(&self, name: K, value: V) {
        self.update(name, |_| value);
    }

    /// Remembers what `with` makes of the older value, if there is one. Gives both.
    pub fn update(&self, name: K, with: impl FnOnce(Option<V>) -> V) -> (Option<V>, V) {
        let round = self.round.load(Ordering::SeqCst);
        let mut part = self.part(&name).write().unwrap_or_else(PoisonError::into_inner);
        match part.entry(name) {
            Entry::Occupied(mut kept) => {
                let old = kept.get().value;
                let value = with(Some(old));
                kept.insert(Kept { value, round });
                (Some(old), value)
            }
            Entry::Vacant(place) => {
                let value = with(None);
                place.insert(Kept { value, round });
                (None, value)
            }
        }
    }

    /// Whether there is one.
    pub fn contains(&self, name: &K) -> bool {
        let part = self.part(name).read().unwrap_or_else(PoisonError::into_inner);
        part.contains_key(name)
    }

    /// Everything.
    pub fn all(&self) -> Vec<(K, V)> {
        self.those(|_| true)
    }

    /// From now on it counts what is written.
    pub fn begin_round(&self) {
        self.round.fetch_add(1, Ordering::SeqCst);
    }

    /// What was not written since the round began, in the order of the names: nodes that write it elsewhere at once lock the
    /// same rows in the same order.
    pub fn not_in_this_round(&self) -> Vec<(K, V)> {
        let round = self.round.load(Ordering::SeqCst);
        let mut found = self.those(|kept| kept.round < round);
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    fn those(&self, is_one: impl Fn(&Kept<V>) -> bool) -> Vec<(K, V)> {
        let mut found = Vec::new();
        for part in &self.parts {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            let some = part.iter().filter(|(_, kept)| is_one(kept));
            found.extend(some.map(|(name, kept)| (name.clone(), kept.value)));
        }
        found
    }

    /// Forgets the values of which `keep` says no.
    pub fn keep(&self, keep: impl Fn(&V) -> bool) {
        for part in &self.parts {
            let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
            part.retain(|_, kept| keep(&kept.value));
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

    #[test]
    fn what_was_not_written_since_a_round_began_is_found() {
        let recent = Recent::default();
        for name in 0..100 {
            recent.insert(name, 'a');
        }
        assert!(recent.not_in_this_round().is_empty(), "there was none yet");
        recent.begin_round();
        for name in (0..100).rev().step_by(2) {
            assert_eq!(recent.update(name, |old| old.unwrap_or('z')), (Some('a'), 'a'));
        }
        assert_eq!(recent.update(100, |old| old.unwrap_or('z')), (None, 'z'));
        let even: Vec<_> = (0..100).step_by(2).map(|name| (name, 'a')).collect();
        assert_eq!(recent.not_in_this_round(), even);
        assert_eq!(recent.all().len(), 101);
        recent.begin_round();
        assert_eq!(recent.not_in_this_round().len(), 101);
    }
}
