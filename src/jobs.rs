//! When the server does something by itself. Nobody has to schedule a command.

use std::{sync::Arc, time::Duration};

use tokio::time::{Interval, MissedTickBehavior};

use crate::flows::{
    Provider,
    keys::rotate::rotate_due,
    sweep::{sweep, walk::walk},
};

mod audit;
mod mass_end;
mod outbox;
pub mod poll;

/// How often the server looks for what is due.
const UPKEEP: Duration = Duration::from_secs(30);

/// Runs until the process ends.
pub async fn run(provider: Arc<Provider>) {
    let bell = || provider.bell.notify_one();
    tokio::join!(
        poll::run(&provider),
        audit::run(&provider),
        outbox::run(&provider),
        mass_end::run(&provider),
        upkeep(&provider),
        walk_on(&provider),
        provider.db.listen(bell)
    );
}

/// Does what is due.
async fn upkeep(provider: &Provider) {
    let mut timer = every(UPKEEP);
    loop {
        timer.tick().await;
        if let Err(error) = sweep(provider).await {
            tracing::warn!(%error, "what has expired could not be swept");
        }
        if let Err(error) = rotate_due(provider).await {
            tracing::warn!(%error, "the key rings could not be moved on");
        }
    }
}

/// Walks over all sessions, rests, and begins anew.
async fn walk_on(provider: &Provider) {
    loop {
        let rest = walk(provider).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the walk over all sessions stopped; it goes on from there");
            UPKEEP
        });
        tokio::time::sleep(rest).await;
    }
}

fn every(period: Duration) -> Interval {
    let mut timer = tokio::time::interval(period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}
