//! What must be refused although it has not expired.

use crate::{
    base::{
        id::{DeviceSessionId, KeyId},
        time::Instant,
    },
    domain::event::EventRecord,
    store::{
        db::{Change, WriteTx, statements},
        ending::{self, EndSessions, EndedSessions},
        error::Result,
        events, keys,
    },
};

pub use crate::domain::revocation::{CLIENT, KEY, Name, SESSION, TOKEN};

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
         ON CONFLICT (kind, id) DO UPDATE SET issued_before = excluded.issued_before, until = excluded.until,
           recorded_at = excluded.recorded_at";
    /// Lists a signing key: kid, issued before (which does not matter), until, recorded at.
    INSERT_KEY: (Vec<u8>, Instant, Instant, Instant) => () =
        "INSERT INTO revocations (kind, id, issued_before, until, recorded_at) VALUES ('key', $1, $2, $3, $4)
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
    /// How long anybody may still hold it for good, as far as is known before it is written.
    pub until: Instant,
    /// The event.
    pub event: EventRecord,
}

/// Until when it is listed, and what ended, if it came to that.
impl Change for RevokeToken {
    type Out = (Instant, Option<EndedSessions>);

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<(Instant, Option<EndedSessions>)> {
        let until = keys::revoked_until(tx, self.now, self.until).await?;
        let issued_before = self.now.plus(ending::ISSUED_BEFORE);
        let binds = (
            self.jti.clone(),
            self.session.as_ref().map(|(session, _)| *session),
            issued_before,
            until,
            self.now,
        );
        if tx.run(INSERT_TOKEN, binds).await? == 0 {
            return Ok((until, None));
        }
        events::record(tx, &self.event).await?;
        if let Some((session, end)) = &self.session {
            let counted = tx.one(COUNT_TOKENS, (*session, self.now)).await?;
            if counted.is_some_and(|(count,)| count > MAX_TOKENS_OF_A_SESSION) {
                return Ok((until, Some(ending::end(tx, end).await?)));
            }
        }
        tx.notify();
        Ok((until, None))
    }
}

/// Takes a key back whose secret may be in somebody else's hands, as a part of a larger change: it is gone, its secret half
/// destroyed, its public half verifies nothing any more. With `until`, resource servers are told to refuse what it signed until
/// then. How many keys that was: none when it is so already. Whoever writes it hands it to the memory of ends, as every end.
pub async fn withdraw_key(
    tx: &mut WriteTx<'_>,
    kid: KeyId,
    now: Instant,
    until: Option<Instant>,
) -> Result<u64> {
    let withdrawn = tx.run(keys::WITHDRAW, (kid.to_string(), now, Vec::new())).await?;
    if let Some(until) = until.filter(|_| withdrawn > 0) {
        let issued_before = now.plus(ending::ISSUED_BEFORE);
        let binds = (kid.to_string().into_bytes(), issued_before, until, now);
        tx.run(INSERT_KEY, binds).await?;
        tx.notify();
    }
    Ok(withdrawn)
}
