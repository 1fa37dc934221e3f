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
        oauth_error::{ErrorCode, OAuthError},
        request::Raw,
        scope::{ScopeError, ScopeSet},
    },
    flows::{
        dpop,
        issue::Tokens,
        token::{
            TokenError,
            code::{self, CodeRequest},
            refresh::{self, RefreshRequest},
        },
    },
    web::{Shared, error::token_json, extract::client::AuthenticatedClient, nonce::with_nonce},
};

pub(crate) async fn token(
    State(site): State<Shared>,
    headers: HeaderMap,
    request: AuthenticatedClient,
) -> Response {
    let response = match grant(&site, &headers, &request).await {
        Ok(tokens) => answer(&tokens),
        Err(error @ TokenError::NotOurs(_)) => site.count_failure(request.address, token_json(error)),
        Err(error) => token_json(error),
    };
    with_nonce(&site.provider, &headers, response)
}

async fn grant(
    site: &Shared,
    headers: &HeaderMap,
    request: &AuthenticatedClient,
) -> Result<Tokens, TokenError> {
    let AuthenticatedClient {
        client,
        form,
        address,
    } = request;
    let address = Some(address.to_string());
    let resource = form.all("resource");
    let proof = PresentedProof::from_headers(headers);
    let proof = dpop::at_token_endpoint(&site.provider, client, proof).await?;
    match parameter(form, "grant_type")? {
        "authorization_code" => {
            let request = CodeRequest {
                code: parameter(form, "code")?,
                redirect_uri: form.one("redirect_uri").map_err(OAuthError::from)?,
                code_verifier: parameter(form, "code_verifier")?,
                resource,
                proof,
                address,
            };
            code::redeem(&site.provider, client, request).await
        }
        "refresh_token" => {
            let scope = form.one("scope").map_err(OAuthError::from)?;
            let request = RefreshRequest {
                refresh_token: parameter(form, "refresh_token")?,
                scope: scope
                    .map(str::parse::<ScopeSet>)
                    .transpose()
                    .map_err(invalid_scope)?,
                resource,
                proof,
                address,
            };
            refresh::refresh(&site.provider, client, request).await
        }
        _ => {
            let hint = "grant_type is authorization_code or refresh_token";
            Err(OAuthError::new(ErrorCode::UnsupportedGrantType, hint).into())
        }
    }
}

fn parameter<'a>(form: &'a Raw, name: &'static str) -> Result<&'a str, OAuthError> {
    form.one(name)?
        .ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
}

fn invalid_scope(error: ScopeError) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidScope, error.to_string())
}

/// RFC 6749 section 5.1; the secrets are shown here and nowhere else.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    scope: &'a ScopeSet,
}

fn answer(tokens: &Tokens) -> Response {
    let answer = Answer {
        access_token: tokens.access_token.expose(),
        token_type: if tokens.is_bound { "DPoP" } else { "Bearer" },
        expires_in: tokens.expires_in.seconds(),
        refresh_token: tokens.refresh_token.expose(),
        id_token: tokens.id_token.as_ref().map(|token| token.expose().as_str()),
        scope: &tokens.scope,
    };
    ([(header::PRAGMA, "no-cache")], Json(answer)).into_response()
}
