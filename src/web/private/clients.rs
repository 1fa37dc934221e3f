//! Clients.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Private,
    input::{Asked, Named, Sent},
    once::json,
    openapi,
    permission::{Admin, Confirmed, ReadClients, WriteClients},
    problem::{Kind, Problem},
};
use crate::{
    base::{
        id::{ClientId, ClientSecretId},
        page::Page,
        text::DisplayName,
        time::{Instant, Lifetime},
    },
    domain::{
        client::{Client, ClientKind, ClientSettings},
        client_secret::KeptSecret,
    },
    flows::{admin::clients, clients::secrets::NewSecret as NewlyMade},
};

type Answer = Result<Response, Problem>;

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadClients>, asked: Asked) -> Answer {
    let (after, limit) = (asked.cursor::<ClientId>()?, asked.limit()?);
    let all = private.provider().clients.enabled();
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
    Named(id): Named<String>,
) -> Answer {
    Ok(json(StatusCode::OK, clients::known(private.provider(), &id)?))
}

/// What is said of a client: its name, and its settings as far as they are not the usual ones of its kind.
struct Said {
    name: DisplayName,
    settings: ClientSettings,
}

fn read(mut sent: Map<String, Value>) -> Result<Said, Problem> {
    let wrong = |error: serde_json::Error| Problem::saying(Kind::InvalidBody, error);
    let name = sent.remove("name").unwrap_or_default();
    let known: BTreeSet<String> = openapi::settings();
    if let Some(unknown) = sent.keys().find(|name| !known.contains(*name)) {
        let hint = format!("there is no setting {unknown}; see ClientSettings in openapi.json");
        return Err(Problem::saying(Kind::InvalidBody, hint));
    }
    let kind = sent.get("kind").cloned().unwrap_or_default();
    let kind: ClientKind = serde_json::from_value(kind).map_err(wrong)?;
    let usual = serde_json::to_value(ClientSettings::new(kind)).map_err(wrong)?;
    let mut settings = usual.as_object().cloned().unwrap_or_default();
    settings.extend(sent);
    Ok(Said {
        name: serde_json::from_value(name).map_err(wrong)?,
        settings: serde_json::from_value(settings.into()).map_err(wrong)?,
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
    kept: KeptSecret,
    secret: String,
}

impl From<NewlyMade> for ShownSecret {
    fn from(new: NewlyMade) -> Self {
        Self {
            secret: new.secret.expose().to_owned(),
            kept: new.kept,
        }
    }
}

pub(super) async fn add(
    State(private): State<Private>,
    admin: Admin<WriteClients>,
    _: Confirmed,
    Sent(mut sent): Sent<Map<String, Value>>,
) -> Answer {
    let id = sent.remove("id").unwrap_or_default();
    let id = serde_json::from_value(id).map_err(|error| Problem::saying(Kind::InvalidBody, error))?;
    let Said { name, settings } = read(sent)?;
    let added = clients::add(private.provider(), &admin.by, id, name, settings).await?;
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
    Named(id): Named<String>,
    Sent(sent): Sent<Map<String, Value>>,
) -> Answer {
    let Said { name, settings } = read(sent)?;
    let client = clients::update(private.provider(), &admin.by, &id, name, settings).await?;
    Ok(json(StatusCode::OK, client))
}

pub(super) async fn remove(
    State(private): State<Private>,
    admin: Admin<WriteClients>,
    _: Confirmed,
    Named(id): Named<String>,
) -> Answer {
    let ended = clients::remove(private.provider(), &admin.by, &id).await?;
    Ok(json(StatusCode::OK, ended))
}

/// How long the new secret and the old one live.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecret {
    life: Option<Lifetime>,
    overlap: Option<Lifetime>,
}

/// How long the old one stays good when nobody says.
const OVERLAP: Lifetime = Lifetime::from_days(1);
/// No secret is given a longer life.
const LONGEST: Lifetime = Lifetime::from_days(3650);

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
    Named(id): Named<String>,
    Sent(new): Sent<NewSecret>,
) -> Answer {
    let overlap = new.overlap.unwrap_or(OVERLAP);
    if overlap > LONGEST
        || new
            .life
            .is_some_and(|life| life > LONGEST || life < Lifetime::from_secs(1))
    {
        let hint = format!("life and overlap are at most {LONGEST}");
        return Err(Problem::saying(Kind::InvalidBody, hint));
    }
    let rotated = clients::rotate_secret(private.provider(), &admin.by, &id, new.life, overlap).await?;
    let kept = rotated.kept.into_iter();
    let rotated = Rotated {
        new: rotated.new.into(),
        kept: kept.map(|(id, expires_at)| Kept { id, expires_at }).collect(),
        removed: rotated.removed,
    };
    Ok(json(StatusCode::CREATED, rotated))
}
