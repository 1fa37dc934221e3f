//! DPoP (RFC 9449): the proofs of requests, and the nonces that tell when they were made. What a proof must be is checked
//! in `resource-server/`; here is what only the authorization server knows.
//!
//! Nonces need no storage: a nonce is the time at which it was issued, sealed, so that every node can read it.

use std::cell::Cell;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_resource_server::{
    NonceTime, OLD_NONCE, PROOF_LEEWAY, PresentedProof, Proof as Checked, ProofError, ProofTime,
    ProvedRequest, ReplayMemory, check_proof,
};

use crate::{
    base::{
        seal::{Purpose, SealError},
        time::{Instant, Lifetime},
    },
    domain::{
        binding::{Proof, Thumbprint},
        client::{Client, DpopPolicy},
        oauth_error::{ErrorCode, OAuthError},
        policy::Lifetimes,
    },
    flows::{Provider, token::TokenError},
    ports::{keyring::NamesUnknownKey, keys::Keys},
    store::error::StoreError,
};

/// The header as it came: none, one, or something else.
pub type Sent<'a> = Result<Option<PresentedProof<'a>>, ProofError>;

/// The proof of a token request; none where the client needs none. A proof is taken once.
pub async fn at_token_endpoint(
    provider: &Provider,
    client: &Client,
    sent: Sent<'_>,
) -> Result<Option<Proof>, TokenError> {
    let proof = of_client(provider, client, sent, "/token").await?;
    if proof.is_none() && client.settings.dpop == DpopPolicy::Required {
        return Err(refusal(ProofError::Missing).into());
    }
    Ok(proof)
}

/// The key that a pushed authorization request (RFC 9126) binds its code to: by its proof, by `dpop_jkt`, or by both
/// (RFC 9449 section 10.1).
pub async fn at_par(
    provider: &Provider,
    client: &Client,
    sent: Sent<'_>,
    dpop_jkt: Option<Thumbprint>,
) -> Result<Option<Thumbprint>, TokenError> {
    let proved = of_client(provider, client, sent, "/par")
        .await?
        .map(|proof| proof.key);
    match (proved, dpop_jkt) {
        (Some(proved), Some(named)) if proved != named => {
            let hint = "dpop_jkt names another key than the one of the DPoP proof";
            Err(OAuthError::new(ErrorCode::InvalidDpopProof, hint).into())
        }
        (proved, named) => Ok(proved.or(named)),
    }
}

/// The proof of a request to the revocation endpoint, for who wants more than to give a token back.
pub async fn at_revocation(
    provider: &Provider,
    client: &Client,
    sent: Sent<'_>,
) -> Result<Option<Proof>, TokenError> {
    of_client(provider, client, sent, "/revoke").await
}

async fn of_client(
    provider: &Provider,
    client: &Client,
    sent: Sent<'_>,
    path: &str,
) -> Result<Option<Proof>, TokenError> {
    if client.settings.dpop == DpopPolicy::Off && !matches!(sent, Ok(None)) {
        let hint = "this client is not registered for DPoP: send no DPoP header";
        return Err(OAuthError::invalid_request(hint).into());
    }
    let Some(sent) = sent.map_err(refusal)? else {
        return Ok(None);
    };
    let url = provider.issuer.at(path);
    let request = ProvedRequest {
        method: "POST",
        url: &url,
        ath: None,
    };
    let checked = check(provider, &sent, &request).await?.map_err(refusal)?;
    first_use(provider, &checked).map_err(refusal)?;
    Ok(Some(Proof {
        key: Thumbprint::from_array(checked.thumbprint),
        made_at: Instant::from_millis(
            i64::try_from(checked.made_at)
                .unwrap_or(i64::MAX)
                .saturating_mul(1000),
        ),
    }))
}

/// What the client is told: the texts are for it, and none of them holds what it sent.
fn refusal(error: ProofError) -> OAuthError {
    tracing::info!(%error, "a DPoP proof was refused");
    let code = match error {
        ProofError::NonceNeeded => ErrorCode::UseDpopNonce,
        _ => ErrorCode::InvalidDpopProof,
    };
    OAuthError::new(code, error.to_string())
}

/// Checks a proof in everything but whether it was used before.
pub async fn check(
    provider: &Provider,
    sent: &PresentedProof<'_>,
    request: &ProvedRequest<'_>,
) -> Result<Result<Checked, ProofError>, StoreError> {
    let (now, life) = (provider.clock.now(), provider.lifetimes.dpop_nonce);
    let judge = |keys: &Keys| {
        let names_unknown_key = Cell::new(false);
        let issued = |nonce: &str| {
            let opened = open(keys, nonce);
            names_unknown_key.set(opened == Err(SealError::UnknownKey));
            opened.map_or(NonceTime::Unknown, |at| says(at, life, now))
        };
        check_proof(sent, request, seconds(now), ProofTime::NonceOrIat(&issued)).map_err(|error| Refused {
            error,
            names_unknown_key: names_unknown_key.get(),
        })
    };
    let checked = provider
        .keys
        .with_newer_keys(&provider.db, &provider.clock, judge)
        .await?;
    Ok(checked.map_err(|refused| refused.error))
}

/// Refuses a proof that this node has seen.
pub fn first_use(provider: &Provider, proof: &Checked) -> Result<(), ProofError> {
    if provider.proofs.first_use(proof, seconds(provider.clock.now())) {
        Ok(())
    } else {
        Err(ProofError::Replayed)
    }
}

/// What remembers proofs for as long as they can be used.
pub fn memory(lifetimes: &Lifetimes) -> ReplayMemory {
    // By `iat`: from as far ahead as it may be until it is as far behind.
    let by_iat = 2 * PROOF_LEEWAY;
    let by_nonce = lifetimes.dpop_nonce.seconds() + AHEAD.seconds();
    ReplayMemory::new(by_iat.max(by_nonce.unsigned_abs()) + 1)
}

/// Forgets the proofs that cannot be used any more.
pub fn forget(provider: &Provider, now: Instant) {
    provider.proofs.forget(seconds(now));
}

/// A nonce that says what time it is (RFC 9449 section 8).
pub fn nonce(provider: &Provider) -> String {
    let now = provider.clock.now().millis().to_be_bytes();
    let sealed = provider
        .keys
        .load()
        .sealer
        .seal_bytes(Purpose::DpopNonce, now.to_vec());
    Base64UrlUnpadded::encode_string(&sealed)
}

/// How far the clocks of two nodes may differ: one that is further off is not ready.
const AHEAD: Lifetime = Lifetime::from_secs(30);
/// No nonce of ours is as long.
const MAX_NONCE: usize = 128;

/// When a nonce was issued, by this node or another.
fn open(keys: &Keys, nonce: &str) -> Result<Instant, SealError> {
    if nonce.len() > MAX_NONCE {
        return Err(SealError::NotOurs);
    }
    let sealed = Base64UrlUnpadded::decode_vec(nonce).map_err(|_| SealError::NotOurs)?;
    let plain = keys.sealer.open_bytes(Purpose::DpopNonce, sealed)?;
    let millis = plain.try_into().map_err(|_| SealError::NotOurs)?;
    Ok(Instant::from_millis(i64::from_be_bytes(millis)))
}

fn says(issued_at: Instant, life: Lifetime, now: Instant) -> NonceTime {
    let old = Lifetime::from_secs(OLD_NONCE.cast_signed());
    if issued_at > now.plus(AHEAD) {
        NonceTime::Unknown
    } else if now < issued_at.plus(life) {
        NonceTime::At(seconds(issued_at))
    } else if now < issued_at.plus(old) {
        NonceTime::Old
    } else {
        NonceTime::Unknown
    }
}

fn seconds(at: Instant) -> u64 {
    u64::try_from(at.seconds()).unwrap_or(0)
}

/// A refusal that may only mean that the nonce was sealed with a key that is newer than the ring.
struct Refused {
    error: ProofError,
    names_unknown_key: bool,
}

impl NamesUnknownKey for Refused {
    fn names_unknown_key(&self) -> bool {
        self.names_unknown_key
    }
}
