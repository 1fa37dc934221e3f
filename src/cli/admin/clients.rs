//! Clients.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Admin;
use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        page::{MAX_PAGE, Page},
        secret::Secret,
        time::{Instant, Lifetime},
    },
    domain::{actor::Actor, client::Client},
    flows::clients::{self, secrets},
    store::{self, ending::Ended},
};

/// A new secret, which is shown once, and what becomes of the old ones.
pub(in crate::cli) struct NewSecret {
    pub(in crate::cli) secret: Secret<String>,
    pub(in crate::cli) shown: Value,
    pub(in crate::cli) kept: Vec<(ClientSecretId, Instant)>,
    pub(in crate::cli) removed: Vec<ClientSecretId>,
}

#[derive(Deserialize)]
struct MadeSecret {
    secret: String,
    kept: Vec<OldSecret>,
    removed: Vec<ClientSecretId>,
    #[serde(flatten)]
    shown: Map<String, Value>,
}

#[derive(Deserialize)]
struct OldSecret {
    id: ClientSecretId,
    expires_at: Instant,
}

/// An id as a part of a path.
fn segment(id: &ClientId) -> String {
    url::form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect()
}

impl Admin {
    /// The clients.
    pub(in crate::cli) async fn clients(&self) -> anyhow::Result<Vec<Client>> {
        match self {
            Self::Here(app) => Ok(store::clients::all(&app.provider.db).await?.1),
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

    /// A client.
    pub(in crate::cli) async fn client(&self, id: &ClientId) -> anyhow::Result<Option<Client>> {
        let all = self.clients().await?;
        Ok(all.into_iter().find(|client| client.id == *id))
    }

    /// Removes a client. Nothing when there is none.
    pub(in crate::cli) async fn remove_client(&self, id: &ClientId) -> anyhow::Result<Option<Ended>> {
        match self {
            Self::Here(app) => Ok(clients::remove(&app.provider, id.clone(), Some(Actor::Operator)).await?),
            Self::There(server, _) => {
                let path = format!("/clients/{}", segment(id));
                server.send(Method::DELETE, &path, &[], None).await.map(Some)
            }
        }
    }

    /// Makes a new secret for a client.
    pub(in crate::cli) async fn rotate_secret(
        &self,
        id: &ClientId,
        life: Option<Lifetime>,
        overlap: Lifetime,
    ) -> anyhow::Result<NewSecret> {
        match self {
            Self::Here(app) => {
                let rotated = secrets::rotate(&app.provider, id, life, overlap, Actor::Operator).await?;
                Ok(NewSecret {
                    secret: Secret::new(rotated.new.secret.expose().to_owned()),
                    kept: rotated.kept,
                    removed: rotated.removed,
                    shown: serde_json::to_value(&rotated.new.kept)?,
                })
            }
            Self::There(server, _) => {
                let path = format!("/clients/{}/secrets", segment(id));
                let asked = json!({ "life": life, "overlap": overlap });
                let made: MadeSecret = server.post(&path, asked).await?;
                Ok(NewSecret {
                    secret: Secret::new(made.secret),
                    kept: made
                        .kept
                        .into_iter()
                        .map(|old| (old.id, old.expires_at))
                        .collect(),
                    removed: made.removed,
                    shown: made.shown.into(),
                })
            }
        }
    }
}
