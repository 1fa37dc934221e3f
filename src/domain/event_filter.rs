//! Which events somebody wants to see.

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, UserId},
        time::Instant,
    },
    domain::{actor::Actor, event::EventLine, event_kind::EventKind},
};

/// Everything that is named must be so; nothing named is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventFilter {
    /// The kind of event, such as `session.ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Which client it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Which device session it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<DeviceSessionId>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The address, as events show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Not before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Instant>,
    /// Before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
}

impl EventFilter {
    /// Its parts by their names, as in JSON.
    pub const PARTS: [&str; 8] = [
        "kind", "user", "client", "session", "actor", "address", "since", "until",
    ];

    /// Whether an event is one of those.
    pub fn takes(&self, event: &EventLine) -> bool {
        let subject = &event.subject;
        self.kind.is_none_or(|kind| kind.as_str() == event.kind)
            && (self.user.is_none() || self.user == subject.user)
            && (self.client.is_none() || self.client == subject.client)
            && (self.session.is_none() || self.session == subject.session)
            && (self.actor.is_none() || self.actor == event.actor)
            && (self.address.is_none() || self.address == subject.address)
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
    }
}
