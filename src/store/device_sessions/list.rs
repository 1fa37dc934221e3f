//! Active device sessions in lists.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        time::Instant,
    },
    store::{
        db::{Db, statements},
        error::Result,
    },
};

statements! {
    OF_USER: (UserId, DeviceSessionId, Instant, i64) => ListedRow =
        "SELECT id, user_id, client_id, browser_session_id, device, activated_at, rotated_at, expires_at, retries
         FROM device_sessions
         WHERE user_id = $1 AND state = 'active' AND id > $2 AND expires_at > $3 ORDER BY id LIMIT $4";
    ACTIVE: (DeviceSessionId, Instant, i64) => ListedRow =
        "SELECT id, user_id, client_id, browser_session_id, device, activated_at, rotated_at, expires_at, retries
         FROM device_sessions WHERE state = 'active' AND id > $1 AND expires_at > $2 ORDER BY id LIMIT $3";
}

/// An active session in a list.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its id: the `sid`.
    pub id: DeviceSessionId,
    /// Whose.
    pub user: UserId,
    /// Which app's.
    pub client: ClientId,
    /// The browser session that it was opened from.
    pub origin: Option<BrowserSessionId>,
    /// What the browser said it is.
    pub device: String,
    /// When the app redeemed its code.
    pub first_used_at: Instant,
    /// When its refresh token was last rotated.
    pub last_used_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// How often a lost refresh was repeated.
    pub retries: i64,
}

#[derive(FromRow)]
struct ListedRow {
    id: DeviceSessionId,
    user_id: UserId,
    client_id: ClientId,
    browser_session_id: Option<BrowserSessionId>,
    device: String,
    activated_at: Option<Instant>,
    rotated_at: Instant,
    expires_at: Instant,
    retries: i64,
}

impl From<ListedRow> for Listed {
    fn from(row: ListedRow) -> Self {
        Self {
            id: row.id,
            user: row.user_id,
            client: row.client_id,
            origin: row.browser_session_id,
            device: row.device,
            first_used_at: row.activated_at.unwrap_or(row.rotated_at),
            last_used_at: row.rotated_at,
            expires_at: row.expires_at,
            retries: row.retries,
        }
    }
}

/// Active sessions after an id, in order; of one user, or of everybody.
pub async fn active(
    db: &Db,
    user: Option<UserId>,
    after: DeviceSessionId,
    now: Instant,
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows = match user {
        Some(user) => db.read_all(OF_USER, (user, after, now, limit)).await?,
        None => db.read_all(ACTIVE, (after, now, limit)).await?,
    };
    Ok(rows.into_iter().map(Listed::from).collect())
}
