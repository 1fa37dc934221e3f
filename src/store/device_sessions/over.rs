//! Device sessions that are over, and their deletion.
//!
//! Ended ones are found by their index. One that was never redeemed, or that nobody used for too long, is found by
//! walking the table: an index on the time of the last use would make every refresh write it.

use sqlx::FromRow;

use crate::{
    base::{
        id::{ClientId, DeviceSessionId},
        time::Instant,
    },
    store::{
        db::{Db, statements},
        error::Result,
    },
};

statements! {
    /// Deletes sessions that ended before an instant, so many at most. No row: none was left.
    pub DELETE_ENDED: (Instant, i64) => (DeviceSessionId,) =
        "DELETE FROM device_sessions
         WHERE id IN (SELECT id FROM device_sessions WHERE ended_at < $1 LIMIT $2)
         RETURNING id";
    AFTER: (DeviceSessionId, i64) => WalkedSession =
        "SELECT id, client_id, state, rotated_at, expires_at, app_version FROM device_sessions WHERE id > $1 ORDER BY id LIMIT $2";
    DELETE: (DeviceSessionId, String, Instant) => (DeviceSessionId,) =
        "DELETE FROM device_sessions
         WHERE id = $1 AND state = $2 AND rotated_at = $3
           AND NOT EXISTS (SELECT 1 FROM device_sessions c WHERE c.parent_id = $1)
         RETURNING id";
}

/// What tells whether a session is over.
#[derive(Debug, FromRow)]
pub struct WalkedSession {
    /// Its id.
    pub id: DeviceSessionId,
    /// Which app's: it may have lifetimes of its own.
    pub client_id: ClientId,
    /// `granted`, `active` or `ended`.
    pub state: String,
    /// When its refresh token was last rotated; of a `granted` one, when it was granted.
    pub rotated_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// Which version its app said last that it is.
    pub app_version: Option<String>,
}

/// Sessions after an id, in order, whatever their state.
pub async fn after(db: &Db, id: DeviceSessionId, limit: i64) -> Result<Vec<WalkedSession>> {
    db.read_all(AFTER, (id, limit)).await
}

/// Deletes a session if it still stands as it was read. One under which others hang stays: the end of what it came
/// from finds them by it.
pub async fn delete(db: &Db, session: WalkedSession) -> Result<()> {
    let binds = (session.id, session.state, session.rotated_at);
    db.execute(DELETE, binds).await?;
    Ok(())
}
