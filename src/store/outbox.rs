//! Messages that wait until their recipients have them. Each is written in the transaction of what it tells of, and taken
//! by one node at a time: who takes it moves its next try behind the time that this one may last.

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, EventId, UserId},
        time::Instant,
    },
    domain::{
        event::EventRecord,
        message::{Message, MessageKind},
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        events,
    },
};

statements! {
    /// Clients that want to hear of it are told of what an end ended, as far as they ever had a token: the end, now.
    pub(super) TELL: (EventId, Instant) => () =
        "INSERT INTO outbox (recipient, kind, about_id, user_id, created_at, due_at, attempts)
         SELECT s.client_id, 'backchannel_logout', s.id, s.user_id, $2, $2, 0
         FROM device_sessions s JOIN clients c ON c.id = s.client_id
         WHERE s.end_event = $1 AND s.activated_at IS NOT NULL AND c.hears_logout = 1 AND c.disabled_at IS NULL
         ON CONFLICT (recipient, kind, about_id) DO NOTHING";
    /// Whom there is something to tell, who has waited longest first, without those that are spared: now, how many at most.
    DUE: (Instant, i64) => (String,) =
        "SELECT recipient FROM outbox
         WHERE due_at <= $1
           AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = outbox.recipient AND c.spared_until > $1)
         GROUP BY recipient ORDER BY MIN(due_at) LIMIT $2";
    /// Takes the messages of a recipient that wait longest: recipient, now, when others may take them, how many at most.
    TAKE: (ClientId, Instant, Instant, i64) => (String, DeviceSessionId, UserId, Instant, i64) =
        "UPDATE outbox SET due_at = $3, attempts = attempts + 1
         WHERE recipient = $1 AND due_at <= $2
           AND about_id IN (SELECT about_id FROM outbox WHERE recipient = $1 AND due_at <= $2 ORDER BY due_at LIMIT $4)
         RETURNING kind, about_id, user_id, created_at, attempts";
    /// It was delivered, or nobody is there to hear it: recipient, kind, session.
    DONE: (ClientId, &'static str, DeviceSessionId) => (DeviceSessionId,) =
        "DELETE FROM outbox WHERE recipient = $1 AND kind = $2 AND about_id = $3 RETURNING about_id";
    /// Tries it again: recipient, kind, session, when.
    AGAIN: (ClientId, &'static str, DeviceSessionId, Instant) => (DeviceSessionId,) =
        "UPDATE outbox SET due_at = $4 WHERE recipient = $1 AND kind = $2 AND about_id = $3 RETURNING about_id";
    /// This recipient is asked nothing before an instant.
    SPARE: (ClientId, Instant) => () =
        "UPDATE clients SET spared_until = $2 WHERE id = $1";
    /// Forgets what has waited since before an instant, whether it was ever tried or not, so many at most. No row: none was
    /// left.
    pub SWEEP: (Instant, i64) => (String,) =
        "DELETE FROM outbox
         WHERE created_at < $1 AND (recipient, kind, about_id) IN (
           SELECT recipient, kind, about_id FROM outbox WHERE created_at < $1 LIMIT $2)
         RETURNING recipient";
    /// Forgets what waits for a client that wants to hear nothing (any more).
    pub FORGET: (ClientId,) => (DeviceSessionId,) =
        "DELETE FROM outbox
         WHERE recipient = $1
           AND NOT EXISTS (SELECT 1 FROM clients WHERE id = $1 AND hears_logout = 1 AND disabled_at IS NULL)
         RETURNING about_id";
}

/// Whom there is something to tell.
pub async fn due(db: &Db, now: Instant, most: i64) -> Result<Vec<ClientId>> {
    let rows = db.read_all(DUE, (now, most)).await?.into_iter();
    rows.map(|(recipient,)| {
        recipient
            .parse()
            .map_err(|_| StoreError::corrupt("outbox.recipient"))
    })
    .collect()
}

/// Messages of one recipient, for one try each.
#[derive(Debug)]
pub struct TakeMessages {
    /// Whose.
    pub recipient: ClientId,
    /// Now.
    pub now: Instant,
    /// When somebody else may take them, if nothing is heard of them until then.
    pub until: Instant,
    /// How many at most.
    pub most: i64,
}

impl Change for TakeMessages {
    type Out = Vec<Message>;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<Vec<Message>> {
        let binds = (self.recipient.clone(), self.now, self.until, self.most);
        let rows = tx.all(TAKE, binds).await?.into_iter();
        rows.map(|(kind, session, user, created_at, attempts)| {
            Ok(Message {
                recipient: self.recipient.clone(),
                kind: MessageKind::named(&kind).ok_or_else(|| StoreError::corrupt("outbox.kind"))?,
                session,
                user,
                created_at,
                attempts,
            })
        })
        .collect()
    }
}

/// What became of the messages of a [`TakeMessages`].
#[derive(Debug)]
pub struct Settle {
    /// Whose.
    pub recipient: ClientId,
    /// Delivered ones.
    pub done: Vec<(MessageKind, DeviceSessionId)>,
    /// Those that are tried again, and when.
    pub again: Vec<(MessageKind, DeviceSessionId, Instant)>,
    /// Those that are given up, with the event that says so.
    pub given_up: Vec<(MessageKind, DeviceSessionId, EventRecord)>,
    /// The recipient does not answer: nothing for it is tried before this.
    pub spared_until: Option<Instant>,
}

impl Change for Settle {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        let recipient = || self.recipient.clone();
        for (kind, session) in &self.done {
            tx.one(DONE, (recipient(), kind.as_str(), *session)).await?;
        }
        for (kind, session, at) in &self.again {
            tx.one(AGAIN, (recipient(), kind.as_str(), *session, *at)).await?;
        }
        for (kind, session, event) in &self.given_up {
            if tx
                .one(DONE, (recipient(), kind.as_str(), *session))
                .await?
                .is_some()
            {
                events::record(tx, event).await?;
            }
        }
        if let Some(until) = self.spared_until {
            tx.run(SPARE, (recipient(), until)).await?;
        }
        Ok(())
    }
}
