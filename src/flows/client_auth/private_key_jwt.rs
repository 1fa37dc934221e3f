//! `private_key_jwt` (OpenID Connect Core section 9, RFC 7523 section 3): an assertion signed by a key that is registered
//! for the client, for this server, for a short time, and for one use.

use std::sync::Arc;

use serde::Deserialize;

use super::Flaw;
use crate::{
    base::{
        digest::Digest,
        id::ClientId,
        jws::{Jws, JwsAlgorithm},
        time::{Instant, Lifetime},
    },
    domain::{
        client::{AssertionAudience, AuthMethod, Client},
        request_object,
    },
    flows::Provider,
    ports::clients::COARSE,
    store::{
        clients::USED,
        error::StoreError,
        used_assertions::{self, Used},
    },
};

/// The `client_assertion_type` (RFC 7523 section 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The algorithms that an assertion may be signed with.
pub const TAKEN_ALGORITHMS: [JwsAlgorithm; 4] = JwsAlgorithm::ALL;
/// How far ahead an assertion may expire: so long its `jti` has to be remembered.
pub const MOST_AHEAD: Lifetime = Lifetime::from_secs(3600);

/// Nothing longer is looked at.
const LONGEST: usize = 8 * 1024;
const LONGEST_ID: usize = 256;
/// How much the client's clock may be ahead of ours, or behind.
const CLOCKS_DIFFER: Lifetime = Lifetime::from_secs(30);

/// What an assertion says. Each claim is there at most once.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: NumericDate,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Seconds since 1970, possibly with a fraction (RFC 7519 section 2).
#[derive(Clone, Copy, Deserialize)]
pub(in crate::flows) struct NumericDate(f64);

impl NumericDate {
    /// Nothing when it is no time that a calendar has.
    pub(in crate::flows) fn at(self) -> Option<Instant> {
        // The last second of the year 9999.
        #[expect(clippy::cast_possible_truncation, reason = "it is in these bounds")]
        (0.0..=253_402_300_799.0)
            .contains(&self.0)
            .then(|| Instant::from_millis((self.0 * 1000.0) as i64))
    }
}

/// The client of an assertion, if everything about it is right. `client_id` is that of the form, which need not be there.
pub(super) async fn check(
    provider: &Provider,
    assertion: &str,
    client_id: Option<&str>,
) -> Result<Result<Arc<Client>, Flaw>, StoreError> {
    let now = provider.clock.now();
    let (client, claims) = match verified(provider, assertion, client_id, now).await {
        Ok(verified) => verified,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let (used, until) = match judge(provider, &client, &claims, now) {
        Ok(single_use) => single_use,
        Err(flaw) => return Ok(Err(flaw)),
    };
    // Last of all: what is not right in everything else is not worth a row.
    if !is_first_use(provider, &client, used, until, now).await? {
        return Ok(Err(Flaw::Replay));
    }
    if provider.clients.is_first_use_today(&client.id, now) {
        let binds = (client.id.clone(), now, now.minus(COARSE));
        provider.db.execute(USED, binds).await?;
    }
    Ok(Ok(client))
}

/// Whose assertion it is, by its signature. Until that is checked, `sub` only says whose keys to look at.
async fn verified(
    provider: &Provider,
    assertion: &str,
    client_id: Option<&str>,
    now: Instant,
) -> Result<(Arc<Client>, Claims), Flaw> {
    let jws = Jws::parse(assertion, LONGEST)?;
    let claims: Claims = jws.claims()?;
    if client_id.is_some_and(|other| other != claims.sub) {
        return Err(Flaw::OtherClientId);
    }
    let client = super::registered(provider, &claims.sub, AuthMethod::PrivateKeyJwt)?;
    if claims.iss != claims.sub {
        return Err(Flaw::Subject);
    }
    if !client.signs_assertions_with(jws.algorithm) {
        return Err(Flaw::Algorithm);
    }
    // What the same keys sign in the browser's sight is no assertion (RFC 8725 section 3.11).
    if jws.typ.is_some() && request_object::check_typ(jws.typ.as_deref()).is_ok() {
        return Err(Flaw::OtherType);
    }
    match has_signed(provider, &client, &jws, now).await {
        Some(true) => Ok((client, claims)),
        Some(false) => Err(Flaw::Signature),
        None => Err(Flaw::NoKeys),
    }
}

/// Whether a key that is registered for the client made the signature; nothing when its keys cannot be had.
pub(in crate::flows) async fn has_signed(
    provider: &Provider,
    client: &Client,
    jws: &Jws<'_>,
    now: Instant,
) -> Option<bool> {
    let settings = &client.settings;
    if let Some(keys) = &settings.jwks {
        return Some(keys.verifies(jws));
    }
    let keys = provider
        .client_keys
        .of(settings.jwks_uri.as_ref()?, jws, now)
        .await?;
    Some(keys.verifies(jws))
}

/// The checks of the claims; what is remembered of the assertion, and until when.
fn judge(
    provider: &Provider,
    client: &Client,
    claims: &Claims,
    now: Instant,
) -> Result<(Digest, Instant), Flaw> {
    let issuer = provider.issuer.as_str();
    let is_us = match (client.settings.assertion_audience, &claims.aud) {
        (AssertionAudience::IssuerOnly, Audience::One(one)) => one == issuer,
        (AssertionAudience::IssuerOnly, Audience::Many(_)) => false,
        (AssertionAudience::IssuerOrTokenEndpoint, audience) => {
            let named = match audience {
                Audience::One(one) => std::slice::from_ref(one),
                Audience::Many(many) => many.as_slice(),
            };
            // Whoever else is named could use it here.
            let is_us = |one: &String| one == issuer || *one == provider.issuer.at("/token");
            !named.is_empty() && named.iter().all(is_us)
        }
    };
    if !is_us {
        return Err(Flaw::Audience);
    }
    let expires_at = claims.exp.at().ok_or(Flaw::Time)?;
    let soon = now.plus(CLOCKS_DIFFER);
    let begun = [claims.nbf, claims.iat]
        .into_iter()
        .flatten()
        .all(|at| at.at().is_some_and(|at| at <= soon));
    let expired = expires_at.plus(CLOCKS_DIFFER) <= now;
    if !begun || expired || expires_at > soon.plus(MOST_AHEAD) {
        return Err(Flaw::Time);
    }
    let id = claims
        .jti
        .as_deref()
        .filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    let id = id.ok_or(Flaw::Id)?;
    Ok((single_use(&client.id, id), expires_at.plus(CLOCKS_DIFFER)))
}

async fn is_first_use(
    provider: &Provider,
    client: &Client,
    assertion: Digest,
    until: Instant,
    now: Instant,
) -> Result<bool, StoreError> {
    let db = &provider.db;
    if !client.settings.is_unchecked() {
        let used = db.execute(used_assertions::USE, (assertion, until)).await?;
        return Ok(used.is_some());
    }
    match used_assertions::use_unchecked(db, assertion, until, now).await? {
        Used::First => Ok(true),
        Used::Again => Ok(false),
        Used::NoRoom => {
            let limit = used_assertions::MANY_OF_UNCHECKED;
            tracing::warn!(client = %client.id, limit, "too many assertions of clients that nobody has checked");
            Err(StoreError::Busy)
        }
    }
}

/// A `jti` is unique among those of its issuer (RFC 7519 section 4.1.7). No client id has a NUL.
fn single_use(client: &ClientId, id: &str) -> Digest {
    Digest::of(format!("{client}\0{id}").as_bytes())
}
