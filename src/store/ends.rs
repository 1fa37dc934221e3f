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
        events,
        revocations::Name,
    },
};

statements! {
    /// Device sessions that ended after $1, also those that no app had redeemed; the newest, at most $2.
    pub DEVICES: (Instant, i64) => (DeviceSessionId, Instant) =
        "SELECT id, ended_at FROM device_sessions WHERE ended_at > $1 ORDER BY ended_at DESC LIMIT $2";
    /// Browser sessions that ended after $1; the newest, at most $2.
    pub BROWSERS: (Instant, i64) => (BrowserSessionId, Instant) =
        "SELECT id, ended_at FROM browser_sessions WHERE ended_at > $1 ORDER BY ended_at DESC LIMIT $2";
    /// Revocations that were recorded after $1 and are in force at $2; the newest, at most $3.
    pub REVOCATIONS: (Instant, Instant, i64) => (String, Vec<u8>, Option<DeviceSessionId>, Instant, Instant) =
        "SELECT kind, id, session_id, until, recorded_at FROM revocations
         WHERE recorded_at > $1 AND until > $2 ORDER BY recorded_at DESC LIMIT $3";
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
    /// What, and the session of a single token.
    pub revocations: Vec<(Name, Option<DeviceSessionId>)>,
    /// When.
    pub now: Instant,
    /// Until when. It counts anew: others may have issued tokens from the database that went back.
    pub until: Instant,
    /// The event, if any was missing.
    pub event: EventRecord,
}

impl Change for RevokeAgain {
    type Out = u64;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<u64> {
        let mut missing = 0;
        for ((kind, id), session) in &self.revocations {
            let issued_before = self.now.plus(ISSUED_BEFORE);
            let binds = (
                kind.clone(),
                id.clone(),
                *session,
                issued_before,
                self.until,
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
