//! `Idempotency-Key`: who got no answer to a POST sends it again, and it is done once.

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};

use super::{
    Private,
    caller::Caller,
    permission::Confirmed,
    problem::{Kind, Problem},
};
use crate::{
    flows::admin::idempotency::{Answer, Held, Judged, MAX_ANSWER, judge},
    web::MAX_BODY,
};

const HEADER: &str = "idempotency-key";
/// Says that an answer is the one of before.
const REPLAYED: &str = "idempotency-replayed";

/// `confirmed`: people give their password for what is asked.
pub(super) async fn layer(
    State((private, confirmed)): State<(Private, bool)>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    // An answer of before does not pass the handler, so what the handler asks of who sends this is asked here.
    let caller = match Caller::of(&parts, &private) {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    if confirmed && let Err(refused) = Confirmed::from_request_parts(&mut parts, &private).await {
        return refused;
    }
    once(&private, &caller, parts, body, next)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn once(
    private: &Private,
    caller: &Caller,
    parts: Parts,
    body: Body,
    next: Next,
) -> Result<Response, Problem> {
    let key = key(&parts.headers)?;
    let body = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| Problem::new(Kind::TooLarge))?;
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let provider = private.provider();
    let request = [target.as_bytes(), &body];
    let held = match judge(provider, &caller.by, &key, &request).await? {
        Judged::First(held) => held,
        Judged::Again(answer) => return Ok(again(answer)),
        Judged::UnderWay => return Err(Problem::new(Kind::KeyUnderWay)),
        Judged::Other => return Err(Problem::new(Kind::KeyReused)),
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(private, held, response).await
}

/// 1 to 128 printable characters.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut lines = headers.get_all(HEADER).into_iter();
    let key = lines
        .next()
        .and_then(|line| line.to_str().ok())
        .unwrap_or_default();
    let plain = (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || lines.next().is_some() {
        let hint = "send one Idempotency-Key of 1 to 128 printable characters";
        return Err(Problem::saying(Kind::InvalidKey, hint));
    }
    Ok(key.to_owned())
}

/// Only what was done is kept: a request that was refused changed nothing, and may be right the next time.
async fn keep(private: &Private, held: Held, response: Response) -> Result<Response, Problem> {
    let provider = private.provider();
    if !response.status().is_success() {
        held.release(provider).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER)
        .await
        .map_err(|error| Problem::fault(&error))?;
    let answer = Answer {
        status: parts.status.as_u16(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    held.keep(provider, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let replayed = [(REPLAYED, "true")];
    if answer.body.is_empty() {
        return (status, replayed).into_response();
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, replayed, kind, answer.body).into_response()
}

/// The answer of a handler.
pub(super) fn json(status: StatusCode, value: impl serde::Serialize) -> Response {
    (status, Json(value)).into_response()
}
