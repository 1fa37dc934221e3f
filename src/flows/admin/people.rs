//! People, as admins change them: added, disabled, enabled, given passwords and roles.

use std::collections::BTreeSet;

use crate::{
    base::{
        id::{ClientId, UserId},
        text::{DisplayName, Email},
    },
    domain::{
        ending::{Ending, Reason},
        event::{Event, Subject},
        password::Password,
        role::{Permission, Permissions, Role},
        user::User,
    },
    flows::{
        Provider,
        account::{self, AccountError},
        admin::{Beyond, By, Unknown, console},
        end::{prepare, remember},
    },
    store::{
        ending::Ended,
        error::StoreError,
        users::{self, ChangeRole, EnableUser},
    },
};

/// Why somebody was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// Nobody has this id.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Not by this one.
    #[error(transparent)]
    Beyond(#[from] Beyond),
    /// There would be nobody any more who could make an owner.
    #[error("this is the last owner: make somebody else one first")]
    LastOwner,
    /// Somebody else changed it at the same moment.
    #[error("somebody else changed this at the same moment: look again")]
    Lost,
    /// The account's.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody new.
#[derive(Debug)]
pub struct Adding {
    /// What they sign in with.
    pub email: Email,
    /// Their name.
    pub name: Option<DisplayName>,
    /// What they prove it by.
    pub password: Password,
    /// What they are among admins.
    pub role: Option<Role>,
}

/// Adds a person.
pub async fn add(provider: &Provider, by: &By, adding: Adding) -> Result<User, PeopleError> {
    let Adding {
        email,
        name,
        password,
        role,
    } = adding;
    if role.is_some() && !by.may(Permission::WriteRoles) {
        return Err(Beyond.into());
    }
    by.reaches(role)?;
    let user = account::add_by(provider, email, name, password, by.initiator()).await?;
    match role {
        None => Ok(user),
        Some(_) => Ok(set_role(provider, by, user.id, role).await?.0),
    }
}

/// Disables a person and ends everything of theirs. How much ended; nothing when they were disabled already.
pub async fn disable(provider: &Provider, by: &By, id: UserId) -> Result<(User, Option<Ended>), PeopleError> {
    let user = within_reach(provider, by, id).await?;
    if user.disabled_at.is_some() {
        return Ok((user, None));
    }
    let ended = account::disable(provider, id, by.initiator()).await?;
    let user = known(provider, id).await?;
    if ended.is_none() && user.disabled_at.is_none() {
        return Err(PeopleError::LastOwner);
    }
    Ok((user, ended))
}

/// Lets a disabled person sign in again. What ended stays ended.
pub async fn enable(provider: &Provider, by: &By, id: UserId) -> Result<User, PeopleError> {
    within_reach(provider, by, id).await?;
    let now = provider.clock.now();
    let event = provider.event_by(now, by.initiator(), about(id), Event::UserEnabled);
    let change = EnableUser { user: id, now, event };
    provider.db.write(change).await?;
    known(provider, id).await
}

/// Sets a person's password and ends everything of theirs.
pub async fn set_password(
    provider: &Provider,
    by: &By,
    id: UserId,
    password: &str,
) -> Result<Result<Ended, crate::domain::password::WeakPassword>, PeopleError> {
    let user = within_reach(provider, by, id).await?;
    match Password::chosen(password.to_owned(), &user.email) {
        Ok(password) => Ok(Ok(account::set_password(
            provider,
            id,
            password,
            None,
            by.address.clone(),
            Some(by.actor.clone()),
        )
        .await?)),
        Err(weak) => Ok(Err(weak)),
    }
}

/// Makes a person an admin, another kind of admin, or none any more. What they were signed in to as one ends.
pub async fn set_role(
    provider: &Provider,
    by: &By,
    id: UserId,
    after: Option<Role>,
) -> Result<(User, Ended), PeopleError> {
    let user = within_reach(provider, by, id).await?;
    by.reaches(after)?;
    let before = user.role;
    if before == after {
        return Ok((user, Ended::default()));
    }
    let (now, subject) = (provider.clock.now(), about(id));
    let client: ClientId = console::client_id();
    let ending = Ending::Consent { user: id, client };
    let end = prepare(provider, now, ending, Reason::EndedByOperator, subject.clone()).by(by.initiator());
    let event = provider.event_by(now, by.initiator(), subject, Event::RoleChanged { before, after });
    let change = ChangeRole {
        user: id,
        before,
        after,
        end,
        event,
    };
    let ended = provider.db.write(change).await?;
    let user = known(provider, id).await?;
    match ended {
        Some(ended) => Ok((user, remember(provider, &ended))),
        None if user.role == before => Err(PeopleError::LastOwner),
        None => Err(PeopleError::Lost),
    }
}

/// A person.
pub async fn known(provider: &Provider, id: UserId) -> Result<User, PeopleError> {
    let user = users::find(&provider.db, id).await?;
    Ok(user.ok_or(Unknown("person"))?)
}

/// A person who may do no more than who acts: whoever could change one who may would be as good as them.
pub(super) async fn within_reach(provider: &Provider, by: &By, id: UserId) -> Result<User, PeopleError> {
    let user = known(provider, id).await?;
    by.reaches(user.role)?;
    Ok(user)
}

/// Admins who may do more than these permissions let one.
pub async fn beyond(provider: &Provider, permissions: Permissions) -> Result<BTreeSet<UserId>, StoreError> {
    let admins = users::admins(&provider.db).await?.into_iter();
    let more = admins.filter(|(_, role)| !role.permissions().is_within(permissions));
    Ok(more.map(|(id, _)| id).collect())
}

pub(super) fn about(user: UserId) -> Subject {
    Subject {
        user: Some(user),
        ..Subject::default()
    }
}
