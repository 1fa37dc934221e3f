//! Problem details (RFC 9457): how every error for programs is written that is no OAuth error.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::{Map, Value};

/// The type of a problem that says no more than its status (RFC 9457 section 4.2.1).
pub(crate) const BLANK: &str = "about:blank";

/// An error: its type, its title, and what is to be said of this occurrence.
pub(crate) fn problem(status: StatusCode, kind: &str, title: &str, detail: Option<&str>) -> Response {
    problem_with(status, kind, title, detail, Map::new())
}

/// The same with members of its own (RFC 9457 section 3.2).
pub(crate) fn problem_with(
    status: StatusCode,
    kind: &str,
    title: &str,
    detail: Option<&str>,
    mut body: Map<String, Value>,
) -> Response {
    body.insert("type".to_owned(), kind.into());
    body.insert("title".to_owned(), title.into());
    body.insert("status".to_owned(), status.as_u16().into());
    if let Some(detail) = detail {
        body.insert("detail".to_owned(), detail.into());
    }
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, Json(body)).into_response()
}
