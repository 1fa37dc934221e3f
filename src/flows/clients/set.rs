//! Other settings in the place of a client's, by its operator. Running servers have them with their next poll.

use serde::{Deserialize, Serialize};

use super::{ClientError, check, make_keys};
use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        text::DisplayName,
    },
    domain::{
        actor::Initiator,
        client::{Client, ClientSettings, Contradiction},
        event::{Event, Subject},
    },
    flows::Provider,
    store::{
        client_secrets,
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
    /// It or its secrets were changed, or it was disabled or removed meanwhile.
    #[error("somebody else changed this client at the same moment: look at it, and try again")]
    Changed,
    /// The new settings cannot be.
    #[error(transparent)]
    Refused(#[from] ClientError),
}

/// What became of a client.
#[derive(Debug, Serialize, Deserialize)]
pub struct Set {
    /// As it was.
    pub before: Client,
    /// As it is from now on.
    pub after: Client,
    /// Its secrets that are gone, since it does not authenticate with one any more.
    pub removed: Vec<ClientSecretId>,
    /// Whether it authenticates with a secret and has none that is good.
    pub needs_secret: bool,
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
    by: &Initiator,
) -> Result<Set, SetError> {
    let before = found.client.clone();
    if before.id.host().is_some() || before.settings.is_unchecked() {
        return Err(SetError::SaysItself);
    }
    if before.settings.kind != settings.kind {
        let rule = "a client keeps its kind: add another, and remove this one";
        return Err(ClientError::Contradictions(vec![Contradiction::new("kind", rule)]).into());
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
    let now = provider.clock.now();
    let secrets = client_secrets::of_client(&provider.db, after.id.clone()).await;
    let secrets = secrets.map_err(ClientError::from)?;
    let (kept, obsolete) = if after.settings.has_secret() {
        (secrets, Vec::new())
    } else {
        (Vec::new(), secrets)
    };
    let told = |event| {
        let subject = Subject {
            client: Some(after.id.clone()),
            ..Subject::default()
        };
        provider.event_by(now, by.clone(), subject, event)
    };
    let change = SetClient {
        found,
        event: told(Event::client_updated(&before, &after)),
        removed: obsolete
            .iter()
            .map(|secret| (secret.id, told(Event::ClientSecretRemoved { secret: secret.id })))
            .collect(),
        after: after.clone(),
    };
    match provider.db.write(change).await {
        Ok(()) => {}
        Err(StoreError::Conflict(_)) => return Err(SetError::Changed),
        Err(error) => return Err(ClientError::from(error).into()),
    }
    provider
        .clients
        .reload(&provider.db)
        .await
        .map_err(ClientError::from)?;
    Ok(Set {
        needs_secret: after.settings.has_secret() && !kept.iter().any(|secret| secret.is_good(now)),
        removed: obsolete.iter().map(|secret| secret.id).collect(),
        before,
        after,
    })
}
