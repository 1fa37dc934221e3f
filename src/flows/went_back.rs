//! Signs that the database went back: refresh tokens that are newer than their rows. One may be anything; many in a
//! minute are a restored backup or a replica that lagged, and somebody has to know.

use std::sync::{Mutex, PoisonError};

use crate::{
    base::time::{Instant, Lifetime},
    domain::{
        actor::Actor,
        event::{Event, Subject},
    },
    flows::Provider,
    store::{error::Result, events::RecordEvent},
};

/// How many sessions go forward within [`MINUTE`] before this node raises the alarm.
const MANY: u32 = 10;
const MINUTE: Lifetime = Lifetime::from_secs(60);
/// How long after an alarm there is no other: it is the same accident.
const QUIET: Lifetime = Lifetime::from_secs(3600);

/// What a node counts. Each node raises its own alarm.
#[derive(Debug, Default)]
pub struct Signs(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    since: Option<Instant>,
    count: u32,
    raised_at: Option<Instant>,
}

impl Signs {
    /// Counts one; true when it is time for the alarm.
    fn count(&self, now: Instant) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.since.is_none_or(|since| now.since(since) >= MINUTE) {
            (counted.since, counted.count) = (Some(now), 0);
        }
        counted.count = counted.count.saturating_add(1);
        let is_quiet = counted.raised_at.is_some_and(|at| now.since(at) < QUIET);
        let raise = counted.count >= MANY && !is_quiet;
        if raise {
            counted.raised_at = Some(now);
        }
        raise
    }
}

/// A session went forward from a token that is newer than its row.
pub async fn fast_forwarded(provider: &Provider, now: Instant) -> Result<()> {
    if provider.went_back.count(now) {
        tracing::error!(
            "the database went back: many refresh tokens are newer than their rows. Find out whether it was restored, or \
             a replica took over that was behind; what was changed meanwhile is lost"
        );
        let record = provider
            .event(now, Subject::default(), Event::DatabaseWentBack)
            .by(Actor::System);
        provider.db.write(RecordEvent(record)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_in_a_minute_raise_one_alarm_and_few_none() {
        let (signs, mut now) = (Signs::default(), Instant::from_millis(1_790_000_000_000));
        let mut alarms = |every: Lifetime, times: u32| {
            let raised = (0..times).filter(|_| {
                now = now.plus(every);
                signs.count(now)
            });
            raised.count()
        };
        assert_eq!(alarms(Lifetime::from_secs(7), 500), 0, "never ten in a minute");
        assert_eq!(alarms(Lifetime::from_millis(100), 30_000), 1, "one accident");
        assert_eq!(alarms(Lifetime::from_secs(30), 120), 0, "an hour goes by");
        assert_eq!(alarms(Lifetime::from_millis(100), 100), 1, "the next one");
    }
}
