//! The token endpoint's verbs: one file a grant, the same shape each. [`grant`] is the one way to them for a request that came
//! from outside, and has the checks that are common to all.

pub mod client_credentials;
pub mod code;
pub mod device_code;
pub mod exchange;
pub mod jwt_bearer;
mod live;
mod narrow;
mod redemption;
pub mod refresh;
pub(super) mod resource;

use crate::{
    base::text::AppVersion,
    domain::{
        client::{Client, GrantType},
        oauth_error::{ErrorCode, OAuthError},
        request::{Doubled, Raw},
        scope::{ScopeError, ScopeSet},
    },
    flows::{
        Provider, dpop,
        issue::{IssueError, Tokens},
        token::{
            client_credentials::ClientCredentialsRequest, code::CodeRequest, exchange::ExchangeRequest,
            jwt_bearer::BearerRequest, refresh::RefreshRequest,
        },
    },
    store::error::StoreError,
};

/// Why a token request was refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The client's fault; it is told why.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// The token or code was not made by this server. Told like any other bad one, and counted against the address:
    /// the only way to have one is to guess.
    #[error("the token was not made by this server")]
    NotOurs(OAuthError),
    /// The tokens could not be made: our fault.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Doubled> for TokenError {
    fn from(doubled: Doubled) -> Self {
        Self::Refused(doubled.into())
    }
}

/// A token request of a client that has authenticated (RFC 6749 section 3.2).
pub struct Asked<'a> {
    /// Its parameters.
    pub form: &'a Raw,
    /// Its DPoP header.
    pub proof: dpop::Sent<'a>,
    /// Where it came from.
    pub address: String,
}

/// Gives what a grant stands for, to a client that may use it.
pub async fn grant(provider: &Provider, client: &Client, asked: Asked<'_>) -> Result<Tokens, TokenError> {
    let Asked { form, proof, address } = asked;
    let address = Some(address);
    let app_version = app_version(form);
    let resource = form.all("resource");
    let details = form.one("authorization_details")?;
    let hint = "the metadata of this server list the grant types that it knows";
    let unsupported = |_| OAuthError::new(ErrorCode::UnsupportedGrantType, hint);
    let grant: GrantType = form.required("grant_type")?.parse().map_err(unsupported)?;
    check_grant(client, grant)?;
    check_details(grant, details)?;
    let proof = dpop::at_token_endpoint(provider, client, proof).await?;
    match grant {
        GrantType::AuthorizationCode => {
            let request = CodeRequest {
                code: form.required("code")?,
                redirect_uri: form.one("redirect_uri")?,
                code_verifier: form.one("code_verifier")?,
                resource,
                details,
                proof,
                address,
                app_version,
            };
            code::redeem(provider, client, request).await
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
            refresh::refresh(provider, client, request).await
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
            device_code::poll(provider, client, request).await
        }
        GrantType::TokenExchange => {
            let request = ExchangeRequest {
                subject: presented(form, "subject_token", "subject_token_type")?
                    .ok_or_else(|| OAuthError::invalid_request("subject_token is missing"))?,
                actor: presented(form, "actor_token", "actor_token_type")?,
                requested_token_type: form.one("requested_token_type")?,
                scope: scope(form)?,
                resource,
                audience: form.all("audience"),
                proof,
                address,
                app_version,
            };
            exchange::exchange(provider, client, request).await
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
            jwt_bearer::open(provider, client, request).await
        }
        GrantType::ClientCredentials => {
            let request = ClientCredentialsRequest {
                scope: form.one("scope")?,
                resource,
                proof,
            };
            client_credentials::issue_to_client(provider, client, &request).await
        }
    }
}

/// A client uses the grants that it is registered for and no other (RFC 6749 section 5.2).
pub(super) fn check_grant(client: &Client, grant: GrantType) -> Result<(), OAuthError> {
    if client.may(grant) {
        return Ok(());
    }
    let hint = "the client is not registered for this grant_type";
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, hint))
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

/// A parameter of ours, for lists of sessions. What is none is passed over: nobody is signed out for the name of a version.
fn app_version(form: &Raw) -> Option<AppVersion> {
    form.one("app_version").ok().flatten()?.parse().ok()
}

/// A token and what kind of token it says it is, which come together (RFC 8693 section 2.1).
fn presented<'a>(
    form: &'a Raw,
    token: &'static str,
    kind: &'static str,
) -> Result<Option<exchange::PresentedToken<'a>>, OAuthError> {
    if !form.has(token) && !form.has(kind) {
        return Ok(None);
    }
    let (token, kind) = (form.required(token)?, form.required(kind)?);
    Ok(Some(exchange::PresentedToken { token, kind }))
}

fn scope(form: &Raw) -> Result<Option<ScopeSet>, OAuthError> {
    let invalid = |error: ScopeError| OAuthError::new(ErrorCode::InvalidScope, error.to_string());
    form.one("scope")?
        .map(str::parse::<ScopeSet>)
        .transpose()
        .map_err(invalid)
}

/// The scope of a session that a client opens without a page: something, and nothing that the client is not registered for
/// (RFC 6749 section 3.3).
fn registered_scope(client: &Client, scope: ScopeSet) -> Result<ScopeSet, OAuthError> {
    if scope.is_empty() || !scope.is_within(&client.settings.scope) {
        let hint = "ask for scopes that the client is registered with, or leave the parameter out";
        return Err(OAuthError::new(ErrorCode::InvalidScope, hint));
    }
    Ok(scope)
}
