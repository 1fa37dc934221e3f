//! What ended lately: nodes read each other's ends here, and write again what a database that went back has lost.

use crate::{
    base::{
        id::{BrowserSessionId, DeviceSessionId},
        time::Instant,
    },
    domain::event::EventRecord,
    store::{
        db::{Change, WriteTx, statements},
        ending::{self, EndSessions, EndedSessions, ISSUED_BEFORE},
        error::Result,
        events, keys,
        revocations::Name,
    },
};

/// Kind, id, session, issued before, until, recorded at.
pub type RevocationRow = (
    String,
    Vec<u8>,
    Option<DeviceSessionId>,
    Instant,
    Instant,
    Instant,
);

statements! {
    /// Device sessions that ended after the one that is named by time and id, also those that no app had redeemed; at most
    /// $3. The oldest first: what is written while somebody reads page by page comes last, and is not missed.
    pub DEVICES: (Instant, DeviceSessionId, i64) => (DeviceSessionId, Instant) =
        "SELECT id, ended_at FROM device_sessions
         WHERE ended_at >= $1 AND (ended_at, id) > ($1, $2) ORDER BY ended_at, id LIMIT $3";
    /// Browser sessions, likewise.
    pub BROWSERS: (Instant, BrowserSessionId, i64) => (BrowserSessionId, Instant) =
        "SELECT id, ended_at FROM browser_sessions
         WHERE ended_at >= $1 AND (ended_at, id) > ($1, $2) ORDER BY ended_at, id LIMIT $3";
    /// Revocations that were recorded after the one that is named by time, kind and id; at most $4, the oldest first.
    pub REVOCATIONS: (Instant, String, Vec<u8>, i64) => RevocationRow =
        "SELECT kind, id, session_id, issued_before, until, recorded_at FROM revocations
         WHERE recorded_at >= $1 AND (recorded_at, kind, id) > ($1, $2, $3)
         ORDER BY recorded_at, kind, id LIMIT $4";
    /// The same in the order of their ends: those that are in force at a time are those after it.
    pub IN_FORCE: (Instant, String, Vec<u8>, i64) => RevocationRow =
        "SELECT kind, id, session_id, issued_before, until, recorded_at FROM revocations
         WHERE until >= $1 AND (until, kind, id) > ($1, $2, $3)
         ORDER BY until, kind, id LIMIT $4";
    /// kind, id, session, issued before, until, recorded at.
    REVOKE_AGAIN: (String, Vec<u8>, Option<DeviceSessionId>, Instant, Instant, Instant) => () =
        "INSERT INTO revocations (kind, id, session_id, issued_before, until, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, id) DO NOTHING";
}

/// Ends again what lives although it has ended. Each is an end like any other, that changes and tells nothing where the
/// database still knows of it; so several nodes may do it at once.
#[derive(Debug)]
pub struct EndAgain(pub Vec<EndSessions>);

impl Change for EndAgain {
    type Out = Vec<EndedSessions>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Vec<EndedSessions>> {
        let mut ended = Vec::new();
        for end in &self.0 {
            ended.push(ending::end(tx, end).await?);
        }
        Ok(ended)
    }
}

/// Lists again what has to be refused although the database has lost it: also tokens and sessions whose rows are gone,
/// since access tokens of them may live. How many were not listed.
#[derive(Debug)]
pub struct RevokeAgain {
    /// What, the session of a single token, and until when it was to be listed.
    pub revocations: Vec<(Name, Option<DeviceSessionId>, Instant)>,
    /// When.
    pub now: Instant,
    /// Until when at least. It counts anew: others may have issued tokens from the database that went back.
    pub until: Instant,
    /// The event, if any was missing.
    pub event: EventRecord,
}

impl Change for RevokeAgain {
    type Out = u64;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<u64> {
        let mut missing = 0;
        let at_least = keys::revoked_until(tx, self.now, self.until).await?;
        for ((kind, id), session, until) in &self.revocations {
            let issued_before = self.now.plus(ISSUED_BEFORE);
            let binds = (
                kind.clone(),
                id.clone(),
                *session,
                issued_before,
                at_least.max(*until),
                self.now,
            );
            missing += tx.run(REVOKE_AGAIN, binds).await?;
        }
        if missing > 0 {
            events::record(tx, &self.event).await?;
            tx.notify();
        }
        Ok(missing)
    }
}
