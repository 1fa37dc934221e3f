//! Clients: registered and removed by the operator.

use crate::{
    base::{
        id::ClientId,
        text::DisplayName,
        url::{RedirectKind, RedirectUri},
    },
    domain::{
        client::{Client, ClientSettings},
        ending::{Ending, Reason},
        event::{Event, Subject},
    },
    flows::{
        Provider,
        end::{end, prepare, remember},
    },
    store::{
        clients::{AddClient, DisableClient, RemoveClient},
        ending::Ended,
        error::StoreError,
    },
};

/// Why a client was not registered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A setting contradicts another.
    #[error("{setting}: {rule}")]
    Contradiction {
        /// Which.
        setting: &'static str,
        /// The rule that it breaks, and what to write.
        rule: String,
    },
    /// The id is taken.
    #[error("there is a client with this id already")]
    Taken,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Registers a client whose settings have been parsed; refuses settings that contradict each other or the server's.
pub async fn add(
    provider: &Provider,
    id: ClientId,
    name: DisplayName,
    settings: ClientSettings,
) -> Result<Client, ClientError> {
    let now = provider.clock.now();
    let client = Client {
        id: id.clone(),
        name,
        settings,
        created_at: now,
        disabled_at: None,
    };
    if client.settings.redirect_uris.is_empty() {
        let rule = "a client needs at least one redirect URI (RFC 6749 section 3.1.2.2)".to_owned();
        return Err(ClientError::Contradiction {
            setting: "redirect_uri",
            rule,
        });
    }
    let claimed = |uri: &RedirectUri| uri.kind() == RedirectKind::Https;
    if client.settings.answers_without_tap && !client.settings.redirect_uris.iter().all(claimed) {
        let rule = "only for an app whose redirect URIs are all https: who answers at another one is not known (RFC 8252 section 8.6)";
        return Err(ClientError::Contradiction {
            setting: "without-tap",
            rule: rule.to_owned(),
        });
    }
    if let Some((setting, rule)) = client
        .lifetimes(&provider.lifetimes)
        .contradictions()
        .into_iter()
        .next()
    {
        return Err(ClientError::Contradiction { setting, rule });
    }
    let subject = Subject {
        client: Some(id),
        ..Subject::default()
    };
    let event = provider.event(now, subject, Event::ClientAdded);
    match provider
        .db
        .write(AddClient {
            client: client.clone(),
            event,
        })
        .await
    {
        Ok(()) => {}
        Err(StoreError::Conflict(_)) => return Err(ClientError::Taken),
        Err(error) => return Err(error.into()),
    }
    provider.clients.reload(&provider.db).await?;
    Ok(client)
}

/// Removes a client and ends its sessions. How much ended; nothing when there was no such client. It may have millions of
/// sessions, and a change is bounded: first it is disabled, then its sessions end in batches, and last it goes.
/// Interrupted, it is asked for again.
pub async fn remove(provider: &Provider, id: ClientId) -> Result<Option<Ended>, StoreError> {
    let now = provider.clock.now();
    let subject = Subject {
        client: Some(id.clone()),
        ..Subject::default()
    };
    let ending = Ending::Client { id: id.clone() };
    provider.db.write(DisableClient { id: id.clone(), now }).await?;
    provider.clients.reload(&provider.db).await?;
    let mut all = Ended::default();
    loop {
        let ended = end(provider, ending.clone(), Reason::ClientRemoved, subject.clone()).await?;
        if ended == Ended::default() {
            break;
        }
        all.devices += ended.devices;
    }
    let end = prepare(provider, now, ending, Reason::ClientRemoved, subject.clone());
    let event = provider.event(now, subject, Event::ClientRemoved);
    let removed = provider.db.write(RemoveClient { id, end, event }).await?;
    provider.clients.reload(&provider.db).await?;
    Ok(removed.map(|ended| {
        all.devices += remember(provider, &ended).devices;
        all
    }))
}
