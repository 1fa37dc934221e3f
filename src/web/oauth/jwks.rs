//! The published keys (RFC 7517 section 5).

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use crate::{domain::key::rotation::JWKS_MAX_AGE, web::Shared};

/// There is always a `next` key in the document, published for longer than a verifier may keep it before it signs.
pub(crate) async fn jwks(State(site): State<Shared>) -> Response {
    let provider = &site.provider;
    if let Err(error) = provider
        .keys
        .ensure_recent_unless_busy(&provider.db, &provider.clock)
        .await
    {
        // Better keys that may be old than none: verifiers must go on while the database is away.
        tracing::warn!(%error, "the published keys could not be compared with the database");
    }
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json".to_owned()),
        (
            header::CACHE_CONTROL,
            format!("public, max-age={}", JWKS_MAX_AGE.seconds()),
        ),
    ];
    (headers, provider.keys.load().jwks.clone()).into_response()
}
