//! A limit as a leaky bucket in one number: the time at which the bucket is empty again (GCRA).

use serde::Serialize;

use crate::base::time::{Instant, Lifetime};

/// `burst` tries at once, then one more each `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// How many tries an empty bucket takes.
    pub burst: u32,
    /// How long one try takes to drain.
    pub every: Lifetime,
}

impl Limit {
    /// The latest "empty again" at which one more try still fits.
    pub fn ceiling(&self, now: Instant) -> Instant {
        now.plus(Lifetime::from_millis(
            self.every.millis() * i64::from(self.burst.saturating_sub(1)),
        ))
    }

    /// One try: the new "empty again", or how long to wait.
    pub fn take(&self, empty_at: Option<Instant>, now: Instant) -> Result<Instant, Lifetime> {
        let empty_at = empty_at.map_or(now, |at| at.max(now));
        if empty_at > self.ceiling(now) {
            return Err(self.wait(empty_at, now));
        }
        Ok(empty_at.plus(self.every))
    }

    /// How long until a try fits; at least a second, since that is what `Retry-After` can say.
    pub fn wait(&self, empty_at: Instant, now: Instant) -> Lifetime {
        empty_at.since(self.ceiling(now)).max(Lifetime::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_each_interval() {
        let limit = Limit {
            burst: 3,
            every: Lifetime::from_secs(10),
        };
        let now = Instant::from_millis(1_000_000);
        let mut bucket = None;
        for _ in 0..3 {
            bucket = Some(limit.take(bucket, now).expect("fits"));
        }
        assert_eq!(limit.take(bucket, now), Err(Lifetime::from_secs(10)));
        let later = now.plus(Lifetime::from_secs(10));
        bucket = Some(limit.take(bucket, later).expect("one drained"));
        assert!(limit.take(bucket, later).is_err());
    }
}
