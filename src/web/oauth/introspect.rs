//! The introspection endpoint (RFC 7662).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    domain::oauth_error::OAuthError,
    flows::{
        introspect::{self, Introspection},
        token::TokenError,
    },
    web::{
        Shared,
        error::{oauth_json, token_json},
        extract::client::AuthenticatedClient,
    },
};

pub(crate) async fn introspect(State(site): State<Shared>, request: AuthenticatedClient) -> Response {
    // RFC 7662 section 2.1: nobody asks who has not authenticated.
    if !request.client.is_confidential() {
        return site.count_failure(request.address, oauth_json(&OAuthError::invalid_client()));
    }
    match act(&site, &request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => token_json(error),
    }
}

async fn act(site: &Shared, request: &AuthenticatedClient) -> Result<Introspection, TokenError> {
    request.form.one("token_type_hint").map_err(OAuthError::from)?;
    let token = request.form.required("token")?;
    Ok(introspect::introspect(&site.provider, &request.client, token).await?)
}
