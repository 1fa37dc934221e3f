//! tower-sessions over our own table: the row *is* the browser session, and only its cookie's digest is stored.
//!
//! - [`signed_in`] comes to `load`, with each request: the live session of the cookie.
//! - [`open`] comes to `create`, with each sign-in: a new cookie for a new row, or for the one that the person has already.
//! - `delete` writes nothing: it is asked for the cookie before: `create` gives its row to the new one, or the row has ended.
//! - `save` writes nothing: it is asked once the answer to a sign-in is made, of which `create` has written everything. The
//!   last use is written by `flows/browser_session.rs`, an end by the one function that ends things.
//! - tower-sessions carries errors as texts of three kinds: [`told`] chooses the kind, and [`heard`] reads it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tower_sessions::{
    Session, SessionStore,
    cookie::time::OffsetDateTime,
    session::{self, Id, Record},
    session_store::{self, Error},
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

/// Who is signed in with this cookie.
pub(super) async fn signed_in(cookie: &Session) -> Result<Option<BrowserSession>, StoreError> {
    match cookie.get::<Data>(KEY).await.map_err(heard) {
        Ok(data) => Ok(data.map(|data| data.session)),
        // Only opening is refused.
        Err(OpenError::Refused) => Ok(None),
        Err(OpenError::Store(error)) => Err(error),
    }
}

/// Opens a session and gives the browser a new cookie for it.
pub(super) async fn open(
    cookie: &Session,
    session: BrowserSession,
    opening: Opening,
) -> Result<(), OpenError> {
    let opening = Some(opening);
    let given = give(cookie, Data { session, opening }).await.map_err(heard);
    if matches!(given, Err(OpenError::Refused)) {
        // Otherwise tower-sessions would try to write it once more, after the answer is made.
        cookie.clear().await;
    }
    given
}

async fn give(cookie: &Session, data: Data) -> Result<(), session::Error> {
    cookie.insert(KEY, data).await?;
    cookie.cycle_id().await?;
    cookie.save().await
}

/// The one key of a session's data.
const KEY: &str = "browser_session";

/// What a session's data holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Data {
    session: BrowserSession,
    /// How it was opened; only while it is being opened.
    opening: Option<Opening>,
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

fn data(record: &Record) -> session_store::Result<Data> {
    let value = record.data.get(KEY).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(unreadable)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
fn unreadable(error: serde_json::Error) -> Error {
    told(StoreError::Corrupt(error.to_string()))
}

#[async_trait]
impl SessionStore for BrowserSessionStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let Data { session, opening } = data(record)?;
        let fault = || {
            told(StoreError::Corrupt(
                "a session is opened by signing in".to_owned(),
            ))
        };
        let opening = opening.ok_or_else(fault)?;
        let opened = browser_session::open(&self.0, session, opening, digest(record.id)).await;
        opened.map_err(told)
    }

    async fn save(&self, _record: &Record) -> session_store::Result<()> {
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let session = browser_session::load(&self.0, digest(*id)).await;
        let Some(session) = session.map_err(told)? else {
            return Ok(None);
        };
        let expiry_date = OffsetDateTime::from_unix_timestamp(session.expires_at.seconds())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let value = serde_json::to_value(Data {
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

    async fn delete(&self, _id: &Id) -> session_store::Result<()> {
        Ok(())
    }
}

/// What went wrong, for tower-sessions to carry: `Encode` is a refusal, `Decode` a fault, `Backend` may be better soon.
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

/// The reverse.
fn heard(error: session::Error) -> OpenError {
    match error {
        session::Error::Store(Error::Encode(_)) => OpenError::Refused,
        session::Error::Store(Error::Decode(text)) => StoreError::Corrupt(text).into(),
        session::Error::Store(Error::Backend(text)) => StoreError::Unavailable(text).into(),
        session::Error::SerdeJson(error) => StoreError::Corrupt(error.to_string()).into(),
    }
}
