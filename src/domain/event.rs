//! Everything that happens and matters, in one enum: written in the same transaction as the change.

use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::{Map, Value};

use crate::{
    base::{
        digest::Digest,
        id::{
            BrowserSessionId, ClientId, ClientSecretId, DeviceSessionId, EventId, MassEndId,
            RegistrationTokenId, UserId,
        },
        text::{Email, Note},
        time::Instant,
    },
    domain::{
        actor::{Actor, Initiator},
        client::Client,
        ending::{Ending, Reason},
        key::Ring,
        message::MessageKind,
        role::Role,
        scope::ScopeSet,
        session_filter::SessionFilter,
    },
};

/// What happened. Each variant names its kind, under which it stands in the database and in exports, and nothing else
/// names it; its fields are the event's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Event {
    /// A user was added.
    #[serde(rename = "user.created")]
    UserCreated {
        /// The address they sign in with.
        email: Email,
    },
    /// A user was disabled.
    #[serde(rename = "user.disabled")]
    UserDisabled,
    /// A disabled user may sign in again.
    #[serde(rename = "user.enabled")]
    UserEnabled,
    /// A person became an admin, another kind of admin, or none any more.
    #[serde(rename = "user.role_changed")]
    RoleChanged {
        /// What they were.
        before: Option<Role>,
        /// What they are.
        after: Option<Role>,
    },
    /// A password was set or changed.
    #[serde(rename = "user.password_changed")]
    PasswordChanged,
    /// A person proved who they are.
    #[serde(rename = "user.signed_in")]
    SignedIn {
        /// By what means (RFC 8176).
        amr: Vec<String>,
        /// Whether the browser was signed in as the same person before.
        again: bool,
        /// The browser session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        browser: Option<BrowserSessionId>,
    },
    /// Sign-ins failed: those to one account, from one block of addresses, within one minute.
    #[serde(rename = "user.sign_in_failed")]
    SignInFailed {
        /// Whether anybody has the account.
        account: FailedAccount,
        /// How many.
        count: i64,
        /// When the minute began.
        minute: Instant,
    },
    /// A person allowed an app something that it was not allowed before.
    #[serde(rename = "consent.granted")]
    ConsentGranted {
        /// What is allowed now.
        scope: ScopeSet,
    },
    /// What a person had allowed an app is not allowed any more.
    #[serde(rename = "consent.withdrawn")]
    ConsentWithdrawn,
    /// An app redeemed its code: a device session begins.
    #[serde(rename = "session.opened")]
    SessionOpened {
        /// What it may do.
        scope: ScopeSet,
        /// What the browser said it is.
        device: String,
    },
    /// Sessions ended.
    #[serde(rename = "session.ended")]
    SessionsEnded {
        /// What was ended and how far that reached.
        #[serde(flatten)]
        ending: Ending,
        /// Why.
        reason: Reason,
        /// How many device sessions that was; `granted` ones that never became a device count too.
        devices: u64,
        /// How many browser sessions.
        browsers: u64,
        /// Why, in the words of an operator who ended them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
    },
    /// An operator began to end all sessions that match a filter.
    #[serde(rename = "mass_end.begun")]
    MassEndBegun {
        /// Its id, which the ends of its sessions name.
        mass_end: MassEndId,
        /// What ends.
        filter: SessionFilter,
        /// Why, in the operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
    },
    /// All sessions that match have ended, or it was cancelled.
    #[serde(rename = "mass_end.done")]
    MassEndDone {
        /// Its id.
        mass_end: MassEndId,
        /// How many sessions matched.
        found: i64,
        /// How many ended.
        ended: i64,
        /// Whether it was stopped before it had looked at all of them.
        cancelled: bool,
        /// Whether it was stopped since who began it may not end sessions any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lost_permission: bool,
    },
    /// A key was withdrawn before its time, since it may be known to others: what it made is refused.
    #[serde(rename = "key.withdrawn")]
    KeyWithdrawn {
        /// Its ring.
        ring: Ring,
        /// Its id.
        kid: String,
    },
    /// A bound process presented an old refresh token and was refused; the session lives.
    #[serde(rename = "refresh.slow_process")]
    RefreshSlowProcess,
    /// A refresh token was newer than its row: the database went back.
    #[serde(rename = "refresh.fast_forwarded")]
    RefreshFastForwarded {
        /// The generation that the row had.
        from: i64,
        /// The generation that it has now.
        to: i64,
    },
    /// Many refresh tokens were newer than their rows: the database went back, which somebody has to know.
    #[serde(rename = "database.went_back")]
    DatabaseWentBack,
    /// Revocations that a database had lost were written again by a node that remembers them.
    #[serde(rename = "revocation.rewritten")]
    RevocationsRewritten,
    /// A token had a right MAC and a wrong handle: the MAC key may be stolen.
    #[serde(rename = "key.forgery_suspected")]
    KeyForgerySuspected,
    /// A single access token was revoked.
    #[serde(rename = "token.revoked")]
    TokenRevoked {
        /// Its `jti`.
        jti: String,
    },
    /// A client was not to be reached for so long that it will not be told any more.
    #[serde(rename = "message.undelivered")]
    MessageUndelivered {
        /// What kind of message.
        message: MessageKind,
    },
    /// A client was registered.
    #[serde(rename = "client.added")]
    ClientAdded {
        /// What it is.
        #[serde(flatten)]
        changed: Changed,
    },
    /// A client registered itself (RFC 7591).
    #[serde(rename = "client.registered")]
    ClientRegistered {
        /// The initial access token that let it in; nothing for open registration.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<RegistrationTokenId>,
        /// What it is.
        #[serde(flatten)]
        changed: Changed,
    },
    /// What a client is changed: by itself (RFC 7592), or by an admin.
    #[serde(rename = "client.updated")]
    ClientUpdated {
        /// What is different.
        #[serde(flatten)]
        changed: Changed,
    },
    /// A client may do nothing any more.
    #[serde(rename = "client.disabled")]
    ClientDisabled,
    /// An initial access token was made.
    #[serde(rename = "registration_token.created")]
    RegistrationTokenCreated {
        /// Its name.
        token: RegistrationTokenId,
        /// When it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Instant>,
        /// How many clients it lets in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uses: Option<i64>,
    },
    /// An initial access token is not good any more, before its time.
    #[serde(rename = "registration_token.removed")]
    RegistrationTokenRemoved {
        /// Its name.
        token: RegistrationTokenId,
    },
    /// A client was removed.
    #[serde(rename = "client.removed")]
    ClientRemoved {
        /// What it was.
        #[serde(flatten)]
        changed: Changed,
    },
    /// A client got a secret.
    #[serde(rename = "client.secret_created")]
    ClientSecretCreated {
        /// Its name.
        secret: ClientSecretId,
        /// When it ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Instant>,
    },
    /// A newer secret takes the place of one, which is good for a while yet.
    #[serde(rename = "client.secret_rotated")]
    ClientSecretRotated {
        /// The name of the old one.
        secret: ClientSecretId,
        /// Until when it is good.
        expires_at: Instant,
    },
    /// A secret is not good any more, before its time.
    #[serde(rename = "client.secret_removed")]
    ClientSecretRemoved {
        /// Its name.
        secret: ClientSecretId,
    },
    /// A secret ends soon, and somebody has to make a new one.
    #[serde(rename = "client.secret_expiring")]
    ClientSecretExpiring {
        /// Its name.
        secret: ClientSecretId,
        /// When.
        expires_at: Instant,
    },
    /// A key was made.
    #[serde(rename = "key.created")]
    KeyCreated {
        /// Its ring.
        ring: Ring,
        /// Its id.
        kid: String,
    },
    /// A key began to sign, authenticate or seal.
    #[serde(rename = "key.activated")]
    KeyActivated {
        /// Its ring.
        ring: Ring,
        /// Its id.
        kid: String,
    },
    /// A key makes nothing new any more; what it made is still accepted.
    #[serde(rename = "key.retired")]
    KeyRetired {
        /// Its ring.
        ring: Ring,
        /// Its id.
        kid: String,
    },
    /// Everything that a key made has expired: its secret was destroyed.
    #[serde(rename = "key.destroyed")]
    KeyDestroyed {
        /// Its ring.
        ring: Ring,
        /// Its id.
        kid: String,
    },
    /// A server started with other settings than the last one.
    #[serde(rename = "settings.changed")]
    SettingsChanged {
        /// What is different; secrets are not shown.
        #[serde(flatten)]
        changed: Changed,
    },
    /// Events that were kept for as long as they are kept were deleted.
    #[serde(rename = "audit.deleted")]
    AuditDeleted {
        /// The number of the last one in the chain.
        through: i64,
    },
    /// The chain had come further than the database says: the database went back, and it goes on from there.
    #[serde(rename = "audit.went_back")]
    AuditWentBack {
        /// How far it had come.
        known: i64,
        /// How far it has come in this database.
        found: i64,
    },
    /// A backup took the place of the database.
    #[serde(rename = "database.restored")]
    DatabaseRestored {
        /// How many events it had lost, which are written again.
        lost: u64,
        /// When the oldest of these happened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Instant>,
    },
    /// Something that a newer version tells of. It is read and never written; its [`EventLine`] keeps it as it is.
    #[serde(other, skip_serializing)]
    Newer,
}

impl Event {
    /// That there is a client, and what it is.
    pub fn client_added(client: &Client) -> Self {
        let changed = Changed::between(&Map::new(), &fields(client));
        Self::ClientAdded { changed }
    }

    /// That a client registered itself, what it is, and by which initial access token.
    pub fn client_registered(client: &Client, token: Option<RegistrationTokenId>) -> Self {
        let changed = Changed::between(&Map::new(), &fields(client));
        Self::ClientRegistered { token, changed }
    }

    /// That a client is not as it was.
    pub fn client_updated(before: &Client, after: &Client) -> Self {
        let changed = Changed::between(&fields(before), &fields(after));
        Self::ClientUpdated { changed }
    }

    /// That there is a client no more, and what it was.
    pub fn client_removed(client: &Client) -> Self {
        let changed = Changed::between(&fields(client), &Map::new());
        Self::ClientRemoved { changed }
    }
}

/// How much of one setting of a client an event holds, in bytes of JSON: strangers may register clients, and events stay.
const MOST_OF_A_SETTING: usize = 1000;

/// What a client is. None of its settings is a secret. A long one stands as its length and its digest, by which two are compared
/// all the same.
fn fields(client: &Client) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(client) else {
        return Map::new();
    };
    for value in fields.values_mut() {
        let text = value.to_string();
        if text.len() > MOST_OF_A_SETTING {
            let digest = Digest::of(text.as_bytes()).to_base64url();
            *value = format!("[{} bytes, SHA-256 {digest}]", text.len()).into();
        }
    }
    fields
}

/// Whether anybody has the account that somebody tried to sign in to. The address that was typed is not kept: it may have
/// been a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedAccount {
    /// The subject names it.
    Known,
    /// Nobody has it, or who has it is disabled.
    Unknown,
    /// Any: there were more accounts and addresses in this minute than are told apart.
    Many,
}

/// What was different: names and values, before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// As it was, where there was something.
    #[serde(default)]
    pub before: Map<String, Value>,
    /// As it is, where there is something.
    #[serde(default)]
    pub after: Map<String, Value>,
}

impl Changed {
    /// The fields that are not the same.
    pub fn between(before: &Map<String, Value>, after: &Map<String, Value>) -> Self {
        let differs = |from: &Map<String, Value>, to: &Map<String, Value>| {
            let other = from.iter().filter(|(name, value)| to.get(*name) != Some(*value));
            other.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        Self {
            before: differs(before, after),
            after: differs(after, before),
        }
    }

    /// Whether nothing is different.
    pub fn is_nothing(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// An event with its time and whom it is about.
#[derive(Debug, Clone)]
pub struct EventRecord {
    /// Its id; ids sort by time.
    pub id: EventId,
    /// When.
    pub at: Instant,
    /// Whom it is about.
    pub subject: Subject,
    /// Who did it; nothing when that is whom it is about.
    pub actor: Option<Actor>,
    /// What.
    pub event: Event,
}

impl EventRecord {
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

/// Whom an event is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The device session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<DeviceSessionId>,
    /// The address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// An event as it is stored and exported: a line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventLine {
    /// Its id.
    pub id: EventId,
    /// When, in milliseconds since 1970.
    pub at: Instant,
    /// What: the name of an [`Event`], of this version or of a newer one.
    pub kind: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Who did it; nothing when that is whom it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// The fields of the event.
    pub data: Map<String, Value>,
}

impl EventLine {
    /// The line of an event.
    pub fn of(record: &EventRecord) -> serde_json::Result<Self> {
        let data: Map<_, _> = serde_json::from_value(serde_json::to_value(&record.event)?)?;
        let kind = data.get(KIND).and_then(Value::as_str);
        Ok(Self {
            id: record.id,
            at: record.at,
            kind: kind
                .ok_or_else(|| serde_json::Error::missing_field(KIND))?
                .to_owned(),
            subject: record.subject.clone(),
            actor: record.actor.clone(),
            data,
        })
    }

    /// What it tells of. An error when its fields are not those of its kind.
    pub fn event(&self) -> serde_json::Result<Event> {
        let mut data = self.data.clone();
        data.insert(KIND.to_owned(), self.kind.clone().into());
        serde_json::from_value(data.into())
    }
}

/// The field that says which [`Event`] it is.
const KIND: &str = "kind";
