//! The nonce that an app gets with each answer to a proof (RFC 9449 section 8.2), so that its next proof has one.

use axum::response::Response;
use http::{HeaderMap, HeaderValue};

use crate::flows::{Provider, dpop};

/// The answer with exactly one `DPoP-Nonce`, if the request came with a proof, good or bad.
pub(super) fn with_nonce(provider: &Provider, request: &HeaderMap, mut response: Response) -> Response {
    if request.contains_key("dpop")
        && let Ok(nonce) = HeaderValue::try_from(dpop::nonce(provider))
    {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
    response
}
