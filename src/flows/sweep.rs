//! Ends what has expired and deletes what is over. One process does it for all, in batches with a pause behind each, so
//! that it never stands in the way of a request.

pub mod walk;

use std::time::Duration;

use crate::{
    base::{
        id::{BrowserSessionId, MassEndId, UserId},
        time::{Instant, Lifetime},
    },
    domain::{
        actor::Actor,
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::{
        Provider, audit::retention::give_up, clients::secrets::warn_of_ends, end::end_by, registration,
        revocations::forgotten_instances,
    },
    store::{
        admin_sessions, attempts, audit, browser_sessions, client_secrets,
        db::{Row, Statement, Value},
        device_codes, device_sessions,
        error::Result,
        idempotent_requests, instances, jobs, mass_ends, outbox, pushed_requests, registrations, revocations,
        used_assertions,
    },
};

/// The job's name.
const NAME: &str = "sweep";
/// How long what is over is kept. Longer than any access token or pending request may live (a day each), so that no
/// token outlives the row that refuses it and no page can make the row anew; longer than nodes remember ends (an hour)
/// and than codes have to be kept (two hours); and longer by far than clocks may differ.
const KEPT: Lifetime = Lifetime::from_days(2);
/// How long an end of many sessions can be looked up; its events stay longer.
const MASS_ENDS_KEPT: Lifetime = Lifetime::from_days(30);
/// How long a device is told that its code has expired, and not that there is none.
const TOLD: Lifetime = Lifetime::from_secs(3600);
/// How long a process has the job; it asks again far more often.
const LEASE: Lifetime = Lifetime::from_secs(120);
/// How many rows one statement touches.
const BATCH: i64 = 200;
/// How many batches of a kind one sweep deletes: 20,000 rows, and the rest waits for the next.
const BATCHES: usize = 100;
/// How long requests have the database for themselves after a batch.
const PAUSE: Duration = Duration::from_millis(10);

/// One sweep, unless another process has the job.
pub async fn sweep(provider: &Provider) -> Result<()> {
    let Provider { db, clock, node, .. } = provider;
    let now = clock.now();
    if jobs::claim(db, NAME, *node, now, now.plus(LEASE))
        .await?
        .is_none()
    {
        return Ok(());
    }
    expire(provider, browser_sessions::EXPIRED, now).await?;
    expire(provider, browser_sessions::IDLE, provider.idle_since(now)).await?;
    let kept = now.minus(KEPT);
    delete(provider, attempts::SWEEP, now.minus(Lifetime::from_secs(60))).await?;
    delete(provider, device_codes::DELETE_EXPIRED, now.minus(TOLD)).await?;
    delete(
        provider,
        pushed_requests::SWEEP,
        now.minus(Lifetime::from_secs(60)),
    )
    .await?;
    delete(
        provider,
        used_assertions::SWEEP,
        now.minus(Lifetime::from_secs(60)),
    )
    .await?;
    delete(provider, admin_sessions::DELETE_PAST, now).await?;
    delete(provider, idempotent_requests::DELETE_PAST, now).await?;
    // A recipient that never answers is not tried for each of its messages.
    delete(provider, outbox::SWEEP, now.minus(Lifetime::from_days(1))).await?;
    warn_of_ends(provider).await?;
    registration::sweep(provider).await?;
    delete(provider, registrations::DELETE_PAST_TOKENS, kept).await?;
    delete(provider, client_secrets::DELETE_PAST, kept).await?;
    delete(provider, revocations::DELETE_PAST, kept).await?;
    delete(
        provider,
        instances::DELETE_PAST,
        forgotten_instances(provider, now),
    )
    .await?;
    delete(provider, device_sessions::over::DELETE_ENDED, kept).await?;
    delete(provider, browser_sessions::DELETE_ENDED, kept).await?;
    let before = MassEndId::first_at(now.minus(MASS_ENDS_KEPT));
    delete(provider, mass_ends::DELETE_DONE, before).await?;
    if let Some(kept) = provider.retention.events {
        let (through, hour) = give_up(provider, kept, now).await?;
        delete(provider, audit::DELETE_EVENTS, through).await?;
        delete(provider, audit::DELETE_CHECKPOINTS, through).await?;
        delete(provider, audit::DELETE_COUNTS, hour).await?;
    }
    Ok(())
}

/// Deletes what is older than `before`, batch by batch, until none is left or enough is done.
async fn delete<B, R>(provider: &Provider, statement: Statement<(B, i64), R>, before: B) -> Result<()>
where
    B: Value + Copy + Sync,
    R: Row,
{
    for _ in 0..BATCHES {
        if provider.db.execute(statement, (before, BATCH)).await?.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Ends browser sessions that have expired, batch by batch. Their end reaches their device sessions here, so that a
/// refresh needs no join.
async fn expire(
    provider: &Provider,
    expired: Statement<(Instant, i64), (BrowserSessionId, UserId)>,
    until: Instant,
) -> Result<()> {
    loop {
        let batch = provider.db.read_all(expired, (until, BATCH)).await?;
        if batch.is_empty() {
            return Ok(());
        }
        for (id, user) in batch {
            let subject = Subject {
                user: Some(user),
                ..Subject::default()
            };
            end_by(
                provider,
                Ending::Browser { id },
                Reason::Expired,
                subject,
                Actor::System,
            )
            .await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
