//! Clients.

use std::sync::Arc;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        page::{MAX_PAGE, Page},
        secret::Secret,
        time::{Instant, Lifetime},
    },
    cli::remote::{Refused, missing},
    domain::{
        client::{Client, ClientChange, ClientSettings},
        client_secret::ListedSecret,
    },
    flows::{
        admin::{
            By,
            clients::{self, Adding, AdminClientError},
        },
        clients::{
            ClientError, UnusedClient, secrets,
            set::{Set, SetError},
            unused_since,
        },
    },
    store::ending::Ended,
};

/// A secret that was just made, which is shown once.
pub(in crate::cli) struct NewSecret {
    pub(in crate::cli) secret: Secret<String>,
    pub(in crate::cli) kept: ListedSecret,
}

/// What became of the old ones when a new one was made.
pub(in crate::cli) struct Rotated {
    pub(in crate::cli) new: NewSecret,
    pub(in crate::cli) kept: Vec<(ClientSecretId, Instant)>,
    pub(in crate::cli) removed: Vec<ClientSecretId>,
}

#[derive(Deserialize)]
struct Shown {
    secret: String,
    #[serde(flatten)]
    kept: ListedSecret,
}

#[derive(Deserialize)]
struct Added {
    client: Client,
    secret: Option<Shown>,
}

#[derive(Deserialize)]
struct MadeSecret {
    kept: Vec<OldSecret>,
    removed: Vec<ClientSecretId>,
    #[serde(flatten)]
    new: Shown,
}

#[derive(Deserialize)]
struct OldSecret {
    id: ClientSecretId,
    expires_at: Instant,
}

impl From<Shown> for NewSecret {
    fn from(shown: Shown) -> Self {
        Self {
            secret: Secret::new(shown.secret),
            kept: shown.kept,
        }
    }
}

impl From<secrets::NewSecret> for NewSecret {
    fn from(new: secrets::NewSecret) -> Self {
        Self {
            secret: Secret::new(new.secret.expose().to_owned()),
            kept: new.kept.into(),
        }
    }
}

/// The path of a client; its id may be an address.
fn path(id: &ClientId) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect();
    format!("/clients/{id}")
}

/// What commands tell in words of their own.
fn cause(error: AdminClientError) -> anyhow::Error {
    match error {
        AdminClientError::Client(error) | AdminClientError::Set(SetError::Refused(error)) => error.into(),
        AdminClientError::Secret(error) => error.into(),
        error => error.into(),
    }
}

/// The same of what a server refused.
fn cause_there(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<Refused>() {
        Some(refused) if refused.is("taken") => ClientError::Taken.into(),
        Some(refused) if !refused.contradictions().is_empty() => {
            ClientError::Contradictions(refused.contradictions().to_vec()).into()
        }
        _ => error,
    }
}

/// Nothing where there is none.
fn known<T>(done: Result<T, AdminClientError>) -> anyhow::Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(AdminClientError::Unknown(_)) => Ok(None),
        Err(error) => Err(cause(error)),
    }
}

fn known_there<T>(answered: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    missing(answered).map_err(cause_there)
}

impl Admin {
    /// The clients.
    pub(in crate::cli) async fn clients(&self) -> anyhow::Result<Vec<Client>> {
        match self {
            Self::Here(app) => {
                let all = app.provider.clients.all().into_iter();
                Ok(all.map(Arc::unwrap_or_clone).collect())
            }
            Self::There(server, _) => {
                let mut all = Vec::new();
                let mut query = vec![("limit", MAX_PAGE.to_string())];
                loop {
                    let page: Page<Client> = server.get("/clients", &query).await?;
                    all.extend(page.items);
                    let Some(next) = page.next else {
                        return Ok(all);
                    };
                    query.truncate(1);
                    query.push(("cursor", next));
                }
            }
        }
    }

    /// The clients that nobody has used for so long.
    pub(in crate::cli) async fn unused_clients(&self, time: Lifetime) -> anyhow::Result<Vec<UnusedClient>> {
        let since = self.now().minus(time);
        match self {
            Self::Here(app) => Ok(unused_since(&app.provider, since).await?),
            Self::There(server, _) => {
                let query = [("since", since.to_rfc3339())];
                let page: Page<_> = server.get("/unused-clients", &query).await?;
                Ok(page.items)
            }
        }
    }

    /// A client.
    pub(in crate::cli) async fn client(&self, id: &ClientId) -> anyhow::Result<Option<Client>> {
        match self {
            Self::Here(app) => known(clients::known(&app.provider, id).map_err(AdminClientError::from)),
            Self::There(server, _) => missing(server.get(&path(id), &[]).await),
        }
    }

    /// Registers a client.
    pub(in crate::cli) async fn add_client(
        &self,
        adding: Adding,
    ) -> anyhow::Result<(Client, Option<NewSecret>)> {
        match self {
            Self::Here(app) => {
                let added = clients::add(&app.provider, &By::operator(), adding).await;
                let added = added.map_err(cause)?;
                Ok((added.client, added.secret.map(NewSecret::from)))
            }
            Self::There(server, _) => {
                // What a new client has by its kind is the server's to know.
                let usual = ClientSettings::new(adding.settings.kind);
                let change = ClientChange::between((&adding.name, &usual), (&adding.name, &adding.settings))?;
                let mut body = change.into_members();
                body.insert("id".to_owned(), json!(adding.id));
                body.insert("name".to_owned(), json!(adding.name));
                body.insert("kind".to_owned(), json!(adding.settings.kind));
                if let Some(life) = adding.secret_life {
                    body.insert("secret_life".to_owned(), json!(life));
                }
                let added = server.post("/clients", Value::Object(body)).await;
                let added: Added = added.map_err(cause_there)?;
                Ok((added.client, added.secret.map(NewSecret::from)))
            }
        }
    }

    /// Changes a client. Nothing when there is none.
    pub(in crate::cli) async fn set_client(
        &self,
        id: &ClientId,
        change: &ClientChange,
    ) -> anyhow::Result<Option<Set>> {
        match self {
            Self::Here(app) => known(clients::update(&app.provider, &By::operator(), id, change).await),
            Self::There(server, _) => {
                let change = serde_json::to_value(change)?;
                known_there(server.send(Method::PATCH, &path(id), &[], Some(change)).await)
            }
        }
    }

    /// Removes a client. Nothing when there is none.
    pub(in crate::cli) async fn remove_client(&self, id: &ClientId) -> anyhow::Result<Option<Ended>> {
        match self {
            Self::Here(app) => known(clients::remove(&app.provider, &By::operator(), id).await),
            Self::There(server, _) => known_there(server.send(Method::DELETE, &path(id), &[], None).await),
        }
    }

    /// The secrets of a client. Nothing when there is no such client.
    pub(in crate::cli) async fn secrets(&self, id: &ClientId) -> anyhow::Result<Option<Vec<ListedSecret>>> {
        match self {
            Self::Here(app) => known(clients::secrets(&app.provider, id).await),
            Self::There(server, _) => {
                let path = format!("{}/secrets", path(id));
                let page: Option<Page<_>> = missing(server.get(&path, &[]).await)?;
                Ok(page.map(|page| page.items))
            }
        }
    }

    /// Makes a new secret for a client. Nothing when there is no such client.
    pub(in crate::cli) async fn rotate_secret(
        &self,
        id: &ClientId,
        life: Option<Lifetime>,
        overlap: Option<Lifetime>,
    ) -> anyhow::Result<Option<Rotated>> {
        match self {
            Self::Here(app) => {
                let by = By::operator();
                let rotated = known(clients::rotate_secret(&app.provider, &by, id, life, overlap).await)?;
                Ok(rotated.map(|rotated| Rotated {
                    new: rotated.new.into(),
                    kept: rotated.kept,
                    removed: rotated.removed,
                }))
            }
            Self::There(server, _) => {
                let asked = json!({ "life": life, "overlap": overlap });
                let made = server.post(&format!("{}/secrets", path(id)), asked).await;
                let made: Option<MadeSecret> = known_there(made)?;
                Ok(made.map(|made| Rotated {
                    new: made.new.into(),
                    kept: made
                        .kept
                        .into_iter()
                        .map(|old| (old.id, old.expires_at))
                        .collect(),
                    removed: made.removed,
                }))
            }
        }
    }

    /// Ends a secret at once. Nothing when the client has none of this name.
    pub(in crate::cli) async fn remove_secret(
        &self,
        id: &ClientId,
        secret: ClientSecretId,
    ) -> anyhow::Result<Option<()>> {
        match self {
            Self::Here(app) => {
                known(clients::remove_secret(&app.provider, &By::operator(), id, secret).await)
            }
            Self::There(server, _) => {
                let path = format!("{}/secrets/{secret}", path(id));
                let gone: Option<Value> = missing(server.send(Method::DELETE, &path, &[], None).await)?;
                Ok(gone.map(drop))
            }
        }
    }
}
