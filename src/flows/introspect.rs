//! Introspection (RFC 7662): an API learns whether an access token that is for it is good, a client whether its own refresh
//! token is. Anybody else learns nothing, and nothing is changed by asking.

use postern_resource_server::Actor;
use serde::Serialize;

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, UserId},
        url::Resource,
    },
    domain::{
        authorization_details::AuthorizationDetails,
        binding::{Binding, Proof, Thumbprint},
        client::{Client, IdTokenAlgorithm},
        device_session::{PresentedRefreshToken, State, Verdict, lives_until},
        refresh_token::RefreshToken,
        scope::ScopeSet,
    },
    flows::{
        Provider,
        access_token::{in_force, read},
        issue::IssueError,
    },
    ports::{keys::Keys, signer::TokenType},
    store::{device_sessions, error::StoreError},
};

/// What is answered (RFC 7662 section 2.2).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// Of an access token: what is in it.
    Access(Box<ActiveAccess>),
    /// Of a refresh token: what it is good for.
    Refresh(Box<ActiveRefresh>),
    /// Whatever else it is, and for whoever may not know.
    Inactive {
        /// Always false.
        active: bool,
    },
}

/// A good access token.
#[derive(Debug, Serialize)]
pub struct ActiveAccess {
    active: bool,
    token_type: &'static str,
    iss: String,
    sub: String,
    aud: Vec<String>,
    client_id: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    jti: String,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<serde_json::Value>,
}

/// A good refresh token.
#[derive(Debug, Serialize)]
pub struct ActiveRefresh {
    active: bool,
    iss: String,
    sub: UserId,
    client_id: ClientId,
    scope: ScopeSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Resource>,
    sid: DeviceSessionId,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<Thumbprint>>,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    authorization_details: AuthorizationDetails,
}

/// The key that a token is bound to (RFC 9449 section 6.2).
#[derive(Debug, Serialize)]
struct Confirmation<T> {
    jkt: T,
}

/// Looks at a token for an authenticated client. No hint is needed: our tokens say what they are.
pub async fn introspect(
    provider: &Provider,
    client: &Client,
    token: &str,
) -> Result<Introspection, StoreError> {
    // The answer may be signed.
    provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    let parse = |keys: &Keys| keys.mac.parse(token);
    let parsed = provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, parse)
        .await?;
    let active = match parsed {
        Ok(refresh_token) => of_refresh_token(provider, client, &refresh_token)
            .await?
            .map(|active| Introspection::Refresh(Box::new(active))),
        Err(_) => of_access_token(provider, client, token)
            .await?
            .map(|active| Introspection::Access(Box::new(active))),
    };
    Ok(active.unwrap_or(Introspection::Inactive { active: false }))
}

/// The answer as a JWT for `client` (RFC 9701 section 5). What it says of the token stands in a member of its own, and neither
/// `sub` nor `exp` is at the top: nobody can take it for a token.
pub fn sign(provider: &Provider, client: &Client, answer: &Introspection) -> Result<String, IssueError> {
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        aud: &'a ClientId,
        iat: i64,
        token_introspection: &'a Introspection,
    }
    let claims = Claims {
        iss: provider.issuer.as_str(),
        aud: &client.id,
        iat: provider.clock.now().seconds(),
        token_introspection: answer,
    };
    let algorithm = client.settings.introspection_signed_response_alg;
    let keys = provider.keys.load();
    let signer = keys.signer_of(algorithm.unwrap_or(IdTokenAlgorithm::Es256))?;
    Ok(signer.sign(TokenType::Introspection, &claims)?)
}

async fn of_access_token(
    provider: &Provider,
    client: &Client,
    token: &str,
) -> Result<Option<ActiveAccess>, StoreError> {
    let Some(api) = &client.settings.audience else {
        return Ok(None);
    };
    let Ok(token) = read(provider, token, api.as_str()).await? else {
        return Ok(None);
    };
    if in_force(provider, &token).await?.is_none() {
        return Ok(None);
    }
    let jkt = token.cnf.and_then(|cnf| cnf.jkt);
    Ok(Some(ActiveAccess {
        active: true,
        token_type: if jkt.is_some() { "DPoP" } else { "Bearer" },
        iss: token.iss,
        sub: token.sub,
        aud: token.aud,
        client_id: token.client_id,
        scope: token.scope.to_string(),
        sid: token.sid,
        jti: token.jti,
        iat: token.iat,
        exp: token.exp,
        auth_time: token.auth_time,
        acr: token.acr,
        amr: token.amr,
        cnf: jkt.map(|jkt| Confirmation { jkt }),
        act: token.act,
        authorization_details: token.authorization_details,
    }))
}

async fn of_refresh_token(
    provider: &Provider,
    client: &Client,
    token: &RefreshToken,
) -> Result<Option<ActiveRefresh>, StoreError> {
    if provider.ends.has_session(token.session) {
        return Ok(None);
    }
    let Some(found) = device_sessions::find(&provider.db, token.session).await? else {
        return Ok(None);
    };
    let now = provider.clock.now();
    let session = &found.session;
    // Who asks has not to prove the key: it learns what the token is good for, and gets nothing for it.
    let proof = match session.binding {
        Binding::Bearer => None,
        Binding::Key(key) => Some(Proof { key, made_at: now }),
    };
    let presented = PresentedRefreshToken {
        client: &client.id,
        handle: token.handle.digest(),
        generation: token.generation,
        proof,
    };
    let rules = client.refresh_rules(&provider.lifetimes);
    let is_good = matches!(
        session.judge(&presented, rules, now),
        Verdict::Rotate | Verdict::Retry | Verdict::FastForward | Verdict::Keep
    );
    let State::Active { rotated_at, .. } = session.state else {
        return Ok(None);
    };
    Ok(is_good.then(|| ActiveRefresh {
        active: true,
        iss: provider.issuer.to_string(),
        sub: session.user,
        client_id: session.client.clone(),
        scope: found.grant.scope.clone(),
        aud: found.grant.resource.clone(),
        sid: session.id,
        exp: lives_until(rotated_at, rules.idle, session.expires_at).seconds(),
        cnf: proof.map(|proof| Confirmation { jkt: proof.key }),
        authorization_details: found.grant.authorization_details.clone(),
    }))
}
