//! Events are deleted when they were kept for as long as they are kept. What is left begins behind a signed checkpoint, and
//! says so itself, so it can be verified as before.

use super::{Actor, Event, Instant, Lifetime, StoreError, Subject};
use crate::{
    flows::Provider,
    store::audit::{self, GiveUp},
};

/// The longest step. Each is told of by an event, so they must not be many; and nothing is kept for long beyond its time.
const STEP: Lifetime = Lifetime::from_days(1);

/// Gives up what happened longer ago than `kept`, where that is a step further. The number up to which events may be
/// deleted, with the hour before which they all happened.
pub(in crate::flows) async fn give_up(
    provider: &Provider,
    kept: Lifetime,
    now: Instant,
) -> Result<(i64, Instant), StoreError> {
    let from = audit::kept(&provider.db).await?;
    let step = STEP.min(Lifetime::from_millis(kept.millis() / 10));
    let found = audit::checkpoint_before(&provider.db, now.minus(kept)).await?;
    let to = found
        .map(|found| found.head())
        .filter(|to| to.seq > from.seq && (from.seq == 0 || to.latest.since(from.latest) >= step));
    let Some(to) = to else {
        return Ok((from.seq, from.latest));
    };
    let event = Event::AuditDeleted { through: to.seq };
    let event = provider.event(now, Subject::default(), event).by(Actor::System);
    match provider.db.write(GiveUp { from, to, event }).await {
        // Another process did it a moment ago; the next sweep sees how far.
        Err(StoreError::Conflict(_)) => Ok((from.seq, from.latest)),
        done => done.map(|()| (to.seq, to.latest)),
    }
}
