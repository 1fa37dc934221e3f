//! Whether the process lives, and whether it can serve.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;

use crate::{
    store::{clients, error::StoreError},
    web::Shared,
};

/// The process answers.
pub(super) async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// The database answers, so requests can be served.
pub(super) async fn ready(State(site): State<Shared>) -> Response {
    match clients::version(&site.provider.db).await {
        Ok(_) => Json(json!({ "status": "ready" })).into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            let retry = [(header::RETRY_AFTER, StoreError::RETRY_AFTER.seconds().to_string())];
            let body = Json(json!({ "status": "not ready", "reason": "the database does not answer" }));
            (StatusCode::SERVICE_UNAVAILABLE, retry, body).into_response()
        }
    }
}
