//! What anybody can make happen as often as they like is said once a minute, with how often it was.

use std::sync::{Mutex, PoisonError};

use crate::base::time::{Instant, Lifetime};

const MINUTE: Lifetime = Lifetime::from_secs(60);

/// Counts what is not said every time.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    said_at: Option<Instant>,
    since: u64,
}

impl Seldom {
    /// It happened. How often since it was said last, when it is to be said now.
    pub(super) fn again(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since = counted.since.saturating_add(1);
        if counted.said_at.is_some_and(|said| now.since(said) < MINUTE) {
            return None;
        }
        counted.said_at = Some(now);
        Some(std::mem::take(&mut counted.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_what_follows_once_a_minute() {
        let seldom = Seldom::default();
        let at = |secs: i64| Instant::from_millis(secs * 1000);
        let said: Vec<_> = [0, 1, 59, 60, 61, 200].map(|secs| seldom.again(at(secs))).into();
        assert_eq!(said, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
