//! A person who has just proved who they are, in a browser: which row, until when, and what it replaces. Then whose cookie it
//! is, with each request.

use serde::{Deserialize, Serialize};

use crate::{
    base::{digest::Digest, id::BrowserSessionId, time::Lifetime},
    domain::{
        browser_session::{Authentication, BrowserSession},
        ending::{Ending, Reason},
        event::{Event, Subject},
    },
    flows::{Provider, end::end, sign_in::Person},
    store::{
        browser_sessions::{self, OpenBrowserSession, TOUCH},
        error::{Result, StoreError},
    },
};

/// The browser in which they proved it.
#[derive(Debug)]
pub struct Browser<'a> {
    /// Who was signed in there.
    pub present: Option<&'a BrowserSession>,
    /// What it says it is.
    pub label: String,
    /// Where the request came from.
    pub address: String,
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

/// The session to open: the same row for the same person, who then only gets a new cookie; another person's row has
/// ended when this returns.
pub async fn renew(
    provider: &Provider,
    browser: Browser<'_>,
    person: &Person,
) -> Result<(BrowserSession, Opening)> {
    let now = provider.clock.now();
    let same = browser.present.filter(|session| session.user == person.id);
    if let Some(other) = browser.present.filter(|_| same.is_none()) {
        let subject = Subject {
            user: Some(other.user),
            address: Some(browser.address.clone()),
            ..Subject::default()
        };
        let ending = Ending::Browser { id: other.id };
        end(provider, ending, Reason::AnotherPerson, subject).await?;
    }
    let session = BrowserSession {
        id: same.map_or_else(
            || BrowserSessionId::new(now, &provider.entropy),
            |session| session.id,
        ),
        user: person.id,
        email: person.email.clone(),
        authentication: Authentication::by_password(now),
        last_seen_at: now,
        expires_at: same.map_or(now.plus(provider.lifetimes.browser_session_absolute), |session| {
            session.expires_at
        }),
    };
    let opening = Opening {
        label: browser.label,
        address: Some(browser.address),
        again: same.is_some(),
        password_version: person.password_version,
    };
    Ok((session, opening))
}

/// Opens the session, for who has the cookie with this digest.
pub async fn open(
    provider: &Provider,
    session: BrowserSession,
    opening: Opening,
    cookie: Digest,
) -> Result<(), OpenError> {
    let subject = Subject {
        user: Some(session.user),
        address: opening.address,
        ..Subject::default()
    };
    let signed_in = Event::SignedIn {
        amr: session.authentication.amr.clone(),
        again: opening.again,
        browser: Some(session.id),
    };
    let change = OpenBrowserSession {
        session,
        label: opening.label,
        cookie,
        password_version: opening.password_version,
        event: provider.event(provider.clock.now(), subject, signed_in),
    };
    if provider.db.write(change).await? {
        Ok(())
    } else {
        Err(OpenError::Refused)
    }
}

/// The live session of a cookie.
pub async fn load(provider: &Provider, cookie: Digest) -> Result<Option<BrowserSession>> {
    let now = provider.clock.now();
    let session = browser_sessions::load(&provider.db, cookie, now, provider.idle_since(now)).await?;
    // The database may have gone back, and say that an ended one lives.
    Ok(session.filter(|session| !provider.ends.browsers.contains(&session.id)))
}

/// How often a session's last use is written.
const TOUCH_EVERY: Lifetime = Lifetime::from_secs(600);

/// Remembers that a session was used, coarsely: a page that is only looked at seldom writes.
pub async fn used(provider: &Provider, session: &BrowserSession) -> Result<()> {
    let now = provider.clock.now();
    if now.since(session.last_seen_at) >= TOUCH_EVERY {
        let _: Option<()> = provider.db.execute(TOUCH, (session.id, now)).await?;
    }
    Ok(())
}
