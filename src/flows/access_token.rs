//! Whether an access token that was made well is still in force: neither it nor what it hangs on has ended.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_resource_server::{
    AccessToken, Expected, Presented, ProofError, ProvedRequest, Rejection, Scheme, inspect, validate,
};

use crate::{
    base::{id::DeviceSessionId, jws::Jws},
    flows::{Provider, dpop},
    ports::keys::Keys,
    store::{
        device_sessions::{LiveUser, find_live_user},
        error::StoreError,
        revocations::FIND_TOKEN,
    },
};

/// For whom an access token in force speaks.
#[derive(Debug)]
pub enum SpeaksFor {
    /// A person, whose session lives.
    Person(Box<LiveUser>),
    /// The client itself (RFC 6749 section 4.4).
    Client,
}

/// For whom the token speaks; nothing when it is not in force any more. What is remembered counts first: the database may
/// have gone back.
pub async fn in_force(provider: &Provider, token: &AccessToken) -> Result<Option<SpeaksFor>, StoreError> {
    let Ok(jti) = Base64UrlUnpadded::decode_vec(&token.jti) else {
        return Ok(None);
    };
    // A client that is being removed is disabled first; its sessions end in batches.
    let client = provider.clients.find(&token.client_id);
    let Some(client) = client.filter(|_| !provider.ends.has_token(&jti)) else {
        return Ok(None);
    };
    match token.sid.as_deref().map(str::parse::<DeviceSessionId>) {
        Some(Ok(session)) => {
            if provider.ends.has_session(session) {
                return Ok(None);
            }
            let live = find_live_user(&provider.db, session, jti, provider.clock.now()).await?;
            Ok(live.map(|live| SpeaksFor::Person(Box::new(live))))
        }
        Some(Err(_)) => Ok(None),
        // A client's own, which ends with it. A namesake that came later has nothing to do with it.
        None => {
            let same = u64::try_from(client.created_at.seconds()).is_ok_and(|created| created <= token.iat);
            let in_force = same && provider.db.read(FIND_TOKEN, (jti,)).await?.is_none();
            Ok(in_force.then_some(SpeaksFor::Client))
        }
    }
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
    let verified = provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, judge)
        .await?;
    Ok(verified.and_then(|inspected| refuse_withdrawn(provider, token, inspected)))
}

fn expected(provider: &Provider, audience: &str) -> (Expected, u64) {
    let now = provider.clock.now().seconds();
    let expected = Expected::new(provider.issuer.as_str(), audience);
    (expected, u64::try_from(now).unwrap_or(0))
}

/// The access token of a request to one of this server's own APIs: at which URL, and for which audience. With the proof of
/// the key that it is bound to, if it is. Whether it is still in force is another question.
pub async fn authenticate(
    provider: &Provider,
    presented: Presented<'_>,
    sent: dpop::Sent<'_>,
    method: &str,
    url: &str,
    audience: &str,
) -> Result<Result<AccessToken, Rejection>, StoreError> {
    if presented.scheme() != Scheme::Dpop {
        return verify(provider, &presented, audience).await;
    }
    let sent = match sent.and_then(|sent| sent.ok_or(ProofError::Missing)) {
        Ok(sent) => sent,
        Err(error) => return Ok(Err(error.into())),
    };
    let ath = presented.ath();
    let request = ProvedRequest {
        method,
        url,
        ath: Some(&ath),
    };
    let proof = match dpop::check(provider, &sent, &request).await? {
        Ok(proof) => proof,
        Err(error) => return Ok(Err(error.into())),
    };
    let verified = verify(provider, &presented.proved_by(&proof), audience).await?;
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
    audience: &str,
) -> Result<Result<AccessToken, Rejection>, StoreError> {
    let (expected, now) = expected(provider, audience);
    let judge = |keys: &Keys| validate(presented, &keys.verify, &expected, now);
    let verified = provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, judge)
        .await?;
    Ok(verified.and_then(|token| refuse_withdrawn(provider, presented.token(), token)))
}

/// Refuses what is signed by a key that was taken back, also where a database that went back has it among the good ones.
fn refuse_withdrawn(
    provider: &Provider,
    presented: &str,
    token: AccessToken,
) -> Result<AccessToken, Rejection> {
    if is_withdrawn(provider, presented) {
        return Err(Rejection::UnknownKey);
    }
    Ok(token)
}

/// Whether what was verified is signed by a key that was taken back.
pub(in crate::flows) fn is_withdrawn(provider: &Provider, verified: &str) -> bool {
    let kid = Jws::parse(verified, verified.len())
        .ok()
        .and_then(|jws| jws.key_id);
    kid.is_some_and(|kid| provider.ends.has_key(&kid))
}
