//! The audit trail: what is in it, and how it proves that it was not changed.

mod actors;
mod chain;
mod failures;
mod filters;
mod kinds;
mod reading;
mod retention;
mod speed;
mod suspicious;
mod tampering;

use postern::{
    base::{digest::Digest, id::EventId, time::Instant},
    domain::audit::Head,
    flows::audit::{
        newest_checkpoint,
        verify::{Finding, Report, verify},
    },
    store::{audit, db::Statement},
};
use serde_json::Value;

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

/// Computes the chain anew behind a number, as anybody can who writes the database.
async fn computed_anew(postern: &Postern, after: i64) {
    const LINK: Statement<(i64, Digest), ()> = Statement::new("UPDATE events SET hash = $2 WHERE seq = $1");
    const HEAD: Statement<(i64, Digest), ()> =
        Statement::new("UPDATE audit_heads SET seq = $1, hash = $2 WHERE name = 'newest'");
    let db = &postern.provider().db;
    let hash = audit::hash_at(db, after).await.expect("answered");
    let mut head = Head {
        seq: after,
        hash: hash.unwrap_or(Head::genesis().hash),
        ..Head::genesis()
    };
    for row in audit::chain(db, after, 1000).await.expect("read") {
        head.seq = row.seq - 1;
        head = head.and(&row.event);
        let _: Option<()> = db.execute(LINK, (head.seq, head.hash)).await.expect("written");
    }
    let _: Option<()> = db.execute(HEAD, (head.seq, head.hash)).await.expect("written");
}

/// Puts an event in by hand, which the job takes for one of the server's.
async fn put_in(postern: &Postern, at: Instant, kind: &str, data: Value) -> EventId {
    const INSERT: Statement<(EventId, Instant, String, String), ()> =
        Statement::new("INSERT INTO events (id, at, kind, data) VALUES ($1, $2, $3, $4)");
    let provider = postern.provider();
    let id = EventId::new(at, &provider.entropy);
    let binds = (id, at, kind.to_owned(), data.to_string());
    let _: Option<()> = provider.db.execute(INSERT, binds).await.expect("written");
    id
}

async fn findings_against(postern: &Postern, checkpoint: &str) -> Vec<Finding> {
    let report = verify(postern.provider(), None, Some(checkpoint)).await;
    report.expect("the database answers").findings
}
