//! Who is signed in to the console. A row hangs on the device session of the console's client, so that whatever ends that
//! ends this; what the person may do is read with it each time.

use crate::{
    base::{
        digest::Digest,
        id::{DeviceSessionId, UserId},
        time::Instant,
    },
    domain::{admin_session::AdminSession, role::Role},
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
    },
};

type SessionRow = (DeviceSessionId, UserId, String, String, Instant, Instant, Instant);

statements! {
    /// Hangs on the live session of somebody who is an admin: the session, the cookie, when they proved who they are, its
    /// end, now.
    pub OPEN: (DeviceSessionId, Digest, Instant, Instant, Instant) => (DeviceSessionId,) =
        "INSERT INTO admin_sessions (id, digest, auth_time, last_seen_at, expires_at)
         SELECT d.id, $2, $3, $5, $4 FROM device_sessions d JOIN users u ON u.id = d.user_id
         WHERE d.id = $1 AND d.state = 'active' AND u.disabled_at IS NULL AND COALESCE(u.role, '') <> ''
         RETURNING id";
    LOAD: (Digest, Instant, Instant) => SessionRow =
        "SELECT a.id, u.id, u.email, u.role, a.auth_time, a.last_seen_at, a.expires_at
         FROM admin_sessions a
         JOIN device_sessions d ON d.id = a.id
         JOIN users u ON u.id = d.user_id
         WHERE a.digest = $1 AND a.expires_at > $2 AND a.last_seen_at > $3
           AND d.state = 'active' AND d.expires_at > $2 AND u.disabled_at IS NULL AND COALESCE(u.role, '') <> ''";
    TOUCH: (DeviceSessionId, Instant) => () =
        "UPDATE admin_sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2";
    TOUCH_DEVICE_SESSION: (DeviceSessionId, Instant) => () =
        "UPDATE device_sessions SET rotated_at = $2 WHERE id = $1 AND state = 'active' AND rotated_at < $2";
    /// Deletes sessions that were over at an instant, so many at most. No row: none was left.
    pub DELETE_PAST: (Instant, i64) => (DeviceSessionId,) =
        "DELETE FROM admin_sessions
         WHERE id IN (SELECT id FROM admin_sessions WHERE expires_at <= $1 LIMIT $2)
         RETURNING id";
}

/// Remembers that a session was used, where each list of device sessions looks as well: the console's never refresh.
#[derive(Debug)]
pub struct Touch {
    /// Which.
    pub id: DeviceSessionId,
    /// When.
    pub now: Instant,
}

impl Change for Touch {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.run(TOUCH, (self.id, self.now)).await?;
        tx.run(TOUCH_DEVICE_SESSION, (self.id, self.now)).await?;
        Ok(())
    }
}

/// The live session of a cookie; `idle_since` is the oldest use that still counts.
pub async fn load(
    db: &Db,
    cookie: Digest,
    now: Instant,
    idle_since: Instant,
) -> Result<Option<AdminSession>> {
    let row = db.read(LOAD, (cookie, now, idle_since)).await?;
    row.map(read).transpose()
}

fn read((id, user, email, role, auth_time, last_seen_at, expires_at): SessionRow) -> Result<AdminSession> {
    Ok(AdminSession {
        id,
        user,
        email: email.parse().map_err(|_| StoreError::corrupt("users.email"))?,
        role: role
            .parse::<Role>()
            .map_err(|_| StoreError::corrupt("users.role"))?,
        auth_time,
        last_seen_at,
        expires_at,
    })
}
