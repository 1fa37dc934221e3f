//! Sessions, as admins end them: one, or all of a person. All that match a filter end by `flows/mass_end.rs`.

use crate::{
    base::{
        id::{BrowserSessionId, DeviceSessionId, UserId},
        session_id::SessionId,
        text::Note,
    },
    domain::{ending::Ending, event::Subject},
    flows::{
        Provider,
        admin::{
            By, Unknown,
            people::{PeopleError, about, within_reach},
        },
        end::end_as_operator,
    },
    store::{
        browser_sessions,
        device_sessions::{self, list::ListedDeviceSession},
        ending::Ended,
    },
};

/// A session of an app.
pub async fn device(provider: &Provider, id: DeviceSessionId) -> Result<ListedDeviceSession, PeopleError> {
    let found = device_sessions::list::one(&provider.db, id).await?;
    Ok(found.ok_or(Unknown("session"))?)
}

/// A browser session.
pub async fn browser(
    provider: &Provider,
    id: BrowserSessionId,
) -> Result<browser_sessions::list::ListedBrowserSession, PeopleError> {
    let found = browser_sessions::list::one(&provider.db, id).await?;
    Ok(found.ok_or(Unknown("session"))?)
}

/// Ends the session that this names.
pub async fn end(
    provider: &Provider,
    by: &By,
    id: SessionId,
    note: Option<Note>,
) -> Result<(UserId, Ended), PeopleError> {
    match id {
        SessionId::Device(id) => end_device(provider, by, id, note).await,
        SessionId::Browser(id) => end_browser(provider, by, id, note).await,
    }
}

/// Ends a session of an app, with what hangs under it.
pub async fn end_device(
    provider: &Provider,
    by: &By,
    id: DeviceSessionId,
    note: Option<Note>,
) -> Result<(UserId, Ended), PeopleError> {
    let found = device(provider, id).await?;
    within_reach(provider, by, found.user).await?;
    let subject = Subject {
        client: Some(found.client),
        session: Some(id),
        ..about(found.user)
    };
    let ending = Ending::Device { id };
    let ended = end_as_operator(provider, ending, subject, note, by.initiator()).await?;
    Ok((found.user, ended))
}

/// Ends a browser session, with what was opened from it and ends with it.
pub async fn end_browser(
    provider: &Provider,
    by: &By,
    id: BrowserSessionId,
    note: Option<Note>,
) -> Result<(UserId, Ended), PeopleError> {
    let user = browser(provider, id).await?.user;
    within_reach(provider, by, user).await?;
    let ending = Ending::Browser { id };
    let ended = end_as_operator(provider, ending, about(user), note, by.initiator()).await?;
    Ok((user, ended))
}

/// Ends everything in which a person is signed in.
pub async fn end_user(
    provider: &Provider,
    by: &By,
    id: UserId,
    note: Option<Note>,
) -> Result<Ended, PeopleError> {
    within_reach(provider, by, id).await?;
    let ending = Ending::User { id, keep: None };
    Ok(end_as_operator(provider, ending, about(id), note, by.initiator()).await?)
}
