//! Events: written in the transaction of the change that they tell of.

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, EventId, UserId},
        time::Instant,
    },
    domain::event::EventRecord,
    store::{
        db::{Change, WriteTx, statements},
        error::{Result, StoreError},
    },
};

statements! {
    INSERT: (EventId, Instant, &'static str, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>, Option<String>, String) => () =
        "INSERT INTO events (id, at, kind, user_id, client_id, session_id, address, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// Deletes events before an id, so many at most. No row: none was left.
    pub DELETE_BEFORE: (EventId, i64) => (EventId,) =
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < $1 ORDER BY id LIMIT $2) RETURNING id";
    /// The newest events, for tests and exports.
    pub LIST: (i64,) => (EventId, Instant, String, Option<UserId>, Option<ClientId>, Option<DeviceSessionId>, String) =
        "SELECT id, at, kind, user_id, client_id, session_id, data FROM events ORDER BY id DESC LIMIT $1";
}

/// Writes an event.
pub async fn record(tx: &mut WriteTx<'_>, record: &EventRecord) -> Result<()> {
    let data =
        serde_json::to_string(&record.event).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let subject = record.subject.clone();
    let binds = (
        record.id,
        record.at,
        record.event.kind(),
        subject.user,
        subject.client,
        subject.session,
        subject.address,
        data,
    );
    tx.run(INSERT, binds).await?;
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
