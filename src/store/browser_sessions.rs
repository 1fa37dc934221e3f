//! Browser sessions: the table that is the store of tower-sessions (`web/session_store.rs`).

pub mod list;

use crate::{
    base::{
        digest::Digest,
        id::{BrowserSessionId, UserId},
        time::Instant,
    },
    domain::{
        browser_session::{Authentication, BrowserSession},
        event::EventRecord,
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        events,
    },
};

type SessionRow = (
    BrowserSessionId,
    UserId,
    String,
    Instant,
    String,
    String,
    Instant,
    Instant,
);

statements! {
    LOAD: (Digest, Instant, Instant) => SessionRow =
        "SELECT b.id, b.user_id, u.email, b.auth_time, b.acr, b.amr, b.last_seen_at, b.expires_at
         FROM browser_sessions b JOIN users u ON u.id = b.user_id
         WHERE b.digest = $1 AND b.ended_at IS NULL AND b.expires_at > $2 AND b.last_seen_at > $3
           AND u.disabled_at IS NULL";
    /// Hangs on the live user and on the password that was proved: one that was changed while this one waited to be
    /// looked at opens nothing. The last value is its version.
    OPEN: (BrowserSessionId, Digest, UserId, Instant, String, String, String, Instant, i64) => (BrowserSessionId,) =
        "INSERT INTO browser_sessions
           (id, digest, user_id, auth_time, acr, amr, label, created_at, last_seen_at, expires_at)
         SELECT $1, $2, u.id, $4, $5, $6, $7, $4, $4, $8 FROM users u JOIN passwords p ON p.user_id = u.id
         WHERE u.id = $3 AND u.disabled_at IS NULL AND p.version = $9 "
        { sqlite: "", postgres: "FOR SHARE" }
        " ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, auth_time = excluded.auth_time,
           acr = excluded.acr, amr = excluded.amr, label = excluded.label, last_seen_at = excluded.last_seen_at
         WHERE browser_sessions.ended_at IS NULL AND browser_sessions.user_id = excluded.user_id
         RETURNING id";
    /// Remembers that a session was seen; never revives an ended one.
    pub TOUCH: (BrowserSessionId, Instant) => () =
        "UPDATE browser_sessions SET last_seen_at = $2 WHERE id = $1 AND ended_at IS NULL AND last_seen_at < $2";
    /// Live sessions that have reached their end: at, how many.
    pub EXPIRED: (Instant, i64) => (BrowserSessionId, UserId) =
        "SELECT id, user_id FROM browser_sessions WHERE ended_at IS NULL AND expires_at <= $1 LIMIT $2";
    /// Live sessions that were not used since, how many.
    pub IDLE: (Instant, i64) => (BrowserSessionId, UserId) =
        "SELECT id, user_id FROM browser_sessions WHERE ended_at IS NULL AND last_seen_at <= $1 LIMIT $2";
    /// Deletes sessions that ended before an instant, so many at most. No row: none was left.
    pub DELETE_ENDED: (Instant, i64) => (BrowserSessionId,) =
        "DELETE FROM browser_sessions
         WHERE id IN (SELECT id FROM browser_sessions WHERE ended_at < $1 LIMIT $2)
         RETURNING id";
}

fn read(
    (id, user, email, auth_time, acr, amr, last_seen_at, expires_at): SessionRow,
) -> Result<BrowserSession> {
    let email = email.parse().map_err(|_| StoreError::corrupt("users.email"))?;
    let amr = amr.split(' ').map(str::to_owned).collect();
    let authentication = Authentication { auth_time, acr, amr };
    Ok(BrowserSession {
        id,
        user,
        email,
        authentication,
        last_seen_at,
        expires_at,
    })
}

/// The live session of a cookie; `idle_since` is the oldest use that still counts.
pub async fn load(
    db: &Db,
    cookie: Digest,
    now: Instant,
    idle_since: Instant,
) -> Result<Option<BrowserSession>> {
    db.read(LOAD, (cookie, now, idle_since))
        .await?
        .map(read)
        .transpose()
}

/// A person signed in: a new row, or the same person's row with its new cookie. False when the user or the row ended.
#[derive(Debug)]
pub struct OpenBrowserSession {
    /// The row.
    pub session: BrowserSession,
    /// What the browser says it is.
    pub label: String,
    /// Digest of the cookie.
    pub cookie: Digest,
    /// The version of the password that was proved.
    pub password_version: i64,
    /// The event.
    pub event: EventRecord,
}

impl Change for OpenBrowserSession {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let BrowserSession {
            id,
            user,
            authentication,
            expires_at,
            ..
        } = &self.session;
        let Authentication { auth_time, acr, amr } = authentication.clone();
        let binds = (
            *id,
            self.cookie,
            *user,
            auth_time,
            acr,
            amr.join(" "),
            self.label.clone(),
            *expires_at,
            self.password_version,
        );
        if tx.one(OPEN, binds).await?.is_none() {
            return Ok(false);
        }
        events::record(tx, &self.event).await?;
        Ok(true)
    }
}
