//! Userinfo (OpenID Connect Core section 5.3), for an access token whose session still lives.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_resource_server::{
    AccessToken, Expected, Presented, ProofError, ProvedRequest, Rejection, Scheme, inspect, validate,
};
use serde::Serialize;

use crate::{
    base::{
        id::{DeviceSessionId, UserId},
        time::Instant,
    },
    domain::scope,
    flows::{Provider, dpop},
    ports::keys::Keys,
    store::{device_sessions::FIND_LIVE_USER, error::StoreError},
};

/// The claims of a person (OpenID Connect Core section 5.1), as far as the token's scope reaches.
#[derive(Debug, Serialize)]
pub struct UserInfo {
    sub: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

/// The person of an access token; nothing when its session has ended or it was revoked by itself.
pub async fn userinfo(provider: &Provider, token: &AccessToken) -> Result<Option<UserInfo>, StoreError> {
    let session = token
        .sid
        .as_deref()
        .and_then(|sid| sid.parse::<DeviceSessionId>().ok());
    let (Some(session), Ok(jti)) = (session, Base64UrlUnpadded::decode_vec(&token.jti)) else {
        return Ok(None);
    };
    let ends = &provider.ends;
    if ends.devices.contains(&session) || ends.has_token(&jti) {
        return Ok(None);
    }
    let now = provider.clock.now();
    let Some((sub, email, name, updated_at)) = provider.db.read(FIND_LIVE_USER, (session, jti, now)).await?
    else {
        return Ok(None);
    };
    let (profile, mail) = (token.scope.has(scope::PROFILE), token.scope.has(scope::EMAIL));
    Ok(Some(UserInfo {
        sub,
        name: name.filter(|_| profile),
        updated_at: profile.then(|| Instant::seconds(updated_at)),
        email: mail.then_some(email),
        // Nothing proves an address yet.
        email_verified: mail.then_some(false),
    }))
}

/// The access token of a request to userinfo, with the proof of the key that it is bound to, if it is.
pub async fn authenticate(
    provider: &Provider,
    presented: Presented<'_>,
    sent: dpop::Sent<'_>,
    method: &str,
) -> Result<Result<AccessToken, Rejection>, StoreError> {
    if presented.scheme() != Scheme::Dpop {
        return verify(provider, &presented).await;
    }
    let sent = match sent.and_then(|sent| sent.ok_or(ProofError::Missing)) {
        Ok(sent) => sent,
        Err(error) => return Ok(Err(error.into())),
    };
    let (url, ath) = (provider.issuer.at("/userinfo"), presented.ath());
    let request = ProvedRequest {
        method,
        url: &url,
        ath: Some(&ath),
    };
    let proof = match dpop::check(provider, &sent, &request).await? {
        Ok(proof) => proof,
        Err(error) => return Ok(Err(error.into())),
    };
    let verified = verify(provider, &presented.proved_by(&proof)).await?;
    // Last, so that only who has a valid token fills the memory.
    Ok(verified.and_then(|token| {
        dpop::first_use(provider, &proof)?;
        Ok(token)
    }))
}

/// Checks an access token that is presented to this server itself.
async fn verify(
    provider: &Provider,
    presented: &Presented<'_>,
) -> Result<Result<AccessToken, Rejection>, StoreError> {
    let (expected, now) = expected(provider, provider.issuer.as_str());
    let judge = |keys: &Keys| validate(presented, &keys.verify, &expected, now);
    provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, judge)
        .await
}

/// Reads an access token of ours that is made for `audience` and that nobody presents to be let in: whether its holder has
/// the key that it is bound to is not asked.
pub async fn read(
    provider: &Provider,
    token: &str,
    audience: &str,
) -> Result<Result<AccessToken, Rejection>, StoreError> {
    let (expected, now) = expected(provider, audience);
    let judge = |keys: &Keys| inspect(token, &keys.verify, &expected, now);
    provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, judge)
        .await
}

fn expected(provider: &Provider, audience: &str) -> (Expected, u64) {
    let now = provider.clock.now().seconds();
    let expected = Expected::new(provider.issuer.as_str(), audience);
    (expected, u64::try_from(now).unwrap_or(0))
}
