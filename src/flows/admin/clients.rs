//! Clients, as admins change them. A client that may do something at the admin API is changed by who may do that too, and
//! the console's own by nobody.

use crate::{
    base::{id::ClientId, text::DisplayName, time::Lifetime},
    domain::client::{Client, ClientSettings},
    flows::{
        Provider,
        admin::{Beyond, By, Unknown, console},
        clients::{
            self, ClientError, Registered,
            secrets::{self, RotatedSecret, SecretError},
            set::{self, SetError},
        },
    },
    store::{ending::Ended, error::StoreError},
};

/// Why a client was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminClientError {
    /// No client has this id.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Not by this one.
    #[error(transparent)]
    Beyond(#[from] Beyond),
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

/// Registers a client.
pub async fn add(
    provider: &Provider,
    by: &By,
    id: ClientId,
    name: DisplayName,
    settings: ClientSettings,
) -> Result<Registered, AdminClientError> {
    if id == console::client_id() {
        return Err(ClientError::Taken.into());
    }
    by.reaches_scope(&settings.scope)?;
    Ok(clients::register(provider, id, name, settings, None, by.actor.clone()).await?)
}

/// Gives a client another name and other settings; its sessions and consents stay, and so do its secrets while it
/// authenticates with one.
pub async fn update(
    provider: &Provider,
    by: &By,
    id: &str,
    name: DisplayName,
    settings: ClientSettings,
) -> Result<Client, AdminClientError> {
    let before = within_reach(provider, by, id)?;
    by.reaches_scope(&settings.scope)?;
    let found = set::find(provider, &before.id).await?.ok_or(Unknown("client"))?;
    // The row may be newer than the memory.
    by.reaches_scope(&found.client.settings.scope)?;
    let settings = ClientSettings {
        registered_by: before.settings.registered_by,
        ..settings
    };
    Ok(set::set(provider, found, name, settings, &by.actor).await?.client)
}

/// Removes a client and ends its sessions.
pub async fn remove(provider: &Provider, by: &By, id: &str) -> Result<Ended, AdminClientError> {
    let client = within_reach(provider, by, id)?;
    let ended = clients::remove(provider, client.id, Some(by.actor.clone())).await?;
    Ok(ended.ok_or(Unknown("client"))?)
}

/// A new secret for a client.
pub async fn rotate_secret(
    provider: &Provider,
    by: &By,
    id: &str,
    life: Option<Lifetime>,
    overlap: Lifetime,
) -> Result<RotatedSecret, AdminClientError> {
    let client = within_reach(provider, by, id)?;
    Ok(secrets::rotate(provider, &client.id, life, overlap, by.actor.clone()).await?)
}

/// A client.
pub fn known(provider: &Provider, id: &str) -> Result<Client, Unknown> {
    let client = provider.clients.find(id);
    client.map(|client| (*client).clone()).ok_or(Unknown("client"))
}

fn within_reach(provider: &Provider, by: &By, id: &str) -> Result<Client, AdminClientError> {
    let client = known(provider, id)?;
    if client.id == console::client_id() {
        return Err(Beyond.into());
    }
    by.reaches_scope(&client.settings.scope)?;
    Ok(client)
}
