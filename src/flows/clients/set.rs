//! Other settings in the place of a client's, by its operator. Running servers have them with their next poll.

use super::{ClientError, check, make_keys};
use crate::{
    base::{id::ClientId, text::DisplayName},
    domain::{
        actor::Actor,
        client::{Client, ClientSettings},
        event::{Event, Subject},
    },
    flows::Provider,
    store::{
        clients::{self, Found, SetClient},
        error::StoreError,
    },
};

/// Why a client was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// It says itself what it is.
    #[error(
        "this client says itself what it is (it registered, or its id is the address of a document) and would say it again: \
         have it changed there, or add a client of your own"
    )]
    SaysItself,
    /// It was changed, disabled or removed meanwhile.
    #[error("somebody else changed this client at the same moment: look at it, and try again")]
    Changed,
    /// The new settings cannot be.
    #[error(transparent)]
    Refused(#[from] ClientError),
}

/// A client as it stands in the database now.
pub async fn find(provider: &Provider, id: &ClientId) -> Result<Option<Found>, StoreError> {
    clients::find(&provider.db, id).await
}

/// Replaces what was found. Refused for one that says itself what it is, since it would say it again.
pub async fn set(
    provider: &Provider,
    found: Found,
    name: DisplayName,
    settings: ClientSettings,
    actor: &Actor,
) -> Result<Client, SetError> {
    let before = found.client.clone();
    if before.id.host().is_some() || before.settings.is_unchecked() {
        return Err(SetError::SaysItself);
    }
    if before.settings.kind != settings.kind {
        let rule = "a client keeps its kind: add another, and remove this one".to_owned();
        return Err(ClientError::Contradiction {
            setting: "kind",
            rule,
        }
        .into());
    }
    let after = Client {
        name,
        settings,
        ..before.clone()
    };
    check(provider, &after)?;
    make_keys(provider, &after.settings)
        .await
        .map_err(ClientError::from)?;
    let subject = Subject {
        client: Some(after.id.clone()),
        ..Subject::default()
    };
    let event = Event::client_updated(&before, &after);
    let change = SetClient {
        found,
        event: provider.event_by(provider.clock.now(), actor, subject, event),
        after: after.clone(),
    };
    if !provider.db.write(change).await.map_err(ClientError::from)? {
        return Err(SetError::Changed);
    }
    provider
        .clients
        .reload(&provider.db)
        .await
        .map_err(ClientError::from)?;
    Ok(after)
}
