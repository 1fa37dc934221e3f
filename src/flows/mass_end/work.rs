//! The job: batch by batch, so far as who began an end reaches still.

use std::time::Duration;

use super::{Reach, may_end, subject};
use crate::{
    base::{
        id::{DeviceSessionId, EventId},
        time::Lifetime,
    },
    domain::{
        actor::Actor,
        ending::{Ending, Reason},
    },
    flows::{
        Provider,
        admin::permissions_of,
        end::{prepare, remember},
        sessions::Walk,
    },
    store::{
        error::Result,
        jobs,
        mass_ends::{self, CancelMassEnd, EndBatch, MassEnd},
    },
};

/// The job's name.
const NAME: &str = "mass_end";
/// How long a process has the job without doing a batch.
const LEASE: Lifetime = Lifetime::from_secs(30);
/// How many rows a batch looks at, all of which may end: one transaction, and one event with their ids.
const BATCH: i64 = 1000;
/// How long requests have the database for themselves after a batch.
const PAUSE: Duration = Duration::from_millis(5);

/// Works off whatever was begun, unless another process does. Whether anything is left.
pub async fn work(provider: &Provider) -> Result<bool> {
    while let Some(end) = mass_ends::open(&provider.db).await? {
        let now = provider.clock.now();
        let claimed = jobs::claim(&provider.db, NAME, provider.node, now, now.plus(LEASE)).await?;
        if claimed.is_none() {
            return Ok(true);
        }
        batch(provider, &end).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(false)
}

/// Works off one batch, or stops the end when who began it might not do it any more.
async fn batch(provider: &Provider, end: &MassEnd) -> Result<()> {
    // Who may do what, and who is an admin, may have changed since the batch before.
    let now_has = permissions_of(provider, &end.actor).await?;
    let permissions = match end.actor {
        // May all, also what a later version has more to permit than the one that this began with.
        Actor::Operator => now_has,
        _ => end.permissions.and(now_has),
    };
    if !may_end(permissions, &end.filter) {
        return stop(provider, end).await;
    }
    let reach = Reach::of(provider, end.filter.clone(), permissions).await?;
    let mut walk = Walk::new(&end.filter, Some(end.before));
    let rows = walk.next(provider, BATCH).await?;
    let found = rows.iter().filter(|row| reach.has(row));
    let ids: Vec<DeviceSessionId> = found.map(|row| row.id).collect();
    let now = provider.clock.now();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let (looked_at, found) = (count(rows.len()), count(ids.len()));
    let ending = (!ids.is_empty()).then_some(Ending::Matching {
        mass_end: end.id,
        ids,
    });
    let change = EndBatch {
        id: end.id,
        from: end.before,
        to: walk.before,
        looked_at,
        found,
        end: ending
            .map(|ending| {
                prepare(
                    provider,
                    now,
                    ending,
                    Reason::EndedByOperator,
                    subject(&end.filter),
                )
            })
            .map(|change| change.by(end.actor.clone())),
        last: walk
            .is_over
            .then(|| (EventId::new(now, &provider.entropy), subject(&end.filter))),
        now,
    };
    if let Some(ended) = provider.db.write(change).await? {
        remember(provider, &ended);
    }
    Ok(())
}

async fn stop(provider: &Provider, end: &MassEnd) -> Result<()> {
    tracing::warn!(mass_end = %end.id, "an end of many sessions was stopped: who began it may not end sessions any more");
    let now = provider.clock.now();
    let change = CancelMassEnd {
        id: end.id,
        now,
        event: EventId::new(now, &provider.entropy),
        subject: subject(&end.filter),
        by: Actor::System.into(),
        lost_permission: true,
    };
    provider.db.write(change).await?;
    Ok(())
}
