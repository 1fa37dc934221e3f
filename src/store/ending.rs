//! The one function that ends things: the node first, then what hangs on it, then the revocations and the event.

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, EventId, UserId},
        text::Note,
        time::{Instant, Lifetime},
    },
    domain::{
        actor::{Actor, Initiator},
        ending::{Ending, Reason},
        event::{Event, EventRecord, Subject},
    },
    store::{
        consents,
        db::{Change, WriteTx, statements},
        error::Result,
        events, keys, outbox,
    },
};

/// How far a token's `iat` may lie after the end and still be refused: nodes' clocks differ.
pub const ISSUED_BEFORE: Lifetime = Lifetime::from_secs(10);

/// How much longer than its longest token a revocation is kept: clocks differ, and requests take time.
const GRACE: Lifetime = Lifetime::from_secs(120);

/// How many sessions of a client one end reaches. There may be more: it is repeated until there are none.
pub const MANY: i64 = 1000;

/// A device session that ended, and when its app had redeemed its code, if it had.
pub type EndedDevice = (DeviceSessionId, Option<Instant>);

statements! {
    BROWSER: (Instant, &'static str, EventId, BrowserSessionId) => (BrowserSessionId,) =
        "UPDATE browser_sessions SET ended_at = $1, end_reason = $2, end_event = $3
         WHERE id = $4 AND ended_at IS NULL
         RETURNING id";
    BROWSERS_OF_USER: (Instant, &'static str, EventId, UserId, Option<BrowserSessionId>) => (BrowserSessionId,) =
        "UPDATE browser_sessions SET ended_at = $1, end_reason = $2, end_event = $3
         WHERE user_id = $4 AND ended_at IS NULL AND ($5 IS NULL OR id <> $5)
         RETURNING id";
    DEVICE: (Instant, &'static str, EventId, DeviceSessionId) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND id = $4
         RETURNING id, activated_at";
    GRANTED: (Instant, &'static str, EventId, DeviceSessionId) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state = 'granted' AND id = $4
         RETURNING id, activated_at";
    DEVICES_WITH_BROWSER: (Instant, &'static str, EventId, BrowserSessionId) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND browser_session_id = $4 AND life = 'with_browser'
         RETURNING id, activated_at";
    DEVICES_OF_ORIGIN: (Instant, &'static str, EventId, BrowserSessionId) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND browser_session_id = $4
         RETURNING id, activated_at";
    /// A session that was opened from no browser ends with the rest: one hanging under another, unless that is kept, and a
    /// device's that was only allowed in the browser that is kept, maybe for somebody else.
    DEVICES_OF_USER: (Instant, &'static str, EventId, UserId, Option<BrowserSessionId>) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND user_id = $4
           AND ($5 IS NULL OR browser_session_id IS NULL OR browser_session_id <> $5)
           AND ($5 IS NULL OR parent_id IS NULL
                OR parent_id NOT IN (SELECT id FROM device_sessions WHERE browser_session_id = $5))
         RETURNING id, activated_at";
    /// Those with these ids, which stand one behind the other, sixteen bytes each.
    DEVICES: (Instant, &'static str, EventId, Vec<u8>) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND id IN (
           WITH RECURSIVE part (at) AS (SELECT 1 UNION ALL SELECT at + 16 FROM part WHERE at + 16 < LENGTH($4))
           SELECT " { sqlite: "substr($4, at, 16)", postgres: "CAST(encode(substr($4, at, 16), 'hex') AS UUID)" } " FROM part)
         RETURNING id, activated_at";
    DEVICES_OF_CONSENT: (Instant, &'static str, EventId, UserId, ClientId) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND user_id = $4 AND client_id = $5
         RETURNING id, activated_at";
    /// Some of them: an app may have millions, and a change is bounded.
    DEVICES_OF_CLIENT: (Instant, &'static str, EventId, ClientId, i64) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND id IN (
           SELECT id FROM device_sessions WHERE client_id = $4 AND state <> 'ended' LIMIT $5)
         RETURNING id, activated_at";
    /// What hangs under the sessions that this end ended. A later statement than theirs: one that was being opened under
    /// them made that one wait, and was not yet to be seen when it began.
    DEVICES_UNDER: (Instant, &'static str, EventId) => EndedDevice =
        "UPDATE device_sessions SET state = 'ended', ended_at = $1, end_reason = $2, end_event = $3
         WHERE state <> 'ended' AND parent_id IN (SELECT id FROM device_sessions WHERE end_event = $3)
         RETURNING id, activated_at";
    /// What this end ended and had tokens is listed until the last of them has expired.
    REVOKE: (EventId, Instant, Instant, Instant) => () =
        "INSERT INTO revocations (kind, id, issued_before, until, recorded_at)
         SELECT 'session', " { sqlite: "id", postgres: "uuid_send(id)" } ", $2, $3, $4 FROM device_sessions WHERE end_event = $1 AND activated_at IS NOT NULL
         ON CONFLICT (kind, id) DO UPDATE SET issued_before = excluded.issued_before, until = excluded.until,
           recorded_at = excluded.recorded_at";
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
    /// When the last token of any of them has expired everywhere, as far as is known before it is written.
    pub until: Instant,
    /// The id of the event that tells of it.
    pub event: EventId,
    /// Whom the event is about.
    pub subject: Subject,
    /// Who ends it; nothing when that is whom it is about.
    pub actor: Option<Actor>,
    /// Why, in the words of an operator.
    pub note: Option<Note>,
}

/// When the last access token that was issued before `now` has expired everywhere, if none lives longer than `longest`.
pub fn revoked_until(now: Instant, longest: Lifetime) -> Instant {
    now.plus(longest).plus(GRACE)
}

/// Which sessions ended. Whoever writes an end hands this to the memory of ends before anybody is told.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedSessions {
    /// When.
    pub at: Instant,
    /// When the last token of any of them has expired everywhere.
    pub until: Instant,
    /// Browser sessions.
    pub browsers: Vec<BrowserSessionId>,
    /// Device sessions.
    pub devices: Vec<EndedDevice>,
}

impl EndedSessions {
    /// How many that is.
    pub fn count(&self) -> Ended {
        Ended {
            browsers: self.browsers.len() as u64,
            devices: self.devices.len() as u64,
        }
    }
}

/// How much ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ended {
    /// Browser sessions.
    pub browsers: u64,
    /// Device sessions.
    pub devices: u64,
}

impl EndSessions {
    /// The same, done by somebody.
    #[must_use]
    pub fn by(mut self, initiator: impl Into<Initiator>) -> Self {
        let Initiator { actor, address } = initiator.into();
        self.subject.address = address.or(self.subject.address);
        Self {
            actor: Some(actor),
            ..self
        }
    }
}

impl Change for EndSessions {
    type Out = EndedSessions;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<EndedSessions> {
        end(tx, self).await
    }
}

/// Ends what `end` names. Ending what has ended changes nothing and writes no event.
pub async fn end(tx: &mut WriteTx<'_>, end: &EndSessions) -> Result<EndedSessions> {
    let (changed, ended) = end_without_event(tx, end).await?;
    if !changed {
        return Ok(ended);
    }
    let count = ended.count();
    let record = EventRecord {
        id: end.event,
        at: end.now,
        subject: end.subject.clone(),
        actor: end.actor.clone(),
        event: Event::SessionsEnded {
            ending: end.ending.clone(),
            reason: end.reason,
            devices: count.devices,
            browsers: count.browsers,
            note: end.note.clone(),
        },
    };
    events::record(tx, &record).await?;
    tx.notify();
    Ok(ended)
}

/// The same where the event that tells of it is written by itself. Whether anything changed, and what ended: a consent is
/// withdrawn also when no session is left of it.
pub(super) async fn end_without_event(
    tx: &mut WriteTx<'_>,
    end: &EndSessions,
) -> Result<(bool, EndedSessions)> {
    let (now, reason, event) = (end.now, end.reason.as_str(), end.event);
    let mut changed = false;
    let (browsers, mut devices) = match &end.ending {
        Ending::Device { id } => (Vec::new(), tx.all(DEVICE, (now, reason, event, *id)).await?),
        Ending::Granted { id } => (Vec::new(), tx.all(GRANTED, (now, reason, event, *id)).await?),
        Ending::Browser { id } => (
            tx.all(BROWSER, (now, reason, event, *id)).await?,
            tx.all(DEVICES_WITH_BROWSER, (now, reason, event, *id)).await?,
        ),
        Ending::Logout { id, device } => {
            let browsers = tx.all(BROWSER, (now, reason, event, *id)).await?;
            let mut devices = tx.all(DEVICE, (now, reason, event, *device)).await?;
            devices.extend(tx.all(DEVICES_WITH_BROWSER, (now, reason, event, *id)).await?);
            (browsers, devices)
        }
        Ending::AllOfOrigin { id } => (
            tx.all(BROWSER, (now, reason, event, *id)).await?,
            tx.all(DEVICES_OF_ORIGIN, (now, reason, event, *id)).await?,
        ),
        Ending::User { id, keep } => (
            tx.all(BROWSERS_OF_USER, (now, reason, event, *id, *keep)).await?,
            tx.all(DEVICES_OF_USER, (now, reason, event, *id, *keep)).await?,
        ),
        Ending::Consent { user, client } => {
            changed = tx.run(consents::DELETE, (*user, client.clone())).await? > 0;
            let binds = (now, reason, event, *user, client.clone());
            (Vec::new(), tx.all(DEVICES_OF_CONSENT, binds).await?)
        }
        Ending::Matching { ids, .. } => {
            let ids = ids.iter().flat_map(|id| id.to_bytes()).collect();
            (Vec::new(), tx.all(DEVICES, (now, reason, event, ids)).await?)
        }
        Ending::Client { id } => {
            let binds = (now, reason, event, id.clone(), MANY);
            (Vec::new(), tx.all(DEVICES_OF_CLIENT, binds).await?)
        }
    };
    // What was never redeemed has nothing hanging under it, no token to refuse, and no app that knows of it.
    let mut until = end.until;
    let had_tokens = devices.iter().any(|(_, activated_at)| activated_at.is_some());
    if had_tokens {
        devices.extend(tx.all(DEVICES_UNDER, (now, reason, event)).await?);
        until = keys::revoked_until(tx, now, until).await?;
        tx.run(REVOKE, (event, now.plus(ISSUED_BEFORE), until, now))
            .await?;
        tx.run(outbox::TELL, (event, now)).await?;
    }
    let ended = EndedSessions {
        at: now,
        until,
        browsers: browsers.into_iter().map(|(id,)| id).collect(),
        devices,
    };
    changed |= ended.count() != Ended::default();
    Ok((changed, ended))
}
