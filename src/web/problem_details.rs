//! Problem details (RFC 9457): how every error for programs is written that is no OAuth error.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;

/// The type of a problem that says no more than its status (RFC 9457 section 4.2.1).
pub(crate) const BLANK: &str = "about:blank";

/// An error: its type, its title, and what is to be said of this occurrence.
pub(crate) fn problem(status: StatusCode, kind: &str, title: &str, detail: Option<&str>) -> Response {
    let mut body = json!({ "type": kind, "title": title, "status": status.as_u16() });
    if let Some(detail) = detail {
        body["detail"] = detail.into();
    }
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, Json(body)).into_response()
}
