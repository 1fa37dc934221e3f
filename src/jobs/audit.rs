//! The chain over the events, once a second.

use std::time::Duration;

use crate::{
    flows::{Provider, audit::Chain},
    jobs::every,
};

const EVERY: Duration = Duration::from_secs(1);

/// Runs until the process ends.
pub(super) async fn run(provider: &Provider) {
    let mut timer = every(EVERY);
    let mut chain = Chain::default();
    loop {
        timer.tick().await;
        loop {
            match chain.round(provider).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "the audit trail could not be moved on; it is tried again");
                    break;
                }
            }
        }
    }
}
