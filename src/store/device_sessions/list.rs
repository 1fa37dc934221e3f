//! Device sessions in lists: walked along a key, newest first, so many rows at a time whatever state they are in. What is
//! looked for among them is decided by who asks, so that no statement takes long however few there are.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        time::Instant,
    },
    domain::{device_session::Life, session_filter::Traits},
    store::{
        db::{Db, statements},
        error::{Result, StoreError},
    },
};

statements! {
    NEWEST: (DeviceSessionId, DeviceSessionId, i64) => ListedRow =
        "SELECT id, user_id, client_id, browser_session_id, parent_id, life, state, device, app_version, address, granted_at,
           activated_at, rotated_at, expires_at, retries
         FROM device_sessions WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3";
    NEWEST_OF_USER: (UserId, DeviceSessionId, DeviceSessionId, i64) => ListedRow =
        "SELECT id, user_id, client_id, browser_session_id, parent_id, life, state, device, app_version, address, granted_at,
           activated_at, rotated_at, expires_at, retries
         FROM device_sessions WHERE user_id = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4";
    NEWEST_OF_CLIENT: (ClientId, DeviceSessionId, DeviceSessionId, i64) => ListedRow =
        "SELECT id, user_id, client_id, browser_session_id, parent_id, life, state, device, app_version, address, granted_at,
           activated_at, rotated_at, expires_at, retries
         FROM device_sessions WHERE client_id = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4";
    ONE: (DeviceSessionId,) => ListedRow =
        "SELECT id, user_id, client_id, browser_session_id, parent_id, life, state, device, app_version, address, granted_at,
           activated_at, rotated_at, expires_at, retries
         FROM device_sessions WHERE id = $1";
    END: (DeviceSessionId,) => (Option<Instant>, Option<String>) =
        "SELECT ended_at, end_reason FROM device_sessions WHERE id = $1";
}

/// A session in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListedDeviceSession {
    /// Its id: the `sid`.
    pub id: DeviceSessionId,
    /// Whose.
    pub user: UserId,
    /// Which app's.
    pub client: ClientId,
    /// The browser session that it was opened from.
    pub origin: Option<BrowserSessionId>,
    /// The session that it hangs under.
    pub parent: Option<DeviceSessionId>,
    /// Whether it ends with the browser session that it was opened from.
    pub life: Life,
    /// What the browser said it is.
    pub device: String,
    /// Which version the app said last that it is.
    pub app_version: Option<String>,
    /// Where the app asked for tokens last.
    pub address: Option<String>,
    /// When the app redeemed its code.
    pub first_used_at: Instant,
    /// When its refresh token was last rotated.
    pub last_used_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// How often a lost refresh was repeated.
    pub retries: i64,
    /// Where it stands.
    #[serde(skip)]
    pub state: SessionState,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionState {
    /// It was allowed, and its app has not come for it yet.
    Granted,
    /// An app has it.
    #[default]
    Active,
    /// It has ended.
    Ended,
}

impl ListedDeviceSession {
    /// What filters look at.
    pub fn traits(&self) -> Traits<'_> {
        Traits {
            user: self.user,
            client: &self.client,
            app_version: self.app_version.as_deref(),
            device: &self.device,
            address: self.address.as_deref(),
            used_at: self.last_used_at,
            opened_at: self.first_used_at,
            life: self.life,
        }
    }
}

#[derive(FromRow)]
struct ListedRow {
    id: DeviceSessionId,
    user_id: UserId,
    client_id: ClientId,
    browser_session_id: Option<BrowserSessionId>,
    parent_id: Option<DeviceSessionId>,
    life: String,
    state: String,
    device: String,
    app_version: Option<String>,
    address: Option<String>,
    granted_at: Instant,
    activated_at: Option<Instant>,
    rotated_at: Instant,
    expires_at: Instant,
    retries: i64,
}

fn read(row: ListedRow) -> Result<ListedDeviceSession> {
    let state = match row.state.as_str() {
        "granted" => SessionState::Granted,
        "active" => SessionState::Active,
        "ended" => SessionState::Ended,
        _ => return Err(StoreError::corrupt("device_sessions.state")),
    };
    Ok(ListedDeviceSession {
        id: row.id,
        user: row.user_id,
        client: row.client_id,
        origin: row.browser_session_id,
        parent: row.parent_id,
        life: Life::parse(&row.life).ok_or_else(|| StoreError::corrupt("device_sessions.life"))?,
        device: row.device,
        app_version: row.app_version,
        address: row.address,
        first_used_at: row.activated_at.unwrap_or(row.granted_at),
        last_used_at: row.rotated_at,
        expires_at: row.expires_at,
        retries: row.retries,
        state,
    })
}

/// Along which key is walked.
#[derive(Debug, Clone, Copy)]
pub enum Along<'a> {
    /// All sessions.
    All,
    /// One person's.
    User(UserId),
    /// One app's.
    Client(&'a ClientId),
}

/// The newest sessions before an id and not before another, whatever their state, so many at most.
pub async fn newest(
    db: &Db,
    along: Along<'_>,
    before: DeviceSessionId,
    since: DeviceSessionId,
    limit: i64,
) -> Result<Vec<ListedDeviceSession>> {
    let rows = match along {
        Along::All => db.read_all(NEWEST, (before, since, limit)).await?,
        Along::User(user) => db.read_all(NEWEST_OF_USER, (user, before, since, limit)).await?,
        Along::Client(client) => {
            db.read_all(NEWEST_OF_CLIENT, (client.clone(), before, since, limit))
                .await?
        }
    };
    rows.into_iter().map(read).collect()
}

/// One session, whatever its state.
pub async fn one(db: &Db, id: DeviceSessionId) -> Result<Option<ListedDeviceSession>> {
    db.read(ONE, (id,)).await?.map(read).transpose()
}

/// When and why a session ended; nothing while it has not.
pub async fn end(db: &Db, id: DeviceSessionId) -> Result<Option<(Instant, String)>> {
    let row = db.read(END, (id,)).await?;
    Ok(row.and_then(|(at, reason)| at.zip(reason)))
}
