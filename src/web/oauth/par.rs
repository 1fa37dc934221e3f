//! The pushed authorization request endpoint (RFC 9126 section 2).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use postern_resource_server::PresentedProof;
use serde_json::json;

use crate::{
    flows::pushed,
    web::{Shared, error::token_json, extract::client::AuthenticatedClient, nonce::with_nonce},
};

pub(crate) async fn push(
    State(site): State<Shared>,
    headers: HeaderMap,
    request: AuthenticatedClient,
) -> Response {
    let AuthenticatedClient { client, form, .. } = request;
    let proof = PresentedProof::from_headers(&headers);
    let response = match pushed::push(&site.provider, client, form, proof).await {
        Ok(pushed) => {
            let answer = json!({
                "request_uri": pushed.request_uri,
                "expires_in": pushed.expires_in.seconds(),
            });
            (StatusCode::CREATED, Json(answer)).into_response()
        }
        Err(error) => token_json(error),
    };
    with_nonce(&site.provider, &headers, response)
}
