//! Events: written in the transaction of the change that they tell of.

use sqlx::FromRow;

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, EventId, UserId},
        time::Instant,
    },
    domain::event::{EventLine, EventRecord, Subject},
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
    },
};

statements! {
    INSERT: (EventId, Instant, String, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>, Option<String>, String) => () =
        "INSERT INTO events (id, at, kind, user_id, client_id, session_id, address, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// Deletes events before an id, so many at most. No row: none was left.
    pub DELETE_BEFORE: (EventId, i64) => (EventId,) =
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < $1 ORDER BY id LIMIT $2) RETURNING id";
    /// Writes an event as it was written in a database that is gone. No row: it is here already.
    INSERT_AGAIN: (EventId, Instant, String, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>, Option<String>, String) => (EventId,) =
        "INSERT INTO events (id, at, kind, user_id, client_id, session_id, address, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING RETURNING id";
    BETWEEN: (EventId, EventId, i64) => EventRow =
        "SELECT id, at, kind, user_id, client_id, session_id, address, data FROM events
         WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
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

#[derive(FromRow)]
struct EventRow {
    id: EventId,
    at: Instant,
    kind: String,
    user_id: Option<UserId>,
    client_id: Option<ClientId>,
    session_id: Option<DeviceSessionId>,
    address: Option<String>,
    data: String,
}

impl EventRow {
    fn read(self) -> Result<EventLine> {
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
            data: serde_json::from_str(&self.data).map_err(|_| StoreError::corrupt("events.data"))?,
        })
    }
}

/// Events between two ids (neither of them included), oldest first, so many at most.
pub async fn between(db: &Db, after: EventId, before: EventId, limit: i64) -> Result<Vec<EventLine>> {
    let rows = db.read_all(BETWEEN, (after, before, limit)).await?;
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
    String,
);

fn columns(line: &EventLine) -> Result<Columns> {
    let EventLine {
        id,
        at,
        kind,
        subject,
        data,
    } = line;
    let data = serde_json::to_string(data).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let Subject {
        user,
        client,
        session,
        address,
    } = subject.clone();
    Ok((*id, *at, kind.clone(), user, client, session, address, data))
}
