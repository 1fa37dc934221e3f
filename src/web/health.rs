//! Whether the process lives, and whether it should be sent requests.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;

use crate::{
    store::error::StoreError,
    web::{
        Shared,
        error::with_retry_after,
        problem_details::{BLANK, problem},
    },
};

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
            let problem = problem(status, BLANK, "not ready", Some(&reason.to_string()));
            with_retry_after(problem, StoreError::RETRY_AFTER)
        }
    }
}
