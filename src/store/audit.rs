//! The chain over the events, its checkpoints, and what is counted beside it. Only the job that chains writes here; an
//! event is written without a look at the chain.

use std::collections::BTreeMap;

use sqlx::FromRow;

use crate::{
    base::{digest::Digest, id::EventId, time::Instant},
    domain::{
        audit::{Head, StoredEvent},
        event::EventRecord,
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        events::{self, EventRow},
    },
};

type HeadRow = (i64, Digest, Instant);

statements! {
    HEAD: (&'static str,) => HeadRow =
        "SELECT seq, hash, latest FROM audit_heads WHERE name = $1";
    /// Moves a head on from where it was read: name, from, its hash, to, hash, latest.
    MOVE: (&'static str, i64, Digest, i64, Digest, Instant) => () =
        "UPDATE audit_heads SET seq = $4, hash = $5, latest = $6 WHERE name = $1 AND seq = $2 AND hash = $3";
    /// Events that are not in the chain yet, in the order in which they come into it.
    WAITING: (i64,) => EventRow =
        "SELECT id, at, kind, user_id, client_id, session_id, address, actor, data FROM events
         WHERE seq IS NULL ORDER BY id LIMIT $1";
    LINK: (EventId, i64, Digest) => () =
        "UPDATE events SET seq = $2, hash = $3 WHERE id = $1 AND seq IS NULL";
    /// Five at once: on PostgreSQL each statement is a round trip.
    LINK_FIVE: (EventId, i64, Digest, EventId, i64, Digest, EventId, i64, Digest, EventId, i64, Digest,
                EventId, i64, Digest) => () =
        "UPDATE events
         SET seq = CASE id WHEN $1 THEN $2 WHEN $4 THEN $5 WHEN $7 THEN $8 WHEN $10 THEN $11 WHEN $13 THEN $14 END,
           hash = CASE id WHEN $1 THEN $3 WHEN $4 THEN $6 WHEN $7 THEN $9 WHEN $10 THEN $12 WHEN $13 THEN $15 END
         WHERE id IN ($1, $4, $7, $10, $13) AND seq IS NULL";
    COUNT: (Instant, String, i64) => () =
        "INSERT INTO event_counts (hour, kind, count) VALUES ($1, $2, $3)
         ON CONFLICT (hour, kind) DO UPDATE SET count = event_counts.count + excluded.count";
    /// The chain behind a number, in its order: number, limit.
    CHAIN: (i64, i64) => ChainRow =
        "SELECT seq, hash, id, at, kind, user_id, client_id, session_id, address, actor, data FROM events
         WHERE seq > $1 ORDER BY seq LIMIT $2";
    HASH_AT: (i64,) => (Option<Digest>,) =
        "SELECT hash FROM events WHERE seq = $1";
    INSERT_CHECKPOINT: (i64, Digest, Instant, String) => () =
        "INSERT INTO audit_checkpoints (seq, hash, latest, signed) VALUES ($1, $2, $3, $4) ON CONFLICT (seq) DO NOTHING";
    NEWEST_CHECKPOINT: () => CheckpointRow =
        "SELECT seq, hash, latest, signed FROM audit_checkpoints ORDER BY seq DESC LIMIT 1";
    /// The newest one with nothing in it that happened at an instant or later.
    CHECKPOINT_BEFORE: (Instant,) => CheckpointRow =
        "SELECT seq, hash, latest, signed FROM audit_checkpoints WHERE latest < $1 ORDER BY latest DESC, seq DESC LIMIT 1";
    CHECKPOINTS: (i64, i64) => CheckpointRow =
        "SELECT seq, hash, latest, signed FROM audit_checkpoints WHERE seq > $1 ORDER BY seq LIMIT $2";
    /// Forgets what a database that went back had signed further on.
    DELETE_CHECKPOINTS_AFTER: (i64,) => () =
        "DELETE FROM audit_checkpoints WHERE seq > $1";
    /// Deletes events of the chain up to a number, so many at most. No row: none was left.
    pub DELETE_EVENTS: (i64, i64) => (EventId,) =
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE seq <= $1 ORDER BY seq LIMIT $2) RETURNING id";
    /// Deletes checkpoints before a number, so many at most. No row: none was left.
    pub DELETE_CHECKPOINTS: (i64, i64) => (i64,) =
        "DELETE FROM audit_checkpoints
         WHERE seq IN (SELECT seq FROM audit_checkpoints WHERE seq < $1 ORDER BY seq LIMIT $2) RETURNING seq";
    /// Deletes what was counted before an hour, so many at most. No row: none was left.
    pub DELETE_COUNTS: (Instant, i64) => (Instant,) =
        "DELETE FROM event_counts
         WHERE hour < $1 AND hour IN (SELECT hour FROM event_counts WHERE hour < $1 ORDER BY hour LIMIT $2) RETURNING hour";
}

/// The name of the head that says how far the chain goes.
const NEWEST: &str = "newest";
/// The name of the head behind which the chain begins: what was before it is deleted.
const KEPT: &str = "kept";

/// How far the chain goes.
pub async fn head(db: &Db) -> Result<Head> {
    named(db, NEWEST).await
}

/// Behind what the chain begins.
pub async fn kept(db: &Db) -> Result<Head> {
    named(db, KEPT).await
}

async fn named(db: &Db, name: &'static str) -> Result<Head> {
    let row = db.read(HEAD, (name,)).await?;
    let (seq, hash, latest) = row.ok_or_else(|| StoreError::corrupt("audit_heads"))?;
    Ok(Head { seq, hash, latest })
}

async fn move_on(tx: &mut WriteTx<'_>, name: &'static str, from: &Head, to: &Head) -> Result<()> {
    let binds = (name, from.seq, from.hash, to.seq, to.hash, to.latest);
    match tx.run(MOVE, binds).await? {
        0 => Err(StoreError::Conflict(
            "the chain of events has moved on".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Events that are not in the chain yet, so many at most.
pub async fn waiting(db: &Db, limit: i64) -> Result<Vec<StoredEvent>> {
    let rows = db.read_all(WAITING, (limit,)).await?;
    Ok(rows.into_iter().map(EventRow::stored).collect())
}

/// An event of the chain: its number, the hash that is kept with it, and itself.
#[derive(Debug)]
pub struct Chained {
    /// The number.
    pub seq: i64,
    /// The hash; nothing where somebody took it away.
    pub hash: Option<Digest>,
    /// The event.
    pub event: StoredEvent,
}

#[derive(Debug, FromRow)]
struct ChainRow {
    seq: i64,
    hash: Option<Digest>,
    #[sqlx(flatten)]
    row: EventRow,
}

/// The chain behind a number, so many at most.
pub async fn chain(db: &Db, after: i64, limit: i64) -> Result<Vec<Chained>> {
    let rows = db.read_all(CHAIN, (after, limit)).await?;
    let chained = |ChainRow { seq, hash, row }| Chained {
        seq,
        hash,
        event: row.stored(),
    };
    Ok(rows.into_iter().map(chained).collect())
}

/// The hash that the event with this number has.
pub async fn hash_at(db: &Db, seq: i64) -> Result<Option<Digest>> {
    let row = db.read(HASH_AT, (seq,)).await?;
    Ok(row.and_then(|(hash,)| hash))
}

/// A checkpoint as it is kept: what it says, to be found by, and itself.
#[derive(Debug, Clone, FromRow)]
pub struct CheckpointRow {
    /// The number that it says.
    pub seq: i64,
    /// The hash that it says.
    pub hash: Digest,
    /// The newest time that it says.
    pub latest: Instant,
    /// The checkpoint, signed.
    pub signed: String,
}

impl CheckpointRow {
    /// What the chain had come to.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
            latest: self.latest,
        }
    }
}

/// The newest checkpoint.
pub async fn newest_checkpoint(db: &Db) -> Result<Option<CheckpointRow>> {
    db.read(NEWEST_CHECKPOINT, ()).await
}

/// The newest checkpoint with nothing in it that happened at an instant or later.
pub async fn checkpoint_before(db: &Db, at: Instant) -> Result<Option<CheckpointRow>> {
    db.read(CHECKPOINT_BEFORE, (at,)).await
}

/// Checkpoints behind a number, in their order, so many at most.
pub async fn checkpoints(db: &Db, after: i64, limit: i64) -> Result<Vec<CheckpointRow>> {
    db.read_all(CHECKPOINTS, (after, limit)).await
}

/// Takes events into the chain, and counts them. A conflict when somebody else did it before.
#[derive(Debug)]
pub struct Link {
    /// How far the chain was.
    pub from: Head,
    /// How far it is with these.
    pub to: Head,
    /// Each with its number and its hash.
    pub links: Vec<(EventId, i64, Digest)>,
    /// How often what happened in which hour.
    pub counts: BTreeMap<(Instant, String), i64>,
}

impl Change for Link {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        move_on(tx, NEWEST, &self.from, &self.to).await?;
        let mut linked = 0;
        for links in self.links.chunks(5) {
            if let [a, b, c, d, e] = links {
                let binds = (
                    a.0, a.1, a.2, b.0, b.1, b.2, c.0, c.1, c.2, d.0, d.1, d.2, e.0, e.1, e.2,
                );
                linked += tx.run(LINK_FIVE, binds).await?;
            } else {
                for link in links {
                    linked += tx.run(LINK, *link).await?;
                }
            }
        }
        if linked != self.links.len() as u64 {
            return Err(StoreError::Conflict("an event of the chain is gone".to_owned()));
        }
        for ((hour, kind), count) in &self.counts {
            tx.run(COUNT, (*hour, kind.clone(), *count)).await?;
        }
        Ok(())
    }
}

/// Keeps a checkpoint.
#[derive(Debug)]
pub struct KeepCheckpoint(pub CheckpointRow);

impl Change for KeepCheckpoint {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        let CheckpointRow {
            seq,
            hash,
            latest,
            signed,
        } = self.0.clone();
        tx.run(INSERT_CHECKPOINT, (seq, hash, latest, signed)).await?;
        Ok(())
    }
}

/// Goes on where the database has gone back to, and tells of it. What was signed further on belongs to what was lost.
#[derive(Debug)]
pub struct GoOn {
    /// How far the chain goes in this database.
    pub found: i64,
    /// The event.
    pub event: EventRecord,
}

impl Change for GoOn {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.run(DELETE_CHECKPOINTS_AFTER, (self.found,)).await?;
        events::record(tx, &self.event).await
    }
}

/// Gives up what is before a checkpoint, and tells of it: that may be deleted. A conflict when somebody else did it before.
#[derive(Debug)]
pub struct GiveUp {
    /// Behind what the chain began.
    pub from: Head,
    /// Behind what it begins now.
    pub to: Head,
    /// The event.
    pub event: EventRecord,
}

impl Change for GiveUp {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        move_on(tx, KEPT, &self.from, &self.to).await?;
        events::record(tx, &self.event).await
    }
}
