//! Clients.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Private,
    input::{Asked, Below, Named, Sent},
    once::json,
    openapi,
    permission::{Admin, Confirmed, ReadClients, WriteClients},
    problem::{Kind, Problem},
};
use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        page::Page,
        time::{Instant, Lifetime},
    },
    domain::{
        client::{Client, ClientChange, ClientKind, ClientSettings},
        client_secret::ListedSecret,
    },
    flows::{
        admin::clients::{self, Adding},
        clients::{secrets::NewSecret as NewlyMade, unused_since},
    },
};

type Answer = Result<Response, Problem>;

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadClients>, asked: Asked) -> Answer {
    let (after, limit) = (asked.cursor::<ClientId>()?, asked.limit()?);
    let all = private.provider().clients.all();
    let behind = all
        .into_iter()
        .filter(|client| after.as_ref().is_none_or(|after| client.id > *after));
    // One more tells whether there are more.
    let some = behind.take(usize::try_from(limit).unwrap_or(0) + 1);
    let rows: Vec<Client> = some.map(|client| (*client).clone()).collect();
    let page = Page::cut(rows, limit, |client| client.id.to_string());
    Ok(json(StatusCode::OK, page))
}

pub(super) async fn get(
    State(private): State<Private>,
    _: Admin<ReadClients>,
    Named(id): Named<ClientId>,
) -> Answer {
    Ok(json(StatusCode::OK, clients::known(private.provider(), &id)?))
}

/// A setting that is not known may be one that its sender relies on.
fn refuse_unknown<'a>(mut names: impl Iterator<Item = &'a String>) -> Result<(), Problem> {
    let known: BTreeSet<String> = openapi::settings();
    match names.find(|name| !known.contains(*name)) {
        Some(unknown) => {
            let hint = format!("there is no setting {unknown}; see ClientSettings in openapi.json");
            Err(Problem::saying(Kind::InvalidBody, hint))
        }
        None => Ok(()),
    }
}

/// A new client: its settings are said as far as they are not the usual ones of its kind.
fn read(mut sent: Map<String, Value>) -> serde_json::Result<Adding> {
    let mut take = |name| sent.remove(name).unwrap_or_default();
    let (id, name, life) = (take("id"), take("name"), take("secret_life"));
    let kind: ClientKind = serde_json::from_value(sent.get("kind").cloned().unwrap_or_default())?;
    let mut settings: Map<_, _> = serde_json::from_value(serde_json::to_value(ClientSettings::new(kind))?)?;
    settings.extend(sent);
    Ok(Adding {
        id: serde_json::from_value(id)?,
        name: serde_json::from_value(name)?,
        settings: serde_json::from_value(settings.into())?,
        secret_life: serde_json::from_value(life)?,
    })
}

#[derive(Serialize)]
struct Added {
    client: Client,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<ShownSecret>,
}

#[derive(Serialize)]
struct ShownSecret {
    #[serde(flatten)]
    kept: ListedSecret,
    secret: String,
}

impl From<NewlyMade> for ShownSecret {
    fn from(new: NewlyMade) -> Self {
        Self {
            secret: new.secret.expose().to_owned(),
            kept: new.kept.into(),
        }
    }
}

pub(super) async fn add(
    State(private): State<Private>,
    admin: Admin<WriteClients>,
    _: Confirmed,
    Sent(sent): Sent<Map<String, Value>>,
) -> Answer {
    let own = ["id", "name", "secret_life"];
    refuse_unknown(sent.keys().filter(|name| !own.contains(&name.as_str())))?;
    let adding = read(sent).map_err(|error| Problem::saying(Kind::InvalidBody, error))?;
    let added = clients::add(private.provider(), &admin.by, adding).await?;
    let added = Added {
        client: added.client,
        secret: added.secret.map(ShownSecret::from),
    };
    Ok(json(StatusCode::CREATED, added))
}

pub(super) async fn update(
    State(private): State<Private>,
    admin: Admin<WriteClients>,
    _: Confirmed,
    Named(id): Named<ClientId>,
    Sent(change): Sent<ClientChange>,
) -> Answer {
    refuse_unknown(change.names().filter(|name| *name != "name"))?;
    let set = clients::update(private.provider(), &admin.by, &id, &change).await?;
    Ok(json(StatusCode::OK, set))
}

pub(super) async fn remove(
    State(private): State<Private>,
    admin: Admin<WriteClients>,
    _: Confirmed,
    Named(id): Named<ClientId>,
) -> Answer {
    let ended = clients::remove(private.provider(), &admin.by, &id).await?;
    Ok(json(StatusCode::OK, ended))
}

pub(super) async fn unused(State(private): State<Private>, _: Admin<ReadClients>, asked: Asked) -> Answer {
    let provider = private.provider();
    let since = asked.time("since")?.unwrap_or_else(|| provider.clock.now());
    let items = unused_since(provider, since).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}

pub(super) async fn secrets(
    State(private): State<Private>,
    _: Admin<ReadClients>,
    Named(id): Named<ClientId>,
) -> Answer {
    let items = clients::secrets(private.provider(), &id).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}

#[derive(Serialize)]
struct Removed {
    client: ClientId,
    removed: ClientSecretId,
}

pub(super) async fn remove_secret(
    State(private): State<Private>,
    admin: Admin<WriteClients>,
    _: Confirmed,
    Below(client, removed): Below<ClientId, ClientSecretId>,
) -> Answer {
    clients::remove_secret(private.provider(), &admin.by, &client, removed).await?;
    Ok(json(StatusCode::OK, Removed { client, removed }))
}

/// How long the new secret and the old one live.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecret {
    life: Option<Lifetime>,
    overlap: Option<Lifetime>,
}

#[derive(Serialize)]
struct Rotated {
    #[serde(flatten)]
    new: ShownSecret,
    kept: Vec<Kept>,
    removed: Vec<ClientSecretId>,
}

#[derive(Serialize)]
struct Kept {
    id: ClientSecretId,
    expires_at: Instant,
}

pub(super) async fn rotate_secret(
    State(private): State<Private>,
    admin: Admin<WriteClients>,
    _: Confirmed,
    Named(id): Named<ClientId>,
    Sent(new): Sent<NewSecret>,
) -> Answer {
    let rotated = clients::rotate_secret(private.provider(), &admin.by, &id, new.life, new.overlap).await?;
    let kept = rotated.kept.into_iter();
    let rotated = Rotated {
        new: rotated.new.into(),
        kept: kept.map(|(id, expires_at)| Kept { id, expires_at }).collect(),
        removed: rotated.removed,
    };
    Ok(json(StatusCode::CREATED, rotated))
}
