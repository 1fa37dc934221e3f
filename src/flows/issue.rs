//! From a grant to tokens, in one place.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::{
    base::{
        id::DeviceSessionId,
        secret::Secret,
        time::{Instant, Lifetime},
        url::Resource,
    },
    domain::{
        access_token::{AccessTokenClaims, Facts},
        authorization_details::AuthorizationDetails,
        binding::Thumbprint,
        client::{Client, GrantType},
        device_secret::DeviceSecret,
        device_session::Grant,
        id_token::IdTokenClaims,
        refresh_token::RefreshToken,
        scope::{self, ScopeSet},
    },
    flows::Provider,
    ports::signer::{BadKey, TokenType},
    store::{device_sessions::Redeemed, error::StoreError},
};

/// The tokens of an answer (RFC 6749 section 5.1).
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access_token: Secret<String>,
    /// Whether it is bound to a key: its `token_type` (RFC 9449 section 5).
    pub is_bound: bool,
    /// How long it lives.
    pub expires_in: Lifetime,
    /// The refresh token that is good from now on, where one is due.
    pub refresh_token: Option<Secret<String>>,
    /// The ID token, when one is due.
    pub id_token: Option<Secret<String>>,
    /// What lets the maker's other apps on the device in, where it was just made.
    pub device_secret: Option<Secret<String>>,
    /// What the access token may do.
    pub scope: ScopeSet,
    /// The same in finer grain.
    pub authorization_details: AuthorizationDetails,
    /// What kind of token was asked for, in the answer to an exchange (RFC 8693 section 2.2.1).
    pub issued_token_type: Option<&'static str>,
}

/// What is known before the row is.
#[derive(Debug)]
pub struct Order<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// Which session.
    pub session: DeviceSessionId,
    /// A narrower scope for the access token.
    pub scope: Option<&'a ScopeSet>,
    /// The API that was named: one that the person allowed.
    pub resource: Option<&'a Resource>,
    /// Fewer details for the access token.
    pub details: Option<&'a AuthorizationDetails>,
    /// The key that this request proved: it binds the access token, also of a bearer session.
    pub key: Option<Thumbprint>,
    /// Whether an ID token is due.
    pub with_id_token: bool,
    /// A secret that the row knows, to be shown if the person has allowed `device_sso`.
    pub device_secret: Option<&'a DeviceSecret>,
    /// When the request came: taken before the row changes.
    pub now: Instant,
}

/// Why there are no tokens although the row gave them: a fault of this program, or of who wrote into the database.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// What the person allowed does not read.
    #[error("the grant of session {session} does not read: {error}")]
    Grant {
        /// Whose.
        session: DeviceSessionId,
        /// Where.
        error: StoreError,
    },
    /// The key does not sign.
    #[error("the tokens could not be signed: {0}")]
    Sign(#[from] BadKey),
}

/// Signs the tokens for what a row gave back, and the refresh token that follows.
pub fn issue(
    provider: &Provider,
    order: &Order<'_>,
    redeemed: &Redeemed,
    refresh_token: &RefreshToken,
) -> Result<Tokens, IssueError> {
    let session = order.session;
    let grant: Grant = redeemed
        .grant()
        .map_err(|error| IssueError::Grant { session, error })?;
    let resource = order.resource.or(grant.resource.as_ref());
    let api = resource
        .and_then(|api| provider.clients.api(api))
        .unwrap_or_default();
    let life = api.life(order.client.lifetimes(&provider.lifetimes).access_token);
    let scope = &api.understood(order.scope.unwrap_or(&grant.scope));
    let details = order.details.unwrap_or(&grant.authorization_details);
    let details = details.at(resource.map_or(provider.issuer.as_str(), Resource::as_str));
    let jti = Base64UrlUnpadded::encode_string(&provider.entropy.bytes::<16>());
    let facts = Facts {
        issuer: &provider.issuer,
        user: redeemed.user_id,
        client: &order.client.id,
        session,
        grant: &grant,
        scope,
        resource,
        details: &details,
        key: order.key.or(redeemed.jkt),
        jti: &jti,
        now: order.now,
        life,
    };
    let keys = provider.keys.load();
    let access_token = keys
        .signer
        .sign(TokenType::AccessToken, &AccessTokenClaims::from(facts))?;
    // The ID token says which one it is: without it a device secret is good for nothing.
    let with_id_token = order.with_id_token && grant.scope.has(scope::OPENID);
    let device_secret = order
        .device_secret
        .filter(|_| with_id_token && grant.scope.has(scope::DEVICE_SSO));
    let id_token = if with_id_token {
        let person = redeemed.person.as_ref();
        let person = person.map(|person| person.claims(|claim| grant.claims.id_token.contains(&claim)));
        let claims = IdTokenClaims::new(facts, &access_token, device_secret, person.unwrap_or_default());
        let signer = keys.signer_of(order.client.settings.id_token_signed_response_alg)?;
        Some(signer.sign(TokenType::IdToken, &claims)?.into())
    } else {
        None
    };
    Ok(Tokens {
        access_token: access_token.into(),
        is_bound: facts.key.is_some(),
        expires_in: life,
        refresh_token: order
            .client
            .may(GrantType::RefreshToken)
            .then(|| keys.mac.encode(refresh_token)),
        id_token,
        device_secret: device_secret.map(DeviceSecret::expose),
        scope: scope.clone(),
        issued_token_type: None,
        authorization_details: details,
    })
}
