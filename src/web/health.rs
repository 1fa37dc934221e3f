//! Whether the process lives, and whether it should be sent requests.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;

use crate::{store::error::StoreError, web::Shared};

/// The process answers. Stays so while it is not ready: nobody is helped by starting it anew.
pub(super) async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// What the last polls saw of the database; it is not asked for this. Red turns green by itself.
pub(super) async fn ready(State(site): State<Shared>) -> Response {
    let provider = &site.provider;
    match provider.readiness.judge(&provider.clock, &provider.db) {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(reason) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let headers = [
                (header::CONTENT_TYPE, "application/problem+json".to_owned()),
                (header::RETRY_AFTER, StoreError::RETRY_AFTER.seconds().to_string()),
            ];
            let body =
                json!({ "title": "not ready", "status": status.as_u16(), "detail": reason.to_string() });
            (status, headers, Json(body)).into_response()
        }
    }
}
