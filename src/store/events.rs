//! Events: written in the transaction of the change that they tell of.

pub mod list;

use sqlx::FromRow;

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, EventId, UserId},
        time::Instant,
    },
    domain::{
        actor::Actor,
        audit::StoredEvent,
        event::{EventLine, EventRecord, Subject},
        event_kind::EventKind,
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
    },
};

statements! {
    INSERT: (EventId, Instant, String, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>, Option<String>, Option<String>, String) => () =
        "INSERT INTO events (id, at, kind, user_id, client_id, session_id, address, actor, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// Writes an event as it was written in a database that is gone. No row: it is here already.
    INSERT_AGAIN: (EventId, Instant, String, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>, Option<String>, Option<String>, String) => (EventId,) =
        "INSERT INTO events (id, at, kind, user_id, client_id, session_id, address, actor, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING RETURNING id";
    BETWEEN: (EventId, EventId, i64) => EventRow =
        "SELECT id, at, kind, user_id, client_id, session_id, address, actor, data FROM events
         WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
    BETWEEN_OF_KIND: (EventId, EventId, i64, String) => EventRow =
        "SELECT id, at, kind, user_id, client_id, session_id, address, actor, data FROM events
         WHERE kind = $4 AND id > $1 AND id < $2 ORDER BY id LIMIT $3";
    /// When the oldest event happened that is kept.
    pub OLDEST: () => (Instant,) =
        "SELECT at FROM events ORDER BY id LIMIT 1";
    /// The newest events, for tests.
    pub LIST: (i64,) => (EventId, Instant, String, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>, String) =
        "SELECT id, at, kind, user_id, client_id, session_id, data FROM events ORDER BY id DESC LIMIT $1";
}

/// Writes an event.
pub async fn record(tx: &mut WriteTx<'_>, record: &EventRecord) -> Result<()> {
    let line = EventLine::of(record).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    tx.run(INSERT, columns(&line)?).await?;
    Ok(())
}

/// An event by itself, where nothing else changes.
#[derive(Debug)]
pub struct RecordEvent(pub EventRecord);

impl Change for RecordEvent {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        record(tx, &self.0).await
    }
}

/// A row as it is.
#[derive(Debug, FromRow)]
pub(super) struct EventRow {
    id: EventId,
    at: Instant,
    kind: String,
    user_id: Option<UserId>,
    client_id: Option<ClientId>,
    session_id: Option<DeviceSessionId>,
    address: Option<String>,
    actor: Option<String>,
    data: String,
}

impl EventRow {
    /// To the byte, as the chain has it.
    pub(super) fn stored(self) -> StoredEvent {
        StoredEvent {
            id: self.id,
            at: self.at,
            kind: self.kind,
            user: self.user_id,
            client: self.client_id.map(|id| id.as_str().to_owned()),
            session: self.session_id,
            address: self.address,
            actor: self.actor,
            data: self.data,
        }
    }

    pub(super) fn read(self) -> Result<EventLine> {
        Ok(EventLine {
            id: self.id,
            at: self.at,
            kind: self.kind,
            subject: Subject {
                user: self.user_id,
                client: self.client_id,
                session: self.session_id,
                address: self.address,
            },
            actor: read_actor(self.actor)?,
            data: serde_json::from_str(&self.data).map_err(|_| StoreError::corrupt("events.data"))?,
        })
    }
}

fn read_actor(actor: Option<String>) -> Result<Option<Actor>> {
    let read = actor.map(|actor| serde_json::from_str(&actor)).transpose();
    read.map_err(|_| StoreError::corrupt("events.actor"))
}

/// An actor as it is stored.
pub(super) fn actor_column(actor: Option<&Actor>) -> Result<Option<String>> {
    let written = actor.map(serde_json::to_string).transpose();
    written.map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Events between two ids (neither of them included), of one kind or all, oldest first, so many at most.
pub async fn between(
    db: &Db,
    (after, before): (EventId, EventId),
    kind: Option<EventKind>,
    limit: i64,
) -> Result<Vec<EventLine>> {
    let rows = match kind {
        Some(kind) => {
            let binds = (after, before, limit, kind.as_str().to_owned());
            db.read_all(BETWEEN_OF_KIND, binds).await?
        }
        None => db.read_all(BETWEEN, (after, before, limit)).await?,
    };
    rows.into_iter().map(EventRow::read).collect()
}

/// Writes an event of a database that is gone, as it was. False when it is here already.
pub async fn record_again(tx: &mut WriteTx<'_>, line: &EventLine) -> Result<bool> {
    Ok(tx.one(INSERT_AGAIN, columns(line)?).await?.is_some())
}

/// What the statements that insert bind.
type Columns = (
    EventId,
    Instant,
    String,
    Option<UserId>,
    Option<ClientId>,
    Option<DeviceSessionId>,
    Option<String>,
    Option<String>,
    String,
);

fn columns(line: &EventLine) -> Result<Columns> {
    let EventLine {
        id,
        at,
        kind,
        subject,
        actor,
        data,
    } = line;
    let data = serde_json::to_string(data).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let actor = actor_column(actor.as_ref())?;
    let Subject {
        user,
        client,
        session,
        address,
    } = subject.clone();
    Ok((
        *id,
        *at,
        kind.clone(),
        user,
        client,
        session,
        address,
        actor,
        data,
    ))
}
