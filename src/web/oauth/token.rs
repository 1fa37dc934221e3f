//! The token endpoint (RFC 6749 section 3.2).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use postern_resource_server::PresentedProof;
use serde::Serialize;

use crate::{
    domain::{
        authorization_details::AuthorizationDetails,
        oauth_error::{ErrorCode, OAuthError},
        scope::ScopeSet,
    },
    flows::{
        issue::Tokens,
        token::{Asked, TokenError, grant},
    },
    web::{Shared, error::token_json, extract::client::AuthenticatedClient, nonce::with_nonce},
};

pub(crate) async fn token(
    State(site): State<Shared>,
    headers: HeaderMap,
    request: AuthenticatedClient,
) -> Response {
    let asked = Asked {
        form: &request.form,
        proof: PresentedProof::from_headers(&headers),
        address: request.address.to_string(),
    };
    let response = match grant(&site.provider, &request.client, asked).await {
        Ok(tokens) => answer(&tokens),
        Err(TokenError::Refused(error)) if error.code == ErrorCode::AuthorizationPending => {
            token_json(paced(&site, &request, error).into())
        }
        Err(error @ TokenError::NotOurs(_)) => site.count_failure(request.address, token_json(error)),
        Err(error) => token_json(error),
    };
    with_nonce(&site.provider, &headers, response)
}

/// A device that asks too often is told so (RFC 8628 section 3.5). Each node counts for itself.
fn paced(site: &Shared, request: &AuthenticatedClient, pending: OAuthError) -> OAuthError {
    let now = site.provider.clock.now();
    let polls = site.devices.polls.count(request.form.text("device_code"), now);
    polls.map_or_else(
        |_wait| {
            let hint = "the device asks too often: wait five seconds more between two requests, from now on";
            OAuthError::new(ErrorCode::SlowDown, hint)
        },
        |()| pending,
    )
}

/// RFC 6749 section 5.1; the secrets are shown here and nowhere else.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    scope: &'a ScopeSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    authorization_details: &'a AuthorizationDetails,
}

fn answer(tokens: &Tokens) -> Response {
    let answer = Answer {
        access_token: tokens.access_token.expose(),
        token_type: if tokens.is_bound { "DPoP" } else { "Bearer" },
        expires_in: tokens.expires_in.seconds(),
        refresh_token: tokens.refresh_token.as_ref().map(|token| token.expose().as_str()),
        id_token: tokens.id_token.as_ref().map(|token| token.expose().as_str()),
        scope: &tokens.scope,
        device_secret: tokens
            .device_secret
            .as_ref()
            .map(|secret| secret.expose().as_str()),
        issued_token_type: tokens.issued_token_type,
        authorization_details: &tokens.authorization_details,
    };
    ([(header::PRAGMA, "no-cache")], Json(answer)).into_response()
}
