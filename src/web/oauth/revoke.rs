//! The revocation endpoint (RFC 7009).

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use postern_resource_server::PresentedProof;

use crate::{
    domain::oauth_error::OAuthError,
    flows::{browserless_logout::log_out, dpop, revoke, token::TokenError},
    web::{Shared, error::token_json, extract::client::AuthenticatedClient, nonce::with_nonce},
};

pub(crate) async fn revoke(
    State(site): State<Shared>,
    headers: HeaderMap,
    request: AuthenticatedClient,
) -> Response {
    let response = match act(&site, &headers, &request).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => token_json(error),
    };
    with_nonce(&site.provider, &headers, response)
}

async fn act(site: &Shared, headers: &HeaderMap, request: &AuthenticatedClient) -> Result<(), TokenError> {
    // A hint could only make a search faster, and there is none: our tokens say what they are. It is still no excuse
    // for sending it twice.
    request.form.one("token_type_hint").map_err(OAuthError::from)?;
    let token = request.form.required("token")?;
    let (provider, client, address) = (&site.provider, &request.client, Some(request.address.to_string()));
    match request
        .form
        .one("end_browser_session")
        .map_err(OAuthError::from)?
    {
        None | Some("false") => revoke::revoke(provider, client, token, address).await,
        Some("true") => {
            let proof = PresentedProof::from_headers(headers);
            let proof = dpop::at_revocation(provider, client, proof).await?;
            log_out(provider, client, token, proof, address).await
        }
        Some(_) => Err(OAuthError::invalid_request("end_browser_session is true or false").into()),
    }
}
