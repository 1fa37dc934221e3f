//! Ends, as every verb makes them: prepared here, written by the one function that ends things (`store/ending.rs`), and
//! remembered here before anybody is told.

use crate::{
    base::{id::EventId, text::Note, time::Instant},
    domain::{
        actor::{Actor, Initiator},
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::Provider,
    store::{
        ending::{self, EndSessions, Ended, EndedSessions},
        error::Result,
    },
};

/// Ends a node and what its reach names; done when this returns.
pub async fn end(provider: &Provider, ending: Ending, reason: Reason, subject: Subject) -> Result<Ended> {
    let now = provider.clock.now();
    let change = prepare(provider, now, ending, reason, subject);
    Ok(remember(provider, &provider.db.write(change).await?))
}

/// The same, done by somebody else than whom it is about.
pub async fn end_by(
    provider: &Provider,
    ending: Ending,
    reason: Reason,
    subject: Subject,
    actor: Actor,
) -> Result<Ended> {
    let now = provider.clock.now();
    let change = prepare(provider, now, ending, reason, subject).by(actor);
    Ok(remember(provider, &provider.db.write(change).await?))
}

/// The same for an operator or an admin, who may say why.
pub async fn end_as_operator(
    provider: &Provider,
    ending: Ending,
    subject: Subject,
    note: Option<Note>,
    by: Initiator,
) -> Result<Ended> {
    let now = provider.clock.now();
    let end = prepare(provider, now, ending, Reason::EndedByOperator, subject).by(by);
    let change = EndSessions { note, ..end };
    Ok(remember(provider, &provider.db.write(change).await?))
}

/// Remembers what a change ended; how much that was. Comes between the commit and the answer: what is acknowledged as
/// ended is refused by this node from now on, whatever becomes of the database. And whoever wants to hear of it is told.
pub fn remember(provider: &Provider, ended: &EndedSessions) -> Ended {
    provider.ends.remember(ended);
    if !ended.devices.is_empty() {
        provider.outbox.notify_one();
    }
    ended.count()
}

/// The end as a part of a larger change.
pub fn prepare(
    provider: &Provider,
    now: Instant,
    ending: Ending,
    reason: Reason,
    subject: Subject,
) -> EndSessions {
    EndSessions {
        ending,
        reason,
        now,
        until: revoked_until(provider, now),
        event: EventId::new(now, &provider.entropy),
        subject,
        actor: None,
        note: None,
    }
}

/// When the last access token that was issued before `now` has expired everywhere, as far as this node knows the settings; what
/// is written is no earlier than what the database knows of them.
pub fn revoked_until(provider: &Provider, now: Instant) -> Instant {
    ending::revoked_until(now, provider.longest_access_token())
}
