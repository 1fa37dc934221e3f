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
    base::text::AppVersion,
    domain::{
        authorization_details::AuthorizationDetails,
        client::GrantType,
        oauth_error::{ErrorCode, OAuthError},
        request::Raw,
        scope::{ScopeError, ScopeSet},
    },
    flows::{
        dpop,
        issue::Tokens,
        token::{
            TokenError, check_grant,
            client_credentials::{self, ClientCredentialsRequest},
            code::{self, CodeRequest},
            device_code,
            exchange::{self, ExchangeRequest},
            jwt_bearer::{self, BearerRequest},
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

/// Details narrow what a person was asked for: a grant by which nobody is asked has none, and does not drop them silently.
fn check_details(grant: GrantType, details: Option<&str>) -> Result<(), OAuthError> {
    let asks_nobody = matches!(
        grant,
        GrantType::ClientCredentials | GrantType::TokenExchange | GrantType::JwtBearer
    );
    if details.is_some() && asks_nobody {
        let hint = "nobody is asked for authorization_details by this grant: leave them out";
        return Err(OAuthError::new(ErrorCode::InvalidAuthorizationDetails, hint));
    }
    Ok(())
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
    let app_version = app_version(form);
    let resource = form.all("resource");
    let details = form.one("authorization_details").map_err(OAuthError::from)?;
    let hint = "the metadata of this server list the grant types that it knows";
    let unsupported = |_| OAuthError::new(ErrorCode::UnsupportedGrantType, hint);
    let grant: GrantType = form.required("grant_type")?.parse().map_err(unsupported)?;
    check_grant(client, grant)?;
    check_details(grant, details)?;
    let proof = PresentedProof::from_headers(headers);
    let proof = dpop::at_token_endpoint(&site.provider, client, proof).await?;
    match grant {
        GrantType::AuthorizationCode => {
            let request = CodeRequest {
                code: form.required("code")?,
                redirect_uri: form.one("redirect_uri").map_err(OAuthError::from)?,
                code_verifier: form.one("code_verifier").map_err(OAuthError::from)?,
                resource,
                details,
                proof,
                address,
                app_version,
            };
            code::redeem(&site.provider, client, request).await
        }
        GrantType::RefreshToken => {
            let request = RefreshRequest {
                refresh_token: form.required("refresh_token")?,
                scope: scope(form)?,
                resource,
                details,
                proof,
                address,
                app_version,
            };
            refresh::refresh(&site.provider, client, request).await
        }
        GrantType::DeviceCode => {
            let request = device_code::Poll {
                device_code: form.required("device_code")?,
                resource,
                details,
                proof,
                address,
                app_version,
            };
            device_code::poll(&site.provider, client, request).await
        }
        GrantType::TokenExchange => {
            let request = ExchangeRequest {
                subject: presented(form, "subject_token", "subject_token_type")?
                    .ok_or_else(|| OAuthError::invalid_request("subject_token is missing"))?,
                actor: presented(form, "actor_token", "actor_token_type")?,
                requested_token_type: form.one("requested_token_type").map_err(OAuthError::from)?,
                scope: scope(form)?,
                resource,
                audience: form.all("audience"),
                proof,
                address,
                app_version,
            };
            exchange::exchange(&site.provider, client, request).await
        }
        GrantType::JwtBearer => {
            let request = BearerRequest {
                assertion: form.required("assertion")?,
                scope: scope(form)?,
                resource,
                proof,
                address,
                app_version,
            };
            jwt_bearer::open(&site.provider, client, request).await
        }
        GrantType::ClientCredentials => {
            let request = ClientCredentialsRequest {
                scope: form.one("scope").map_err(OAuthError::from)?,
                resource,
                proof,
            };
            client_credentials::issue_to_client(&site.provider, client, &request).await
        }
    }
}

/// A parameter of ours, for lists of sessions. What is none is passed over: nobody is signed out for the name of a version.
fn app_version(form: &Raw) -> Option<AppVersion> {
    form.one("app_version").ok().flatten()?.parse().ok()
}

/// A token and what kind of token it says it is, which come together (RFC 8693 section 2.1).
fn presented<'a>(
    form: &'a Raw,
    token: &'static str,
    kind: &'static str,
) -> Result<Option<exchange::Presented<'a>>, OAuthError> {
    if !form.has(token) && !form.has(kind) {
        return Ok(None);
    }
    let (token, kind) = (form.required(token)?, form.required(kind)?);
    Ok(Some(exchange::Presented { token, kind }))
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
