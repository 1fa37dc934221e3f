//! The keys of the server.

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::Deserialize;

use super::{
    Private,
    input::Sent,
    once::json,
    permission::{Admin, Confirmed, ReadKeys, RotateKeys},
    problem::{Kind, Problem},
};
use crate::{
    base::page::Page,
    domain::key::Ring,
    flows::keys::{self, rotate::rotate as rotate_rings},
};

type Answer = Result<Response, Problem>;

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadKeys>) -> Answer {
    let items = keys::list(&private.provider().db).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}

/// Which ring; all of them when none is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysToRotate {
    ring: Option<String>,
}

pub(super) async fn rotate(
    State(private): State<Private>,
    admin: Admin<RotateKeys>,
    _: Confirmed,
    Sent(asked): Sent<KeysToRotate>,
) -> Answer {
    let provider = private.provider();
    let ring = asked.ring.map(|ring| ring.parse::<Ring>()).transpose();
    let ring = ring.map_err(|error| Problem::saying(Kind::InvalidBody, error))?;
    let there = keys::list(&provider.db).await?;
    let has_keys = |ring: &Ring| there.iter().any(|key| key.ring == *ring);
    let rings = ring.map_or_else(|| Ring::every().filter(has_keys).collect(), |ring| vec![ring]);
    let items = rotate_rings(provider, &rings, admin.by.actor).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}
