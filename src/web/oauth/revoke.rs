//! The revocation endpoint (RFC 7009).

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use crate::{
    domain::oauth_error::OAuthError,
    flows::{browserless_logout::log_out, revoke, token::TokenError},
    web::{Shared, error::token_json, extract::client::AuthenticatedClient},
};

pub(crate) async fn revoke(State(site): State<Shared>, request: AuthenticatedClient) -> Response {
    match act(&site, &request).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => token_json(error),
    }
}

async fn act(site: &Shared, request: &AuthenticatedClient) -> Result<(), TokenError> {
    // A hint could only make a search faster, and there is none: our tokens say what they are. It is still no excuse
    // for sending it twice.
    request.form.one("token_type_hint").map_err(OAuthError::from)?;
    let token = request.form.one("token").map_err(OAuthError::from)?;
    let token = token.ok_or_else(|| OAuthError::invalid_request("token is missing"))?;
    let (provider, client, address) = (&site.provider, &request.client, Some(request.address.to_string()));
    match request
        .form
        .one("end_browser_session")
        .map_err(OAuthError::from)?
    {
        None | Some("false") => revoke::revoke(provider, client, token, address).await,
        Some("true") => log_out(provider, client, token, None, address).await,
        Some(_) => Err(OAuthError::invalid_request("end_browser_session is true or false").into()),
    }
}
