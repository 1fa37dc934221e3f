//! A service that may follow the revocation stream: a handler that names it cannot run without its token.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use postern_resource_server::{Presented, PresentedProof};

use crate::{
    flows::revocations::{Follower, authenticate},
    web::{Shared, error::store_json, nonce::with_nonce},
};

/// Who asks.
#[derive(Debug)]
pub(crate) struct AuthenticatedFollower(pub(crate) Follower);

impl FromRequestParts<Shared> for AuthenticatedFollower {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        let (headers, path) = (&parts.headers, parts.uri.path());
        let refused = |response: Response| with_nonce(&site.provider, headers, response);
        let presented =
            Presented::from_headers(headers).map_err(|rejection| refused(rejection.into_response()))?;
        let sent = PresentedProof::from_headers(headers);
        match authenticate(&site.provider, presented, sent, parts.method.as_str(), path).await {
            Ok(Ok(follower)) => Ok(Self(follower)),
            Ok(Err(rejection)) => Err(refused(rejection.into_response())),
            Err(error) => Err(refused(store_json(&error))),
        }
    }
}
