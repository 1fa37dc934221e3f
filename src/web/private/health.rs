//! How the server is, in detail: for who watches it.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::Private;
use crate::{base::time::Lifetime, domain::key::KeyState, flows::keys, ports::disk};

/// The database, the poll, the clock, the keys, the disk. 503 when the node should not be sent requests.
pub(super) async fn details(State(private): State<Private>) -> Response {
    let provider = private.provider();
    let ready = provider.readiness.judge(&provider.clock, &provider.db);
    let status = match ready {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let poll = provider.readiness.poll_age(&provider.clock);
    let body = json!({
        "status": if ready.is_ok() { "ready" } else { "not_ready" },
        "reason": ready.err().map(|reason| reason.to_string()),
        "version": env!("CARGO_PKG_VERSION"),
        "database": {
            "poll_age_ms": poll.map(Lifetime::millis),
            "losses": provider.db.losses(),
            "clock_offset_ms": provider.clock.offset(),
        },
        "keys": keys_in_use(&private).await,
        "disk": { "free_bytes": private.database().and_then(disk::free_bytes) },
    });
    (status, Json(body)).into_response()
}

/// The active key of each ring, with its age; nothing when the database does not answer.
async fn keys_in_use(private: &Private) -> Value {
    let provider = private.provider();
    let now = provider.clock.now();
    let Ok(keys) = keys::list(provider).await else {
        return Value::Null;
    };
    let active = keys.iter().filter_map(|key| match key.state {
        KeyState::Active { since } => Some(json!({
            "ring": key.ring,
            "kid": key.id,
            "active_for_ms": now.since(since).millis(),
        })),
        _ => None,
    });
    active.collect()
}
