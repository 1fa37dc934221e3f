//! tower-sessions over our own table: the row *is* the browser session, and only its cookie's digest is stored.
//!
//! `delete` writes nothing: tower-sessions calls it for the old id of `cycle_id`, whose row `create` moves to the new
//! digest. Ends are written by the one function that ends things; then the cookie is cleared.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{self, Id, Record},
    session_store::{Error, Result},
};

use crate::{
    base::{
        digest::Digest,
        entropy::Entropy,
        id::EventId,
        time::{Clock, Lifetime},
    },
    domain::{
        browser_session::BrowserSession,
        event::{Event, EventRecord, Subject},
    },
    ports::ends::Ends,
    store::{
        browser_sessions::{self, OpenBrowserSession},
        db::Db,
        error::StoreError,
    },
};

/// The one key of a session's data.
pub const KEY: &str = "browser_session";

/// What a session's data holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionData {
    /// The session.
    pub session: BrowserSession,
    /// How it was opened; only while it is being opened.
    pub opening: Option<Opening>,
}

/// What is known of a sign-in besides the session itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// What the browser says it is.
    pub label: String,
    /// Where the request came from.
    pub address: Option<String>,
    /// Whether the browser was signed in as the same person before.
    pub again: bool,
    /// The version of the password that was proved.
    pub password_version: i64,
}

/// Why a browser session was not read or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The account was disabled or the session ended, after the person had proved who they are.
    #[error("the account or the session ended meanwhile")]
    Refused,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What went wrong in a handle of tower-sessions. Its errors are texts; `told` chose the variant, and this reads it.
impl From<session::Error> for OpenError {
    fn from(error: session::Error) -> Self {
        match error {
            session::Error::Store(Error::Encode(_)) => Self::Refused,
            session::Error::Store(Error::Decode(text)) => Self::Store(StoreError::Corrupt(text)),
            session::Error::Store(Error::Backend(text)) => Self::Store(StoreError::Unavailable(text)),
            session::Error::SerdeJson(error) => Self::Store(StoreError::Corrupt(error.to_string())),
        }
    }
}

/// The reverse, for tower-sessions to carry: `Encode` is a refusal, `Decode` a fault, `Backend` may be better soon.
fn told(error: impl Into<OpenError>) -> Error {
    match error.into() {
        refused @ OpenError::Refused => Error::Encode(refused.to_string()),
        OpenError::Store(StoreError::Unavailable(text)) => Error::Backend(text),
        OpenError::Store(busy @ StoreError::Busy) => Error::Backend(busy.to_string()),
        OpenError::Store(StoreError::Corrupt(text)) => Error::Decode(text),
        OpenError::Store(fault @ (StoreError::Conflict(_) | StoreError::Nested | StoreError::Stopped(_))) => {
            Error::Decode(fault.to_string())
        }
    }
}

/// The table as tower-sessions sees it.
#[derive(Clone)]
pub struct BrowserSessionStore {
    db: Db,
    clock: Clock,
    entropy: Arc<Entropy>,
    ends: Arc<Ends>,
    idle: Lifetime,
}

impl BrowserSessionStore {
    /// The store; `idle` is how long a session lives unused.
    pub fn new(db: Db, clock: Clock, entropy: Arc<Entropy>, ends: Arc<Ends>, idle: Lifetime) -> Self {
        Self {
            db,
            clock,
            entropy,
            ends,
            idle,
        }
    }
}

impl fmt::Debug for BrowserSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSessionStore")
    }
}

/// The cookie's value is the 128-bit id; the row keeps its digest.
fn digest(id: Id) -> Digest {
    Digest::of(&id.0.to_be_bytes())
}

fn data(record: &Record) -> Result<SessionData> {
    let value = record.data.get(KEY).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
fn unreadable(error: serde_json::Error) -> Error {
    told(StoreError::Corrupt(error.to_string()))
}

#[async_trait]
impl SessionStore for BrowserSessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let SessionData { session, opening } = data(record)?;
        let fault = || {
            told(StoreError::Corrupt(
                "a session is opened by signing in".to_owned(),
            ))
        };
        let opening = opening.ok_or_else(fault)?;
        let at = self.clock.now();
        let event = EventRecord {
            id: EventId::new(at, &self.entropy),
            at,
            subject: Subject {
                user: Some(session.user),
                address: opening.address,
                ..Subject::default()
            },
            actor: None,
            event: Event::SignedIn {
                amr: session.authentication.amr.clone(),
                again: opening.again,
                browser: Some(session.id),
            },
        };
        let change = OpenBrowserSession {
            session,
            label: opening.label,
            cookie: digest(record.id),
            password_version: opening.password_version,
            event,
        };
        match self.db.write(change).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(told(OpenError::Refused)),
            Err(error) => Err(told(error)),
        }
    }

    /// Only the time of the last use changes in a session's life; everything else is a sign-in or an end.
    async fn save(&self, record: &Record) -> Result<()> {
        let SessionData { session, opening } = data(record)?;
        if opening.is_some() {
            // `create` has just written it.
            return Ok(());
        }
        let touched = self
            .db
            .execute(browser_sessions::TOUCH, (session.id, self.clock.now()))
            .await;
        touched.map(|_: Option<()>| ()).map_err(told)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = self.clock.now();
        let session = browser_sessions::load(&self.db, digest(*id), now, now.minus(self.idle)).await;
        // The database may have gone back, and say that an ended one lives.
        let has_ended = |session: &BrowserSession| self.ends.browsers.contains(&session.id);
        let Some(session) = session.map_err(told)?.filter(|session| !has_ended(session)) else {
            return Ok(None);
        };
        let expiry_date = OffsetDateTime::from_unix_timestamp(session.expires_at.seconds())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let value = serde_json::to_value(SessionData {
            session,
            opening: None,
        });
        let value = value.map_err(unreadable)?;
        Ok(Some(Record {
            id: *id,
            data: [(KEY.to_owned(), value)].into(),
            expiry_date,
        }))
    }

    async fn delete(&self, _id: &Id) -> Result<()> {
        Ok(())
    }
}
