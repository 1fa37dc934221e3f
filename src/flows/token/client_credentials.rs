//! `grant_type=client_credentials` (RFC 6749 section 4.4): a client that authenticates speaks for itself. There is no person,
//! no session and no refresh token.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::{
    domain::{
        access_token::ClientTokenClaims,
        api::check_asked,
        authorization_details::AuthorizationDetails,
        binding::Proof,
        client::Client,
        oauth_error::{ErrorCode, OAuthError},
    },
    flows::{
        Provider,
        issue::{IssueError, Tokens},
        token::{TokenError, resource},
    },
    ports::signer::TokenType,
};

/// What the client sends.
pub struct ClientCredentialsRequest<'a> {
    /// What the token may do; all that the client may, when it says nothing.
    pub scope: Option<&'a str>,
    /// The API that the token is for.
    pub resource: &'a [String],
    /// The DPoP proof, checked.
    pub proof: Option<Proof>,
}

/// An access token whose `sub` is the client itself (RFC 9068 section 2.2).
pub async fn issue_to_client(
    provider: &Provider,
    client: &Client,
    request: &ClientCredentialsRequest<'_>,
) -> Result<Tokens, TokenError> {
    let now = provider.clock.now();
    let api = match request.resource {
        // The server itself is an API too.
        [asked] if asked == provider.issuer.as_str() => None,
        asked => resource::of_client(client, asked)?,
    };
    let scope = client.scope_asked(request.scope)?;
    if request.scope.is_some() && scope.is_empty() {
        let hint = "scope is empty: name what the client is registered for, or leave the parameter out";
        return Err(OAuthError::new(ErrorCode::InvalidScope, hint).into());
    }
    let rules = api
        .as_ref()
        .and_then(|api| provider.clients.api(api))
        .unwrap_or_default();
    if request.scope.is_some() && api.is_some() {
        check_asked(&scope, [&*rules])?;
    }
    let scope = rules.understood(&scope);
    provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    let life = rules.life(client.lifetimes(&provider.lifetimes).access_token);
    let jti = Base64UrlUnpadded::encode_string(&provider.entropy.bytes::<16>());
    let claims = ClientTokenClaims {
        issuer: &provider.issuer,
        client: &client.id,
        resource: api.as_ref(),
        scope: &scope,
        key: request.proof.map(|proof| proof.key),
        jti: &jti,
        now,
        life,
    };
    let signer = &provider.keys.load().signer;
    let access_token = signer
        .sign(TokenType::AccessToken, &claims)
        .map_err(IssueError::from)?;
    Ok(Tokens {
        access_token: access_token.into(),
        expires_in: life,
        refresh_token: None,
        id_token: None,
        device_secret: None,
        is_bound: request.proof.is_some(),
        scope,
        issued_token_type: None,
        authorization_details: AuthorizationDetails::default(),
    })
}
