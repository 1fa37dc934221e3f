//! The published keys (RFC 7517 section 5).

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use crate::web::Shared;

/// How long a verifier may keep the document. There is always a `next` key in it, published long before it signs.
const CACHE: &str = "public, max-age=600";

pub(crate) async fn jwks(State(site): State<Shared>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/jwk-set+json"),
        (header::CACHE_CONTROL, CACHE),
    ];
    (headers, site.provider.keys.load().jwks.clone()).into_response()
}
