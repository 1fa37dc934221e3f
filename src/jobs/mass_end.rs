//! Ends of all sessions that match a filter are worked off: at once what this node has begun, within seconds what others have.

use std::time::Duration;

use crate::{
    flows::{Provider, mass_end::work},
    jobs::every,
};

/// How often the node looks by itself.
const LOOK: Duration = Duration::from_secs(2);

/// Runs until the process ends.
pub(super) async fn run(provider: &Provider) {
    let mut timer = every(LOOK);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = provider.mass_ends.notified() => {}
        }
        if let Err(error) = work(provider).await {
            tracing::warn!(%error, "an end of many sessions could not be worked off; it goes on later");
        }
    }
}
