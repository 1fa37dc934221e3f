//! What happened, and who uses what is going to end.

use axum::{extract::State, response::Response};
use http::StatusCode;

use super::{
    Private,
    input::Asked,
    once::json,
    permission::{Admin, ReadEvents},
    problem::Problem,
};
use crate::{
    base::{
        id::EventId,
        page::{MAX_PAGE, Page},
        time::Instant,
    },
    store::{events, legacy_uses},
};

type Answer = Result<Response, Problem>;

const TIME: &str = "a time such as 2026-11-22T10:00:00Z";

pub(super) async fn list(State(private): State<Private>, _: Admin<ReadEvents>, asked: Asked) -> Answer {
    let since = asked.value("since", Instant::from_rfc3339, TIME)?;
    let until = asked.value("until", Instant::from_rfc3339, TIME)?;
    let limit = asked.limit()?;
    let first = since.map_or(EventId::from_bytes([0; 16]), EventId::first_at);
    let after = asked.cursor()?.map_or(first, |cursor: EventId| cursor.max(first));
    let before = until.map_or(EventId::from_bytes([u8::MAX; 16]), EventId::first_at);
    // One more tells whether there are more.
    let found = events::between(&private.provider().db, after, before, limit + 1).await?;
    let page = Page::cut(found, limit, |line| line.id.to_string());
    Ok(json(StatusCode::OK, page))
}

pub(super) async fn legacy(State(private): State<Private>, _: Admin<ReadEvents>) -> Answer {
    let items = legacy_uses::list(&private.provider().db, MAX_PAGE).await?;
    Ok(json(StatusCode::OK, Page { items, next: None }))
}
