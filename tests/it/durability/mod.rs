//! What survives: the real program over real HTTP, killed, its database killed, replaced by a replica that was behind,
//! and one of two nodes gone. Apps that go on asking are never signed out, and what ended stays ended.

mod crash;
mod device;
pub(crate) mod door;
mod failover;
pub(crate) mod node;
mod races;
mod two_nodes;
mod world;

use std::{future::Future, time::Duration};

use tokio::time::timeout;

use crate::harness::postgres::env_is;

/// How long anything may take that has to happen. It bounds a test that fails and measures nothing.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// Waits for what has to happen.
pub(crate) async fn surely<T>(what: &str, happens: impl Future<Output = T>) -> T {
    let happened = timeout(PATIENCE, happens).await;
    happened.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Whether the full size is wanted (`tests/soak`).
pub(crate) fn soak() -> bool {
    env_is("POSTERN_SOAK", "1")
}
