//! What the server does by itself, in small paced batches. Nobody has to schedule a command.

use std::{sync::Arc, time::Duration};

use tokio::time::{Interval, MissedTickBehavior};

use crate::{
    base::time::Lifetime,
    domain::{
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::{Provider, end::end},
    store::{attempts, browser_sessions, error::Result},
};

pub mod poll;

/// How often the server looks for what is due.
const UPKEEP: Duration = Duration::from_secs(30);
/// How many rows one step touches.
const BATCH: i64 = 200;

/// Runs until the process ends.
pub async fn run(provider: Arc<Provider>) {
    tokio::join!(poll::run(&provider), upkeep(&provider));
}

/// Does what is due.
async fn upkeep(provider: &Provider) {
    let mut timer = every(UPKEEP);
    loop {
        timer.tick().await;
        if let Err(error) = sweep(provider).await {
            tracing::warn!(%error, "what has expired could not be swept");
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut timer = tokio::time::interval(period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

/// One sweep: ends browser sessions that have expired, with what lives with them, and forgets empty buckets.
pub async fn sweep(provider: &Provider) -> Result<()> {
    while expire_browser_sessions(provider).await? == BATCH {}
    let empty_since = provider.clock.now().minus(Lifetime::from_secs(60));
    // Batch by batch until none is left: a storm of guesses fills this table faster than one batch a sweep.
    while provider
        .db
        .execute(attempts::SWEEP, (empty_since, BATCH))
        .await?
        .is_some()
    {}
    Ok(())
}

/// A browser session's idle end reaches its device sessions here, so that a refresh needs no join.
async fn expire_browser_sessions(provider: &Provider) -> Result<i64> {
    let now = provider.clock.now();
    let idle_since = provider.idle_since(now);
    let expired = provider
        .db
        .read_all(browser_sessions::EXPIRED, (now, idle_since, BATCH))
        .await?;
    let count = i64::try_from(expired.len()).unwrap_or(BATCH);
    for (id, user) in expired {
        let subject = Subject {
            user: Some(user),
            ..Subject::default()
        };
        end(provider, Ending::Browser { id }, Reason::Expired, subject).await?;
    }
    Ok(count)
}
