//! What must be refused although it has not expired.

use crate::{
    base::{id::DeviceSessionId, time::Instant},
    domain::event::EventRecord,
    store::{
        db::{Change, WriteTx, statements},
        ending::{self, EndSessions, EndedSessions},
        error::Result,
        events,
    },
};

/// What a revocation names: the kind, and the id as bytes (a session's, a `jti`, a client's, a `kid`).
pub type Name = (String, Vec<u8>);

/// The kind of a device session.
pub const SESSION: &str = "session";
/// The kind of a client: its tokens without a session.
pub const CLIENT: &str = "client";
/// The kind of a single access token.
pub const TOKEN: &str = "token";

/// The kind of a signing key that was withdrawn.
pub const KEY: &str = "key";

/// More single tokens of one session than this are not listed: the session ends, which is one id.
pub const MAX_TOKENS_OF_A_SESSION: i64 = 16;

statements! {
    /// Lists a token once: jti, session, issued before, until, recorded at.
    pub(super) INSERT_TOKEN: (Vec<u8>, Option<DeviceSessionId>, Instant, Instant, Instant) => () =
        "INSERT INTO revocations (kind, id, session_id, issued_before, until, recorded_at)
         VALUES ('token', $1, $2, $3, $4, $5)
         ON CONFLICT (kind, id) DO NOTHING";
    /// Lists a session that has no row: id, issued before, until, recorded at.
    pub(super) INSERT_SESSION: (Vec<u8>, Instant, Instant, Instant) => () =
        "INSERT INTO revocations (kind, id, issued_before, until, recorded_at) VALUES ('session', $1, $2, $3, $4)
         ON CONFLICT (kind, id) DO UPDATE SET until = excluded.until, recorded_at = excluded.recorded_at";
    COUNT_TOKENS: (DeviceSessionId, Instant) => (i64,) =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM revocations WHERE kind = 'token' AND session_id = $1 AND until > $2";
    /// Deletes what has not mattered since an instant, so many at most. No row: none was left.
    pub DELETE_PAST: (Instant, i64) => (String,) =
        "DELETE FROM revocations
         WHERE until < $1 AND (kind, id) IN (SELECT kind, id FROM revocations WHERE until < $1 LIMIT $2)
         RETURNING kind";
    /// A single access token that was revoked.
    pub FIND_TOKEN: (Vec<u8>,) => (String,) =
        "SELECT kind FROM revocations WHERE kind = 'token' AND id = $1";
    /// Everything that still matters, for tests.
    pub LIST: (Instant,) => (String, Vec<u8>, Instant) =
        "SELECT kind, id, until FROM revocations WHERE until > $1 ORDER BY recorded_at, id LIMIT 1000";
}

/// Revokes one access token (RFC 7009), or its session when it had too many revoked already.
#[derive(Debug)]
pub struct RevokeToken {
    /// Its `jti`, as bytes.
    pub jti: Vec<u8>,
    /// Its session, with the end of that, if it comes to it. A client's own token has none.
    pub session: Option<(DeviceSessionId, EndSessions)>,
    /// When.
    pub now: Instant,
    /// How long anybody may still hold it for good.
    pub until: Instant,
    /// The event.
    pub event: EventRecord,
}

/// What ended, if it came to that.
impl Change for RevokeToken {
    type Out = Option<EndedSessions>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Option<EndedSessions>> {
        let issued_before = self.now.plus(ending::ISSUED_BEFORE);
        let binds = (
            self.jti.clone(),
            self.session.as_ref().map(|(session, _)| *session),
            issued_before,
            self.until,
            self.now,
        );
        if tx.run(INSERT_TOKEN, binds).await? == 0 {
            return Ok(None);
        }
        events::record(tx, &self.event).await?;
        if let Some((session, end)) = &self.session {
            let counted = tx.one(COUNT_TOKENS, (*session, self.now)).await?;
            if counted.is_some_and(|(count,)| count > MAX_TOKENS_OF_A_SESSION) {
                return ending::end(tx, end).await.map(Some);
            }
        }
        tx.notify();
        Ok(None)
    }
}
