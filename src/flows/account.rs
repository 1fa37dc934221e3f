//! What happens to accounts: added, password changed, disabled.

use crate::{
    base::{
        id::UserId,
        text::{DisplayName, Email},
    },
    domain::{
        ending::{Ending, Reason},
        event::{Event, Subject},
        password::Password,
        user::User,
    },
    flows::{Provider, end::prepare},
    ports::hasher::HasherError,
    store::{
        ending::Ended,
        error::StoreError,
        users::{AddUser, Asking, ChangePassword, DisableUser},
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

/// Adds a person who signs in with a password.
pub async fn add(
    provider: &Provider,
    email: Email,
    name: Option<DisplayName>,
    password: Password,
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
    };
    let subject = Subject {
        user: Some(id),
        ..Subject::default()
    };
    let event = provider.event(
        now,
        subject,
        Event::UserCreated {
            email: user.email.clone(),
        },
    );
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
    let end = prepare(provider, now, ending, Reason::PasswordChanged, subject.clone());
    let event = provider.event(now, subject, Event::PasswordChanged);
    let change = ChangePassword {
        user,
        hash,
        now,
        asking,
        end,
        event,
    };
    provider.db.write(change).await?.ok_or(AccountError::Late)
}

/// Disables a person and ends everything of theirs. How much ended; nothing when they were disabled already.
pub async fn disable(provider: &Provider, user: UserId) -> Result<Option<Ended>, AccountError> {
    let now = provider.clock.now();
    let subject = Subject {
        user: Some(user),
        ..Subject::default()
    };
    let ending = Ending::User { id: user, keep: None };
    let end = prepare(provider, now, ending, Reason::UserDisabled, subject.clone());
    let event = provider.event(now, subject, Event::UserDisabled);
    Ok(provider
        .db
        .write(DisableUser {
            user,
            now,
            end,
            event,
        })
        .await?)
}
