//! The revocation stream: `GET /revocations`, and what those say who follow it.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, State, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::{
    base::time::{Instant, Lifetime},
    domain::{
        instance::{Down, InstanceName, WhenDown},
        request::Raw,
    },
    flows::revocations::{self, Following, NotOpened, NotTaken},
    store::error::StoreError,
    web::{
        Shared,
        error::{store_json, with_retry_after},
        extract::{
            follower::AuthenticatedFollower,
            form::{BadForm, Query},
        },
        nonce::with_nonce,
        problem_details::{self, BLANK},
    },
};

/// Everything that must be refused, and what comes to it, for as long as somebody listens.
pub(crate) async fn follow(
    State(site): State<Shared>,
    AuthenticatedFollower(follower): AuthenticatedFollower,
    headers: HeaderMap,
    query: Result<Query, BadForm>,
) -> Response {
    let asked = query.map_err(|error| error.to_string());
    let response = match asked.and_then(|Query(raw)| asked_for(&raw).map_err(str::to_owned)) {
        Err(hint) => problem(StatusCode::BAD_REQUEST, "the query is not right", &hint),
        Ok((name, down)) => match revocations::open(&site.provider, follower, name, down).await {
            Ok(following) => events(Arc::clone(&site), following),
            Err(error) => not_opened(&error),
        },
    };
    with_nonce(&site.provider, &headers, response)
}

fn events(site: Shared, following: Following) -> Response {
    let messages = stream::unfold((site, following), async |(site, mut following)| {
        let message = following.next(&site.provider).await?;
        Some((Ok::<_, Infallible>(Bytes::from_owner(message)), (site, following)))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        // nginx would hold messages back until it has some kilobytes.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (headers, Body::from_stream(messages)).into_response()
}

fn not_opened(error: &NotOpened) -> Response {
    let (status, title) = match error {
        NotOpened::Store(error) => return store_json(error),
        NotOpened::ClientIsFull | NotOpened::TooManyCopies => {
            (StatusCode::TOO_MANY_REQUESTS, "too many streams")
        }
        NotOpened::NodeIsFull | NotOpened::NotReady(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "not served here just now")
        }
    };
    with_retry_after(
        problem(status, title, &error.to_string()),
        StoreError::RETRY_AFTER,
    )
}

/// The copy that asks, and what it does when the stream is down.
fn asked_for(query: &Raw) -> Result<(InstanceName, Down), &'static str> {
    const NAME: &str =
        "instance: a name of 1 to 64 of the characters A-Z a-z 0-9 - _, drawn at the start of the program";
    const CHOICE: &str = "down: refuse, introspect or accept";
    const AFTER: &str = "down_after: whole seconds, 6 to 3600";
    let one = |name| query.one(name).ok().flatten();
    let name = one("instance").and_then(|name| name.parse().ok()).ok_or(NAME)?;
    let choice = one("down").and_then(WhenDown::parse).ok_or(CHOICE)?;
    let digits = |text: &&str| text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = one("down_after")
        .filter(digits)
        .and_then(|text| text.parse().ok());
    let after = seconds
        .map(Lifetime::from_secs)
        .filter(|after| Down::AFTER.contains(after))
        .ok_or(AFTER)?;
    Ok((name, Down { choice, after }))
}

/// What a copy acknowledges.
#[derive(Deserialize)]
pub(crate) struct Acknowledgement {
    instance: InstanceName,
    polled_at: Instant,
}

pub(crate) async fn acknowledge(
    State(site): State<Shared>,
    AuthenticatedFollower(follower): AuthenticatedFollower,
    headers: HeaderMap,
    body: Result<Json<Acknowledgement>, JsonRejection>,
) -> Response {
    let response = match body {
        Err(error) => problem(error.status(), "the body is not right", &error.body_text()),
        Ok(Json(Acknowledgement { instance, polled_at })) => {
            match revocations::acknowledge(&site.provider, &follower, &instance, polled_at).await {
                Ok(()) => StatusCode::NO_CONTENT.into_response(),
                Err(NotTaken::Store(error)) => store_json(&error),
                Err(error @ NotTaken::Unknown) => unknown(&error.to_string()),
                Err(error @ NotTaken::Ahead) => problem(
                    StatusCode::BAD_REQUEST,
                    "the body is not right",
                    &error.to_string(),
                ),
            }
        }
    };
    with_nonce(&site.provider, &headers, response)
}

/// A copy stops.
pub(crate) async fn leave(
    State(site): State<Shared>,
    AuthenticatedFollower(follower): AuthenticatedFollower,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> Response {
    let response = match instance.parse::<InstanceName>() {
        Err(error) => unknown(&error.to_string()),
        Ok(name) => match revocations::leave(&site.provider, &follower, &name).await {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(error) => store_json(&error),
        },
    };
    with_nonce(&site.provider, &headers, response)
}

fn unknown(detail: &str) -> Response {
    problem(StatusCode::NOT_FOUND, "unknown instance", detail)
}

/// Problem details (RFC 9457).
fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    problem_details::problem(status, BLANK, title, Some(detail))
}
