//! What happens to accounts: added, looked at, password changed, disabled; and what people end of their own.

use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, UserId},
        page::Page,
        text::{DisplayName, Email},
        time::Instant,
    },
    domain::{
        actor::{Actor, Initiator},
        browser_session::BrowserSession,
        ending::{Ending, Reason, SignOut},
        event::{Event, EventRecord, Subject},
        password::Password,
        session_filter::SessionFilter,
        user::User,
    },
    flows::{
        Provider,
        end::{end, prepare, remember},
        sessions,
    },
    ports::hasher::HasherError,
    store::{
        browser_sessions,
        consents::{self, Consent, WithdrawConsent},
        device_sessions,
        ending::Ended,
        error::StoreError,
        users::{self, AddUser, Asking, ChangePassword, DisableUser},
    },
};

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The address has an account.
    #[error("there is an account with this address already")]
    Taken,
    /// The password that was proved is not the password any more, or the session in which it was has ended.
    #[error("the password was changed meanwhile")]
    Late,
    /// The password pool's.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a person who signs in with a password, as the operator does.
pub async fn add(
    provider: &Provider,
    email: Email,
    name: Option<DisplayName>,
    password: Password,
) -> Result<User, AccountError> {
    add_by(provider, email, name, password, Actor::Operator).await
}

/// The same by somebody.
pub async fn add_by(
    provider: &Provider,
    email: Email,
    name: Option<DisplayName>,
    password: Password,
    by: impl Into<Initiator>,
) -> Result<User, AccountError> {
    let hash = provider.hasher.hash(password).await?;
    let now = provider.clock.now();
    let id = UserId::new(now, &provider.entropy);
    let user = User {
        id,
        email,
        name,
        created_at: now,
        updated_at: now,
        disabled_at: None,
        role: None,
    };
    let subject = Subject {
        user: Some(id),
        ..Subject::default()
    };
    let event = provider
        .event(
            now,
            subject,
            Event::UserCreated {
                email: user.email.clone(),
            },
        )
        .by(by);
    match provider
        .db
        .write(AddUser {
            user: user.clone(),
            hash,
            event,
        })
        .await
    {
        Ok(()) => Ok(user),
        Err(StoreError::Conflict(_)) => Err(AccountError::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Sets a password and ends everything of the person, but for what was opened from the browser in which they ask. How
/// much ended. An operator asks in no browser.
pub async fn set_password(
    provider: &Provider,
    user: UserId,
    password: Password,
    asking: Option<Asking>,
    address: Option<String>,
    actor: Option<Actor>,
) -> Result<Ended, AccountError> {
    let hash = provider.hasher.hash(password).await?;
    let now = provider.clock.now();
    let subject = Subject {
        user: Some(user),
        address,
        ..Subject::default()
    };
    let keep = asking.map(|asking| asking.browser_session);
    let ending = Ending::User { id: user, keep };
    let mut end = prepare(provider, now, ending, Reason::PasswordChanged, subject.clone());
    end.actor.clone_from(&actor);
    let event = EventRecord {
        actor,
        ..provider.event(now, subject, Event::PasswordChanged)
    };
    let change = ChangePassword {
        user,
        hash,
        now,
        asking,
        end,
        event,
    };
    let ended = provider.db.write(change).await?.ok_or(AccountError::Late)?;
    Ok(remember(provider, &ended))
}

/// Disables a person and ends everything of theirs. How much ended; nothing when they were disabled already.
pub async fn disable(
    provider: &Provider,
    user: UserId,
    by: impl Into<Initiator>,
) -> Result<Option<Ended>, AccountError> {
    let by = by.into();
    let now = provider.clock.now();
    let subject = Subject {
        user: Some(user),
        ..Subject::default()
    };
    let ending = Ending::User { id: user, keep: None };
    let end = prepare(provider, now, ending, Reason::UserDisabled, subject.clone()).by(by.clone());
    let event = provider.event_by(now, by, subject, Event::UserDisabled);
    let change = DisableUser {
        user,
        now,
        end,
        event,
    };
    let ended = provider.db.write(change).await?;
    Ok(ended.map(|ended| remember(provider, &ended)))
}

/// People in the order in which they were added, after one of them when that is said.
pub async fn list(provider: &Provider, after: Option<UserId>, limit: i64) -> Result<Page<User>, StoreError> {
    let after = after.unwrap_or(UserId::from_bytes([0; 16]));
    // One more tells whether there are more.
    let found = users::list(&provider.db, after, limit + 1).await?;
    Ok(Page::cut(found, limit, |user| user.id.to_string()))
}

/// People whose address begins like `prefix`, in the order of their addresses, after one of them when that is said.
pub async fn search(
    provider: &Provider,
    prefix: &str,
    after: Option<&Email>,
    limit: i64,
) -> Result<Page<User>, StoreError> {
    let after = after.map(Email::key);
    // One more tells whether there are more.
    let found = users::beginning(&provider.db, &prefix.to_lowercase(), after.as_deref(), limit + 1).await?;
    Ok(Page::cut(found, limit, |user| user.email.key()))
}

/// What people see of their account.
#[derive(Debug)]
pub struct Overview {
    /// Their name.
    pub name: Option<DisplayName>,
    /// Where they are signed in: this browser, then the newest.
    pub browsers: Vec<browser_sessions::list::ListedBrowserSession>,
    /// The apps that are signed in for them.
    pub devices: Vec<device_sessions::list::ListedDeviceSession>,
    /// What they have allowed which app.
    pub consents: Vec<Consent>,
    /// When it was so.
    pub at: Instant,
}

/// More apps than this are not listed.
const MAX_DEVICES: i64 = 500;
/// The same of consents.
const MAX_CONSENTS: i64 = 500;

/// Reads what people see of their account.
pub async fn overview(provider: &Provider, session: &BrowserSession) -> Result<Overview, StoreError> {
    let user = session.user;
    let mut browsers = sessions::browsers::of_user(provider, user).await?;
    browsers.sort_by_key(|row| row.id != session.id);
    let own = SessionFilter {
        user: Some(user),
        ..SessionFilter::default()
    };
    Ok(Overview {
        name: users::find(&provider.db, user).await?.and_then(|user| user.name),
        browsers,
        devices: sessions::list(provider, &own, None, MAX_DEVICES)
            .await?
            .page
            .items,
        consents: consents::of_user(&provider.db, user, MAX_CONSENTS).await?,
        at: provider.clock.now(),
    })
}

/// What a person ended of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedOwn {
    /// The very browser in which they asked: they are signed out.
    Here,
    /// Something else; or nothing, since it had ended already or is not theirs.
    Other,
}

/// Ends the app or browser with this id, if it belongs to the person in `session`.
pub async fn end_own(
    provider: &Provider,
    session: &BrowserSession,
    id: &str,
    subject: Subject,
) -> Result<EndedOwn, StoreError> {
    if id.parse() == Ok(session.id) {
        sign_out(provider, session, SignOut::Here, subject).await?;
        return Ok(EndedOwn::Here);
    }
    if let Some(ending) = own(provider, session.user, id).await? {
        end(provider, ending, Reason::EndedByUser, subject).await?;
    }
    Ok(EndedOwn::Other)
}

/// What an id names, if it is the person's own and lives.
async fn own(provider: &Provider, user: UserId, id: &str) -> Result<Option<Ending>, StoreError> {
    if let Ok(id) = id.parse::<DeviceSessionId>() {
        let found = device_sessions::find(&provider.db, id).await?;
        let own = found.is_some_and(|found| found.session.user == user);
        return Ok(own.then_some(Ending::Device { id }));
    }
    let Ok(id) = id.parse::<BrowserSessionId>() else {
        return Ok(None);
    };
    let own = sessions::browsers::of_user(provider, user).await?;
    let own = own.iter().any(|row| row.id == id);
    Ok(own.then_some(Ending::Browser { id }))
}

/// Ends everything of the person in `session` but what hangs on this browser.
pub async fn end_others(
    provider: &Provider,
    session: &BrowserSession,
    subject: Subject,
) -> Result<Ended, StoreError> {
    let ending = Ending::User {
        id: session.user,
        keep: Some(session.id),
    };
    end(provider, ending, Reason::EndedByUser, subject).await
}

/// Signs a person out: of this browser, and further if they choose so.
pub async fn sign_out(
    provider: &Provider,
    session: &BrowserSession,
    reach: SignOut,
    subject: Subject,
) -> Result<Ended, StoreError> {
    let ending = reach.ending(session.user, session.id);
    end(provider, ending, Reason::SignedOut, subject).await
}

/// Takes back what a person has allowed an app, and ends its sessions of theirs.
pub async fn withdraw_consent(
    provider: &Provider,
    session: &BrowserSession,
    client: ClientId,
    subject: Subject,
) -> Result<Ended, StoreError> {
    let now = provider.clock.now();
    let user = session.user;
    let subject = Subject {
        client: Some(client.clone()),
        ..subject
    };
    let ending = Ending::Consent {
        user,
        client: client.clone(),
    };
    let change = WithdrawConsent {
        user,
        client,
        end: prepare(provider, now, ending, Reason::EndedByUser, subject.clone()),
        event: provider.event(now, subject, Event::ConsentWithdrawn),
    };
    Ok(remember(provider, &provider.db.write(change).await?))
}
