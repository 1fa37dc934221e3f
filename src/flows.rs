//! The verbs: one use case a file. No HTTP types, no SQL text; a verb takes a [`Provider`] and plain values.

use std::sync::Arc;

use postern_resource_server::ReplayMemory;
use tokio::sync::Notify;

use crate::{
    base::{
        entropy::Entropy,
        id::{EventId, NodeId},
        time::{Clock, Instant, Lifetime},
        url::Issuer,
    },
    domain::{
        actor::Initiator,
        event::{Event, EventRecord, Subject},
        policy::{Lifetimes, Limits, Links, Retention},
        registration::RegistrationPolicy,
    },
    ports::{
        client_documents::ClientDocuments, client_keys::ClientKeys, clients::ClientDirectory, ends::Ends,
        fetch::Fetcher, hasher::Hasher, keyring::Keyring, readiness::Readiness, streams::Streams,
    },
    store::db::Db,
};

pub mod access_token;
pub mod account;
pub mod admin;
pub mod answer;
pub mod association;
pub mod audit;
pub mod authorization_details;
pub mod authorize;
pub mod browser_session;
pub mod browserless_logout;
pub mod client_auth;
pub mod client_metadata;
pub mod clients;
pub mod confirm;
pub mod consent;
pub mod device;
pub mod discovery;
pub mod doctor;
pub mod dpop;
pub mod end;
pub mod events;
pub mod introspect;
pub mod issue;
pub mod keys;
pub mod legacy_uses;
pub mod logout;
pub mod mass_end;
pub mod nodes;
pub mod outbox;
pub mod pending;
pub mod pushed;
pub mod registration;
pub mod request_object;
pub mod restore;
pub mod revocations;
pub mod revoke;
pub mod seed;
pub mod sessions;
pub mod settings;
pub mod sign_in;
pub mod sweep;
pub mod token;
pub mod userinfo;
pub mod went_back;

/// The OpenID Provider: everything that a verb may use.
#[derive(Debug)]
pub struct Provider {
    /// This process among those that share the database.
    pub node: NodeId,
    /// The public URL; the `iss` of everything.
    pub issuer: Issuer,
    /// The URL of the private listener, where there is one.
    pub private_url: Option<Issuer>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How long the past is kept.
    pub retention: Retention,
    /// How many failed tries are taken.
    pub limits: Limits,
    /// Pages about the service.
    pub links: Links,
    /// Who may register clients by himself.
    pub registration: RegistrationPolicy,
    /// The database.
    pub db: Db,
    /// The same for the poll, which must not wait behind requests.
    pub polled: Db,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub entropy: Arc<Entropy>,
    /// The key rings.
    pub keys: Keyring,
    /// The clients.
    pub clients: ClientDirectory,
    /// Requests to places that somebody else named.
    pub fetcher: Arc<Fetcher>,
    /// The metadata of clients whose id is their address.
    pub client_documents: ClientDocuments,
    /// The keys of clients that have them elsewhere.
    pub client_keys: ClientKeys,
    /// What ended lately.
    pub ends: Arc<Ends>,
    /// The revocation streams that are open at this node.
    pub streams: Arc<Streams>,
    /// The DPoP proofs that this node has seen.
    pub proofs: ReplayMemory,
    /// Whether this node should be sent requests.
    pub readiness: Readiness,
    /// Rung by whoever hears that another node has written something: the poll looks at once.
    pub bell: Notify,
    /// Rung by whoever has written something that others have to be told: it is sent at once.
    pub outbox: Notify,
    /// Rung by whoever has begun to end many sessions.
    pub mass_ends: Notify,
    /// Places of those who wait until every API refuses what ended.
    pub waiting: confirm::Waiting,
    /// Signs that the database went back.
    pub went_back: went_back::Signs,
    /// The password pool.
    pub hasher: Hasher,
    /// Sign-ins that are being looked at.
    pub line: sign_in::Line,
}

impl Provider {
    /// An event that happens now.
    pub fn event(&self, now: Instant, subject: Subject, event: Event) -> EventRecord {
        EventRecord {
            id: EventId::new(now, &self.entropy),
            at: now,
            subject,
            actor: None,
            event,
        }
    }

    /// The same for what somebody else did than the one whom it is about.
    pub fn event_by(
        &self,
        now: Instant,
        initiator: impl Into<Initiator>,
        subject: Subject,
        event: Event,
    ) -> EventRecord {
        self.event(now, subject, event).by(initiator)
    }

    /// The oldest last use of a browser session that still counts.
    pub fn idle_since(&self, now: Instant) -> Instant {
        now.minus(self.lifetimes.browser_session_idle)
    }

    /// The longest life of any access token that may be in force.
    pub fn longest_access_token(&self) -> Lifetime {
        let by_settings = self.clients.longest(&self.lifetimes, |lives| lives.access_token);
        // What was issued before the settings became shorter lives on.
        by_settings.max(self.keys.load().longest_life)
    }
}
