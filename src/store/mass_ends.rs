//! Ends of all sessions that match a filter: each is a row that is worked off in batches, so that it goes on wherever it was
//! interrupted. A batch moves the row and ends its sessions in one change; who finds that the row has moved ends nothing.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{
    base::{
        id::{DeviceSessionId, EventId, MassEndId},
        text::Note,
        time::Instant,
    },
    domain::{
        actor::{Actor, Initiator},
        event::{Event, EventRecord, Subject},
        role::Permissions,
        session_filter::SessionFilter,
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        ending::{self, EndSessions, EndedSessions},
        error::{Result, StoreError},
        events,
    },
};

statements! {
    /// Begins one: so many of an actor may be under way.
    INSERT: (MassEndId, String, Option<String>, String, String, Instant, DeviceSessionId, i64) => () =
        "INSERT INTO mass_ends (id, filter, note, actor, permissions, begun_at, before_id, looked_at, found, ended)
         SELECT $1, $2, $3, $4, $5, $6, $7, 0, 0, 0
         WHERE (SELECT COUNT(*) FROM (SELECT id FROM mass_ends WHERE done_at IS NULL AND actor = $4 LIMIT $8) own) < $8";
    FIND: (MassEndId,) => MassEndRow =
        "SELECT id, filter, note, actor, permissions, begun_at, before_id, looked_at, found, ended, done_at, cancelled_at,
           stopped_at
         FROM mass_ends WHERE id = $1";
    LIST: (MassEndId, i64) => MassEndRow =
        "SELECT id, filter, note, actor, permissions, begun_at, before_id, looked_at, found, ended, done_at, cancelled_at,
           stopped_at
         FROM mass_ends WHERE id < $1 ORDER BY id DESC LIMIT $2";
    /// The one that is worked off now: the oldest.
    OPEN: () => MassEndRow =
        "SELECT id, filter, note, actor, permissions, begun_at, before_id, looked_at, found, ended, done_at, cancelled_at,
           stopped_at
         FROM mass_ends WHERE done_at IS NULL ORDER BY id LIMIT 1";
    /// Moves on: id, from, to, rows looked at, sessions found. No row: somebody else has, or it was cancelled.
    ADVANCE: (MassEndId, DeviceSessionId, DeviceSessionId, i64, i64) => (MassEndId,) =
        "UPDATE mass_ends SET before_id = $3, looked_at = looked_at + $4, found = found + $5
         WHERE id = $1 AND before_id = $2 AND done_at IS NULL
         RETURNING id";
    COUNT: (MassEndId, i64) => () =
        "UPDATE mass_ends SET ended = ended + $2 WHERE id = $1";
    /// It is done, by itself or before its time: when that was, when it was cancelled, when it was stopped.
    FINISH: (MassEndId, Instant, Option<Instant>, Option<Instant>) => (i64, i64) =
        "UPDATE mass_ends SET done_at = $2, cancelled_at = $3, stopped_at = $4 WHERE id = $1 AND done_at IS NULL
         RETURNING found, ended";
    /// Deletes those that were done before an instant, so many at most. No row: none was left.
    pub DELETE_DONE: (MassEndId, i64) => (MassEndId,) =
        "DELETE FROM mass_ends WHERE id IN (
           SELECT id FROM mass_ends WHERE id < $1 AND done_at IS NOT NULL ORDER BY id LIMIT $2)
         RETURNING id";
}

/// An end of all sessions that match a filter, and how far it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MassEnd {
    /// Its id.
    pub id: MassEndId,
    /// What ends.
    pub filter: SessionFilter,
    /// Why, in the words of who began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Who began it.
    pub actor: Actor,
    /// What they might do then: sessions of admins who may do more do not end.
    #[serde(skip)]
    pub permissions: Permissions,
    /// When. What was opened later is not touched.
    pub begun_at: Instant,
    /// How many sessions were looked at.
    pub looked_at: i64,
    /// How many of them match.
    pub found: i64,
    /// How many ended: with those that hung under them, without those that had ended meanwhile.
    pub ended: i64,
    /// When it was done, cancelled or stopped.
    pub done_at: Option<Instant>,
    /// When somebody cancelled it.
    pub cancelled_at: Option<Instant>,
    /// When the server stopped it: who began it may not end sessions any more.
    #[serde(default)]
    pub stopped_at: Option<Instant>,
    /// How far the walk came.
    #[serde(skip, default = "nowhere")]
    pub before: DeviceSessionId,
}

/// One that somebody only looks at.
fn nowhere() -> DeviceSessionId {
    DeviceSessionId::from_bytes([0; 16])
}

/// How an end of many sessions stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Sessions are being looked at.
    UnderWay,
    /// All were looked at.
    Done(Instant),
    /// Somebody cancelled it; what had ended stays ended.
    Cancelled(Instant),
    /// The server stopped it, since who began it may not end sessions any more; what had ended stays ended.
    Stopped(Instant),
}

impl MassEnd {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        match (self.done_at, self.cancelled_at, self.stopped_at) {
            (_, _, Some(at)) => Standing::Stopped(at),
            (_, Some(at), None) => Standing::Cancelled(at),
            (Some(at), None, None) => Standing::Done(at),
            (None, None, None) => Standing::UnderWay,
        }
    }
}

#[derive(FromRow)]
struct MassEndRow {
    id: MassEndId,
    filter: String,
    note: Option<String>,
    actor: String,
    permissions: String,
    begun_at: Instant,
    before_id: DeviceSessionId,
    looked_at: i64,
    found: i64,
    ended: i64,
    done_at: Option<Instant>,
    cancelled_at: Option<Instant>,
    stopped_at: Option<Instant>,
}

fn read(row: MassEndRow) -> Result<MassEnd> {
    let corrupt = StoreError::corrupt;
    let note = row.note.map(|note| note.parse()).transpose();
    Ok(MassEnd {
        id: row.id,
        filter: serde_json::from_str(&row.filter).map_err(|_| corrupt("mass_ends.filter"))?,
        note: note.map_err(|_| corrupt("mass_ends.note"))?,
        actor: serde_json::from_str(&row.actor).map_err(|_| corrupt("mass_ends.actor"))?,
        permissions: Permissions::named(&row.permissions),
        begun_at: row.begun_at,
        before: row.before_id,
        looked_at: row.looked_at,
        found: row.found,
        ended: row.ended,
        done_at: row.done_at,
        cancelled_at: row.cancelled_at,
        stopped_at: row.stopped_at,
    })
}

/// One of them.
pub async fn find(db: &Db, id: MassEndId) -> Result<Option<MassEnd>> {
    db.read(FIND, (id,)).await?.map(read).transpose()
}

/// The newest before an id.
pub async fn list(db: &Db, before: MassEndId, limit: i64) -> Result<Vec<MassEnd>> {
    let rows = db.read_all(LIST, (before, limit)).await?;
    rows.into_iter().map(read).collect()
}

/// The one that is worked off now.
pub async fn open(db: &Db) -> Result<Option<MassEnd>> {
    db.read(OPEN, ()).await?.map(read).transpose()
}

/// Begins one. False, and nothing is written, when as many of the same actor are under way as may be.
#[derive(Debug)]
pub struct BeginMassEnd {
    /// The row.
    pub end: MassEnd,
    /// The event.
    pub event: EventRecord,
    /// How many that is.
    pub at_once: i64,
}

impl Change for BeginMassEnd {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let end = &self.end;
        let unwritable = |_| StoreError::corrupt("mass_ends");
        let binds = (
            end.id,
            serde_json::to_string(&end.filter).map_err(unwritable)?,
            end.note.as_ref().map(ToString::to_string),
            serde_json::to_string(&end.actor).map_err(unwritable)?,
            end.permissions.to_string(),
            end.begun_at,
            end.before,
            self.at_once,
        );
        if tx.run(INSERT, binds).await? == 0 {
            return Ok(false);
        }
        events::record(tx, &self.event).await?;
        Ok(true)
    }
}

/// A part of the walk: what was found there ends.
#[derive(Debug)]
pub struct EndBatch {
    /// Whose part.
    pub id: MassEndId,
    /// Where the walk stood.
    pub from: DeviceSessionId,
    /// Where it stands now.
    pub to: DeviceSessionId,
    /// How many rows that is.
    pub looked_at: i64,
    /// How many of them match.
    pub found: i64,
    /// Their end; nothing when none does.
    pub end: Option<EndSessions>,
    /// The end of the walk: the id of the event that tells of it, and whom that is about.
    pub last: Option<(EventId, Subject)>,
    /// When.
    pub now: Instant,
}

impl Change for EndBatch {
    type Out = Option<EndedSessions>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<EndedSessions>> {
        let binds = (self.id, self.from, self.to, self.looked_at, self.found);
        if tx.one(ADVANCE, binds).await?.is_none() {
            return Ok(None);
        }
        let mut ended = None;
        if let Some(end) = &self.end {
            let sessions = ending::end(tx, end).await?;
            let count = i64::try_from(sessions.devices.len()).unwrap_or(i64::MAX);
            tx.run(COUNT, (self.id, count)).await?;
            ended = Some(sessions);
        }
        if let Some((event, subject)) = &self.last {
            let done = Finish {
                id: self.id,
                now: self.now,
                event: *event,
                subject,
            };
            done.write(tx, None, false).await?;
        }
        Ok(ended)
    }
}

/// Stops one; what has ended stays ended. False when it was done already.
#[derive(Debug)]
pub struct CancelMassEnd {
    /// Which.
    pub id: MassEndId,
    /// When.
    pub now: Instant,
    /// The id of the event that tells of it.
    pub event: EventId,
    /// Whom that is about.
    pub subject: Subject,
    /// Who stops it.
    pub by: Initiator,
    /// Whether that is because who began it may not end sessions any more.
    pub lost_permission: bool,
}

impl Change for CancelMassEnd {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let done = Finish {
            id: self.id,
            now: self.now,
            event: self.event,
            subject: &self.subject,
        };
        done.write(tx, Some(&self.by), self.lost_permission).await
    }
}

/// The end of one.
struct Finish<'a> {
    id: MassEndId,
    now: Instant,
    event: EventId,
    subject: &'a Subject,
}

impl Finish<'_> {
    /// Writes it, with its event. False when it was done already.
    async fn write(
        &self,
        tx: &mut WriteTx<'_>,
        cancelled_by: Option<&Initiator>,
        lost_permission: bool,
    ) -> Result<bool> {
        let at = |is: bool| is.then_some(self.now);
        let is_cancelled = cancelled_by.is_some() && !lost_permission;
        let binds = (self.id, self.now, at(is_cancelled), at(lost_permission));
        let Some((found, ended)) = tx.one(FINISH, binds).await? else {
            return Ok(false);
        };
        let record = EventRecord {
            id: self.event,
            at: self.now,
            subject: self.subject.clone(),
            actor: None,
            event: Event::MassEndDone {
                mass_end: self.id,
                found,
                ended,
                cancelled: cancelled_by.is_some(),
                lost_permission,
            },
        };
        let record = record.by(cancelled_by.cloned().unwrap_or(Actor::System.into()));
        events::record(tx, &record).await?;
        Ok(true)
    }
}
