//! A person who has just proved who they are, in a browser: which row, until when, what it replaces; and its use from then on.

use crate::{
    base::{id::BrowserSessionId, time::Lifetime},
    domain::{
        browser_session::{Authentication, BrowserSession},
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::{Provider, end::end, sign_in::Person},
    store::{
        browser_sessions::TOUCH,
        error::StoreError,
        session_store::{Opening, SessionData},
    },
};

/// How often a session's last use is written.
const TOUCH_EVERY: Lifetime = Lifetime::from_secs(600);

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

/// Remembers the use, coarsely: a page that is only looked at seldom writes.
pub async fn touch(provider: &Provider, session: &BrowserSession) -> Result<(), StoreError> {
    let now = provider.clock.now();
    if now.since(session.last_seen_at) >= TOUCH_EVERY {
        provider.db.execute(TOUCH, (session.id, now)).await?;
    }
    Ok(())
}

/// The session to open: the same row for the same person, who then only gets a new cookie; another person's row has
/// ended when this returns.
pub async fn renew(
    provider: &Provider,
    browser: Browser<'_>,
    person: &Person,
) -> Result<SessionData, StoreError> {
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
    Ok(SessionData {
        session,
        opening: Some(opening),
    })
}
