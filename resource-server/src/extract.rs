//! axum: an access token as a handler's argument, a rejection as its answer (RFC 6750 section 3).

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::json;

use crate::{AccessToken, Rejection, ResourceServer};

impl<S> FromRequestParts<S> for AccessToken
where
    S: Send + Sync,
    Arc<ResourceServer>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        // A nested router cuts the front of the path off; a proof is made for all of it.
        let uri = parts.extensions.get::<OriginalUri>();
        let uri = uri.map_or(&parts.uri, |OriginalUri(uri)| uri);
        Arc::<ResourceServer>::from_ref(state)
            .authenticate(&parts.method, uri, &parts.headers)
            .await
    }
}

/// Problem details (RFC 9457) beside the challenge.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        let mut response = (status, problem.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(nonce) = self.dpop_nonce() {
            headers.insert("dpop-nonce", nonce);
        }
        for challenge in self.www_authenticate() {
            headers.append(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
