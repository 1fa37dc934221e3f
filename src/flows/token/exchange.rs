//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693). An API that passes a request on exchanges the
//! token that is for it (`delegate`); an app of a group signs its person in by another app of the group (`native_sso`).
//! Nobody else exchanges anything.

mod delegate;
mod native_sso;

use crate::{
    base::text::AppVersion,
    domain::{binding::Proof, client::Client, oauth_error::OAuthError, scope::ScopeSet},
    flows::{Provider, issue::Tokens, token::TokenError},
};

/// An access token (RFC 8693 section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// A JWT, which our access tokens are.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// An ID token.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// A device secret (OpenID Connect Native SSO for Mobile Apps 1.0 section 4.1).
const DEVICE_SECRET: &str = "urn:openid:params:token-type:device-secret";

/// A token that somebody shows, and what it is said to be (RFC 8693 section 2.1).
#[derive(Clone, Copy)]
pub struct PresentedToken<'a> {
    /// The token.
    pub token: &'a str,
    /// Its type.
    pub kind: &'a str,
}

/// What the client sends (RFC 8693 section 2.1).
pub struct ExchangeRequest<'a> {
    /// Of whom the new token will speak.
    pub subject: PresentedToken<'a>,
    /// Who acts.
    pub actor: Option<PresentedToken<'a>>,
    /// What is wanted: an access token, also when nothing is said.
    pub requested_token_type: Option<&'a str>,
    /// What the new token may do.
    pub scope: Option<ScopeSet>,
    /// The API that it is for, by its address (RFC 8707).
    pub resource: &'a [String],
    /// The same, by its name.
    pub audience: &'a [String],
    /// The DPoP proof, checked.
    pub proof: Option<Proof>,
    /// Where the request came from.
    pub address: Option<String>,
    /// Which version the app says that it is.
    pub app_version: Option<AppVersion>,
}

/// Exchanges a token for another.
pub async fn exchange(
    provider: &Provider,
    client: &Client,
    request: ExchangeRequest<'_>,
) -> Result<Tokens, TokenError> {
    if request
        .requested_token_type
        .is_some_and(|wanted| wanted != ACCESS_TOKEN)
    {
        let hint = "only access tokens are given: leave requested_token_type out";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let mut tokens = if client.is_confidential() {
        delegate::delegate(provider, client, &request).await?
    } else {
        native_sso::open(provider, client, &request).await?
    };
    tokens.issued_token_type = Some(ACCESS_TOKEN);
    Ok(tokens)
}
