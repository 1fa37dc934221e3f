//! The keys of the server.

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::Deserialize;

use super::{
    Private,
    input::Sent,
    once::json,
    permission::{Admin, Confirmed, ReadKeys, RotateKeys},
    problem::Problem,
};
use crate::{
    base::page::Page,
    domain::key::Ring,
    flows::keys::{
        listed, rings,
        rotate::{rotate as rotate_rings, withdraw as withdraw_rings},
    },
};

type Answer = Result<Response, Problem>;

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadKeys>) -> Answer {
    let items = listed(private.provider()).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}

/// Which ring; all of them when none is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysToRotate {
    ring: Option<Ring>,
}

pub(super) async fn rotate(
    State(private): State<Private>,
    admin: Admin<RotateKeys>,
    _: Confirmed,
    Sent(asked): Sent<KeysToRotate>,
) -> Answer {
    let provider = private.provider();
    let rings = rings(provider, asked.ring).await?;
    let items = rotate_rings(provider, &rings, admin.by.initiator()).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}

/// Which ring, or null: all of them, which has to be said. With `all` the keys that lay beside those in use too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysToWithdraw {
    #[serde(deserialize_with = "Option::deserialize")]
    ring: Option<Ring>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn withdraw(
    State(private): State<Private>,
    admin: Admin<RotateKeys>,
    _: Confirmed,
    Sent(asked): Sent<KeysToWithdraw>,
) -> Answer {
    let provider = private.provider();
    let rings = rings(provider, asked.ring).await?;
    let items = withdraw_rings(provider, &rings, asked.all, admin.by.initiator()).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}
