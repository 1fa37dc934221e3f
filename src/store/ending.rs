//! The one function that ends things: the node first, then what hangs on it, then the revocations and the event.

use serde::Serialize;

use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, EventId, UserId},
        time::{Instant, Lifetime},
    },
    domain::{
        ending::{Ending, Reason},
        event::{Event, EventRecord, Subject},
    },
    store::{
        db::{Change, WriteTx, statements},
        error::Result,
        events,
    },
};

/// How far a token's `iat` may lie after the end and still be refused: nodes' clocks differ.
pub const ISSUED_BEFORE: Lifetime = Lifetime::from_secs(10);

statements! {
    BROWSER: (Instant, &'static str, EventId, BrowserSessionId) => () =
        "UPDATE browser_sessions SET ended_at = $1, end_reason = $2, end_event = $3
         WHERE id = $4 AND ended_at IS NULL";
    BROWSERS_OF_USER: (Instant, &'static str, EventId, UserId, Option<BrowserSessionId>) => () =
        "UPDATE browser_sessions SET ended_at = $1, end_reason = $2, end_event = $3
         WHERE user_id = $4 AND ended_at IS NULL AND ($5 IS NULL OR id <> $5)";
    DEVICE: (Instant, &'static str, EventId, DeviceSessionId) => () =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND (id = $4 OR parent_id = $4)";
    GRANTED: (Instant, &'static str, EventId, DeviceSessionId) => () =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state = 'granted' AND id = $4";
    DEVICES_WITH_BROWSER: (Instant, &'static str, EventId, BrowserSessionId) => () =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND (
           (browser_session_id = $4 AND life = 'with_browser')
           OR parent_id IN (SELECT id FROM device_sessions WHERE browser_session_id = $4 AND life = 'with_browser'))";
    DEVICES_OF_ORIGIN: (Instant, &'static str, EventId, BrowserSessionId) => () =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND (
           browser_session_id = $4
           OR parent_id IN (SELECT id FROM device_sessions WHERE browser_session_id = $4))";
    DEVICES_OF_USER: (Instant, &'static str, EventId, UserId, Option<BrowserSessionId>) => () =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND user_id = $4
           AND ($5 IS NULL OR browser_session_id IS NULL OR browser_session_id <> $5)
           AND ($5 IS NULL OR parent_id IS NULL
                OR parent_id NOT IN (SELECT id FROM device_sessions WHERE browser_session_id = $5))";
    DEVICES_OF_CONSENT: (Instant, &'static str, EventId, UserId, ClientId) => () =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND user_id = $4 AND (
           client_id = $5
           OR parent_id IN (SELECT id FROM device_sessions WHERE user_id = $4 AND client_id = $5))";
    DEVICES_OF_CLIENT: (Instant, &'static str, EventId, ClientId) => () =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND (
           client_id = $4 OR parent_id IN (SELECT id FROM device_sessions WHERE client_id = $4))";
    /// What this end ended and had tokens is listed until the last of them has expired.
    REVOKE: (EventId, Instant, Instant, Instant) => () =
        "INSERT INTO revocations (kind, id, issued_before, until, recorded_at)
         SELECT 'session', " { sqlite: "id", postgres: "uuid_send(id)" } ", $2, $3, $4 FROM device_sessions WHERE end_event = $1 AND activated_at IS NOT NULL
         ON CONFLICT (kind, id) DO UPDATE SET until = excluded.until, recorded_at = excluded.recorded_at";
}

/// An end.
#[derive(Debug, Clone)]
pub struct EndSessions {
    /// What ends, and how far that reaches.
    pub ending: Ending,
    /// Why.
    pub reason: Reason,
    /// When.
    pub now: Instant,
    /// When the last token of any of them has expired everywhere.
    pub until: Instant,
    /// The id of the event that tells of it.
    pub event: EventId,
    /// Whom the event is about.
    pub subject: Subject,
}

/// How much ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Ended {
    /// Browser sessions.
    pub browsers: u64,
    /// Device sessions.
    pub devices: u64,
}

impl Change for EndSessions {
    type Out = Ended;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Ended> {
        end(tx, self).await
    }
}

/// Ends what `end` names. Ending what has ended changes nothing and writes no event.
pub async fn end(tx: &mut WriteTx<'_>, end: &EndSessions) -> Result<Ended> {
    let ended = end_without_event(tx, end).await?;
    if ended == Ended::default() {
        return Ok(ended);
    }
    let record = EventRecord {
        id: end.event,
        at: end.now,
        subject: end.subject.clone(),
        event: Event::SessionsEnded {
            ending: end.ending.clone(),
            reason: end.reason,
            devices: ended.devices,
            browsers: ended.browsers,
        },
    };
    events::record(tx, &record).await?;
    Ok(ended)
}

/// The same where the event that tells of it is written by itself.
pub(super) async fn end_without_event(tx: &mut WriteTx<'_>, end: &EndSessions) -> Result<Ended> {
    let (now, reason, event) = (end.now, end.reason.as_str(), end.event);
    let mut ended = Ended::default();
    match &end.ending {
        Ending::Device { id } => ended.devices = tx.run(DEVICE, (now, reason, event, *id)).await?,
        Ending::Granted { id } => ended.devices = tx.run(GRANTED, (now, reason, event, *id)).await?,
        Ending::Browser { id } => {
            ended.browsers = tx.run(BROWSER, (now, reason, event, *id)).await?;
            ended.devices = tx.run(DEVICES_WITH_BROWSER, (now, reason, event, *id)).await?;
        }
        Ending::AllOfOrigin { id } => {
            ended.browsers = tx.run(BROWSER, (now, reason, event, *id)).await?;
            ended.devices = tx.run(DEVICES_OF_ORIGIN, (now, reason, event, *id)).await?;
        }
        Ending::User { id, keep } => {
            ended.browsers = tx.run(BROWSERS_OF_USER, (now, reason, event, *id, *keep)).await?;
            ended.devices = tx.run(DEVICES_OF_USER, (now, reason, event, *id, *keep)).await?;
        }
        Ending::Consent { user, client } => {
            ended.devices = tx
                .run(DEVICES_OF_CONSENT, (now, reason, event, *user, client.clone()))
                .await?;
        }
        Ending::Client { id } => {
            ended.devices = tx
                .run(DEVICES_OF_CLIENT, (now, reason, event, id.clone()))
                .await?;
        }
    }
    if ended.devices > 0 {
        tx.run(REVOKE, (event, now.plus(ISSUED_BEFORE), end.until, now))
            .await?;
    }
    Ok(ended)
}
