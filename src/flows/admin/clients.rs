//! Clients, as admins and operators change them. A client that may do something at the admin API is changed by who may do that
//! too, and the console's own by nobody.

use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        text::DisplayName,
        time::Lifetime,
    },
    domain::{
        client::{Client, ClientChange, ClientSettings},
        client_secret::{ListedSecret, OVERLAP},
    },
    flows::{
        Provider,
        admin::{
            Beyond, By, Unknown,
            console::{self, KeptByConsole},
        },
        clients::{
            self, ClientError, Registered,
            secrets::{self, RotatedSecret, SecretError},
            set::{self, Set, SetError},
        },
    },
    store::{client_secrets, ending::Ended, error::StoreError},
};

/// Why a client was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminClientError {
    /// No client has this id, or no secret of it this name.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Not by this one.
    #[error(transparent)]
    Beyond(#[from] Beyond),
    /// Not by anybody.
    #[error(transparent)]
    KeptByConsole(#[from] KeptByConsole),
    /// What is said of it does not read.
    #[error("{0}")]
    Unreadable(#[from] serde_json::Error),
    /// The client's.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Its settings stay as they are.
    #[error(transparent)]
    Set(#[from] SetError),
    /// The secret's.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Result<T> = std::result::Result<T, AdminClientError>;

/// What is said of a new client.
#[derive(Debug, Clone)]
pub struct Adding {
    /// Its id.
    pub id: ClientId,
    /// Its name.
    pub name: DisplayName,
    /// Its settings.
    pub settings: ClientSettings,
    /// How long its secret is good; absent: until it is replaced.
    pub secret_life: Option<Lifetime>,
}

/// Registers a client.
pub async fn add(provider: &Provider, by: &By, adding: Adding) -> Result<Registered> {
    let Adding {
        id,
        name,
        settings,
        secret_life,
    } = adding;
    by.reaches_scope(&settings.scope)?;
    Ok(clients::register(provider, id, name, settings, secret_life, by.initiator()).await?)
}

/// Changes a client's name and settings; its sessions and consents stay, and so do its secrets while it authenticates with
/// one. What somebody else changes at the same time stays changed.
pub async fn update(provider: &Provider, by: &By, id: &ClientId, change: &ClientChange) -> Result<Set> {
    console::keeps(id)?;
    let found = set::find(provider, id).await?.ok_or(Unknown("client"))?;
    by.reaches_scope(&found.client.settings.scope)?;
    let (name, settings) = change.over(&found.client)?;
    by.reaches_scope(&settings.scope)?;
    let settings = ClientSettings {
        registered_by: found.client.settings.registered_by,
        ..settings
    };
    Ok(set::set(provider, found, name, settings, &by.initiator()).await?)
}

/// Removes a client and ends its sessions.
pub async fn remove(provider: &Provider, by: &By, id: &ClientId) -> Result<Ended> {
    let client = within_reach(provider, by, id)?;
    let ended = clients::remove(provider, client.id, Some(by.initiator())).await?;
    Ok(ended.ok_or(Unknown("client"))?)
}

/// A new secret for a client, good for `life` or until it is replaced. The one before it stays good for as long as is said, or
/// as is usual.
pub async fn rotate_secret(
    provider: &Provider,
    by: &By,
    id: &ClientId,
    life: Option<Lifetime>,
    overlap: Option<Lifetime>,
) -> Result<RotatedSecret> {
    let client = within_reach(provider, by, id)?;
    let overlap = overlap.unwrap_or(OVERLAP);
    Ok(secrets::rotate(provider, &client.id, life, overlap, by.initiator()).await?)
}

/// The secrets of a client, without what they are compared by; also those that have ended.
pub async fn secrets(provider: &Provider, id: &ClientId) -> Result<Vec<ListedSecret>> {
    let client = known(provider, id)?;
    let found = client_secrets::of_client(&provider.db, client.id).await?;
    Ok(found.into_iter().map(ListedSecret::from).collect())
}

/// Ends a secret of a client at once.
pub async fn remove_secret(
    provider: &Provider,
    by: &By,
    id: &ClientId,
    secret: ClientSecretId,
) -> Result<()> {
    let client = within_reach(provider, by, id)?;
    if secrets::remove(provider, &client.id, secret, by.initiator()).await? {
        Ok(())
    } else {
        Err(Unknown("secret").into())
    }
}

/// A client, also one whose removal was broken off.
pub fn known(provider: &Provider, id: &ClientId) -> std::result::Result<Client, Unknown> {
    let client = provider.clients.held(id);
    client.map(|client| (*client).clone()).ok_or(Unknown("client"))
}

fn within_reach(provider: &Provider, by: &By, id: &ClientId) -> Result<Client> {
    console::keeps(id)?;
    let client = known(provider, id)?;
    by.reaches_scope(&client.settings.scope)?;
    Ok(client)
}
