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
    base::digest::Digest,
    domain::browser_session::BrowserSession,
    flows::{
        Provider,
        browser_session::{self, OpenError, Opening},
    },
    store::error::StoreError,
};

/// The one key of a session's data.
pub(super) const KEY: &str = "browser_session";

/// What a session's data holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionData {
    /// The session.
    pub(super) session: BrowserSession,
    /// How it was opened; only while it is being opened.
    pub(super) opening: Option<Opening>,
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
pub(super) struct BrowserSessionStore(Arc<Provider>);

impl BrowserSessionStore {
    pub(super) fn new(provider: Arc<Provider>) -> Self {
        Self(provider)
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
        let opened = browser_session::open(&self.0, session, opening, digest(record.id)).await;
        opened.map_err(told)
    }

    /// Only the time of the last use changes in a session's life; everything else is a sign-in or an end.
    async fn save(&self, record: &Record) -> Result<()> {
        let SessionData { session, opening } = data(record)?;
        if opening.is_some() {
            // `create` has just written it.
            return Ok(());
        }
        browser_session::seen(&self.0, session.id).await.map_err(told)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let session = browser_session::load(&self.0, digest(*id)).await;
        let Some(session) = session.map_err(told)? else {
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
