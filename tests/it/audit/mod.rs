//! The audit trail: what is in it, and how it proves that it was not changed.

mod actors;
mod chain;
mod failures;
mod filters;
mod kinds;
mod reading;
mod retention;
mod tampering;

use postern::flows::audit::{
    newest_checkpoint,
    verify::{Finding, Report, verify},
};

use crate::harness::{ALICE, Postern};

/// A server with some events, all of them in the trail, and a checkpoint.
async fn with_a_trail() -> Postern {
    let postern = Postern::start().await;
    postern.advance("1m");
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.chains().await;
    postern
}

async fn verified(postern: &Postern) -> Report {
    let report = verify(postern.provider(), None, None).await;
    report.expect("the database answers")
}

async fn findings(postern: &Postern) -> Vec<Finding> {
    verified(postern).await.findings
}

/// The newest checkpoint, as an admin keeps it elsewhere.
async fn checkpoint(postern: &Postern) -> String {
    let newest = newest_checkpoint(postern.provider()).await;
    newest.expect("the database answers").expect("a checkpoint")
}

async fn findings_against(postern: &Postern, checkpoint: &str) -> Vec<Finding> {
    let report = verify(postern.provider(), None, Some(checkpoint)).await;
    report.expect("the database answers").findings
}
