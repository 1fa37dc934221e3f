//! The token endpoint (RFC 6749 section 3.2).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use serde::Serialize;

use crate::{
    domain::{
        client::GrantType,
        oauth_error::{ErrorCode, OAuthError},
        request::Raw,
        scope::{ScopeError, ScopeSet},
    },
    flows::{
        issue::Tokens,
        token::{
            TokenError, check_grant,
            client_credentials::{self, ClientCredentialsRequest},
            code::{self, CodeRequest},
            refresh::{self, RefreshRequest},
        },
    },
    web::{Shared, error::token_json, extract::client::AuthenticatedClient},
};

pub(crate) async fn token(State(site): State<Shared>, request: AuthenticatedClient) -> Response {
    match grant(&site, &request).await {
        Ok(tokens) => answer(&tokens),
        Err(error @ TokenError::NotOurs(_)) => site.count_failure(request.address, token_json(error)),
        Err(error) => token_json(error),
    }
}

async fn grant(site: &Shared, request: &AuthenticatedClient) -> Result<Tokens, TokenError> {
    let AuthenticatedClient {
        client,
        form,
        address,
    } = request;
    let address = Some(address.to_string());
    let resource = form.all("resource");
    let hint = "grant_type is authorization_code, refresh_token or client_credentials";
    let unsupported = |_| OAuthError::new(ErrorCode::UnsupportedGrantType, hint);
    let grant: GrantType = parameter(form, "grant_type")?.parse().map_err(unsupported)?;
    check_grant(client, grant)?;
    match grant {
        GrantType::AuthorizationCode => {
            let request = CodeRequest {
                code: parameter(form, "code")?,
                redirect_uri: form.one("redirect_uri").map_err(OAuthError::from)?,
                code_verifier: form.one("code_verifier").map_err(OAuthError::from)?,
                resource,
                proof: None,
                address,
            };
            code::redeem(&site.provider, client, request).await
        }
        GrantType::RefreshToken => {
            let request = RefreshRequest {
                refresh_token: parameter(form, "refresh_token")?,
                scope: scope(form)?,
                resource,
                proof: None,
                address,
            };
            refresh::refresh(&site.provider, client, request).await
        }
        GrantType::ClientCredentials => {
            let request = ClientCredentialsRequest {
                scope: scope(form)?,
                resource,
                proof: None,
            };
            client_credentials::issue_to_client(&site.provider, client, &request).await
        }
    }
}

fn parameter<'a>(form: &'a Raw, name: &'static str) -> Result<&'a str, OAuthError> {
    form.one(name)?
        .ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
}

fn scope(form: &Raw) -> Result<Option<ScopeSet>, OAuthError> {
    let invalid = |error: ScopeError| OAuthError::new(ErrorCode::InvalidScope, error.to_string());
    form.one("scope")?
        .map(str::parse::<ScopeSet>)
        .transpose()
        .map_err(invalid)
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
}

fn answer(tokens: &Tokens) -> Response {
    let answer = Answer {
        access_token: tokens.access_token.expose(),
        token_type: "Bearer",
        expires_in: tokens.expires_in.seconds(),
        refresh_token: tokens.refresh_token.as_ref().map(|token| token.expose().as_str()),
        id_token: tokens.id_token.as_ref().map(|token| token.expose().as_str()),
        scope: &tokens.scope,
    };
    ([(header::PRAGMA, "no-cache")], Json(answer)).into_response()
}
