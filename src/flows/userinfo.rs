//! Userinfo (OpenID Connect Core section 5.3), for an access token whose session still lives.

use postern_resource_server::AccessToken;
use serde::Serialize;

use crate::{
    base::id::UserId,
    domain::claims::{Claim, PersonClaims},
    flows::{
        Provider,
        access_token::{SpeaksFor, in_force},
        issue::IssueError,
    },
    ports::signer::TokenType,
    store::error::StoreError,
};

/// The claims of a person (OpenID Connect Core section 5.1), as far as the token's scope reaches, and those that the client
/// asked for by name (section 5.5).
#[derive(Debug, Serialize)]
pub struct UserInfo {
    sub: UserId,
    #[serde(flatten)]
    person: PersonClaims,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
}

/// The person of an access token; nothing when its session has ended or it was revoked by itself.
pub async fn userinfo(provider: &Provider, token: &AccessToken) -> Result<Option<UserInfo>, StoreError> {
    // The answer may be signed.
    provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
    let Some(SpeaksFor::Person(user)) = in_force(provider, token).await? else {
        return Ok(None);
    };
    // A token that was narrowed by its app tells no more than its scope says. What its API does not understand the app
    // did not give up.
    let api = user
        .grant
        .resources()
        .find(|api| token.aud.iter().any(|aud| aud == api.as_str()));
    let rules = api.and_then(|api| provider.clients.api(api)).unwrap_or_default();
    let is_whole = token.scope.to_string() == rules.understood(&user.grant.scope).to_string();
    let asked = &user.grant.claims.userinfo;
    let is_told = |claim: Claim| {
        claim.scope().is_some_and(|scope| token.scope.has(scope)) || (is_whole && asked.contains(&claim))
    };
    Ok(Some(UserInfo {
        sub: user.id,
        person: user.person.claims(is_told),
        auth_time: token.auth_time.filter(|_| is_told(Claim::AuthTime)),
        acr: token.acr.clone().filter(|_| is_told(Claim::Acr)),
        amr: token
            .amr
            .clone()
            .into_iter()
            .filter(|_| is_told(Claim::Amr))
            .collect(),
    }))
}

/// The same as a JWT for the client of the token, if it is set to get one (OpenID Connect Core section 5.3.2).
pub fn sign(
    provider: &Provider,
    token: &AccessToken,
    answer: &UserInfo,
) -> Result<Option<String>, IssueError> {
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        aud: &'a str,
        #[serde(flatten)]
        answer: &'a UserInfo,
    }
    let client = provider.clients.find(&token.client_id);
    let Some(algorithm) = client.and_then(|client| client.settings.userinfo_signed_response_alg) else {
        return Ok(None);
    };
    let claims = Claims {
        iss: provider.issuer.as_str(),
        aud: &token.client_id,
        answer,
    };
    let keys = provider.keys.load();
    let signer = keys.signer_of(algorithm)?;
    Ok(Some(signer.sign(TokenType::IdToken, &claims)?))
}
