//! Sessions, as admins end them: one, or all of a person. All that match a filter end by `flows/mass_end.rs`.

use crate::{
    base::{
        id::{BrowserSessionId, DeviceSessionId, UserId},
        text::Note,
    },
    domain::{ending::Ending, event::Subject},
    flows::{
        Provider,
        admin::{
            By, Unknown,
            people::{PeopleError, within_reach},
        },
        end::end_as_operator,
        sessions,
    },
    store::{
        browser_sessions,
        device_sessions::{self, list::Listed},
        ending::Ended,
    },
};

/// With what an admin ends something.
#[derive(Debug, Clone, Default)]
pub struct Why {
    /// In their words.
    pub note: Option<Note>,
    /// Where they asked from.
    pub address: Option<String>,
}

impl Why {
    fn about(&self, user: Option<UserId>) -> Subject {
        Subject {
            user,
            address: self.address.clone(),
            ..Subject::default()
        }
    }
}

/// A session of an app.
pub async fn device(provider: &Provider, id: DeviceSessionId) -> Result<Listed, PeopleError> {
    let found = device_sessions::list::one(&provider.db, id).await?;
    Ok(found.ok_or(Unknown("session"))?)
}

/// Ends a session of an app, with what hangs under it.
pub async fn end_device(
    provider: &Provider,
    by: &By,
    id: DeviceSessionId,
    why: Why,
) -> Result<(UserId, Ended), PeopleError> {
    let found = device(provider, id).await?;
    within_reach(provider, by, found.user).await?;
    let subject = Subject {
        client: Some(found.client),
        session: Some(id),
        ..why.about(Some(found.user))
    };
    let ending = Ending::Device { id };
    let ended = end_as_operator(provider, ending, subject, why.note, by.actor.clone()).await?;
    Ok((found.user, ended))
}

/// Ends a browser session of a person, with what was opened from it and ends with it. `user` is nothing when who asks does
/// not say whose it is.
pub async fn end_browser(
    provider: &Provider,
    by: &By,
    user: Option<UserId>,
    id: BrowserSessionId,
    why: Why,
) -> Result<Ended, PeopleError> {
    let owner = browser_sessions::owner(&provider.db, id).await?;
    if let Some(owner) = owner {
        within_reach(provider, by, owner).await?;
    }
    if let Some(user) = user {
        browser(provider, user, id).await?;
    }
    let ending = Ending::Browser { id };
    let subject = why.about(user);
    Ok(end_as_operator(provider, ending, subject, why.note, by.actor.clone()).await?)
}

/// What the browser of a person's session said it is.
pub async fn browser(provider: &Provider, user: UserId, id: BrowserSessionId) -> Result<String, PeopleError> {
    let browsers = sessions::browsers(provider, user).await?;
    let found = browsers.into_iter().find(|browser| browser.id == id);
    Ok(found.map(|browser| browser.label).ok_or(Unknown("session"))?)
}

/// Ends everything in which a person is signed in.
pub async fn end_user(provider: &Provider, by: &By, id: UserId, why: Why) -> Result<Ended, PeopleError> {
    within_reach(provider, by, id).await?;
    let ending = Ending::User { id, keep: None };
    let subject = why.about(Some(id));
    Ok(end_as_operator(provider, ending, subject, why.note, by.actor.clone()).await?)
}
