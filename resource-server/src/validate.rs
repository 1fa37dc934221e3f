//! Is this token valid here and now? Every check of RFC 9068 section 4, in order, as one pure function.

use std::borrow::Cow;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::bearer::{Presented, Scheme};
use crate::claims::{AccessToken, Actor, Claims, present};
use crate::{KeySet, ProofError, Rejection};

/// What every token of this API must say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected {
    /// The authorization server, byte by byte as it names itself.
    pub issuer: String,
    /// This API, as the authorization server names it.
    pub audience: String,
    /// How far the issuer's clock may differ from ours; 5 seconds unless set.
    pub leeway: Duration,
}

impl Expected {
    /// With the default leeway.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            leeway: DEFAULT_LEEWAY,
        }
    }
}

/// Checks a presented token against the issuer's keys, at `now` (seconds since 1970).
///
/// A token that comes by the scheme `DPoP` needs its request's proof, already checked
/// ([`check_proof`](crate::check_proof), [`Presented::proved_by`]).
///
/// [`Rejection::UnknownKey`] may mean that the issuer has a new key: load its keys again and ask once more.
pub fn validate(
    presented: &Presented<'_>,
    keys: &KeySet,
    expected: &Expected,
    now: u64,
) -> Result<AccessToken, Rejection> {
    let token = inspect(presented.token(), keys, expected, now)?;
    check_possession(presented, &token)?;
    Ok(token)
}

/// The same for a token that nobody presents to be let in, such as one that its client gives back (RFC 7009): every check
/// but that of possession.
pub fn inspect(token: &str, keys: &KeySet, expected: &Expected, now: u64) -> Result<AccessToken, Rejection> {
    let parts = Parts::split(token)?;
    let kid = check_signature(&parts, keys)?;
    let claims: Claims = parse(&decode(parts.payload)?)?;
    check_origin(&claims, expected)?;
    check_form(&claims)?;
    check_time(&claims, expected.leeway.as_secs(), now)?;
    Ok(claims.signed_with(kid))
}

/// A bound token without its proof is somebody else's (RFC 9449 section 7.1), and so is one that is bound in a way that we
/// cannot check.
pub(crate) fn check_possession(presented: &Presented<'_>, token: &AccessToken) -> Result<(), Rejection> {
    match (presented.scheme(), &token.cnf) {
        (Scheme::Bearer, None) => Ok(()),
        (Scheme::Bearer, Some(_)) => Err(Rejection::BoundToKey),
        // Whoever has stolen a bearer token could prove a key of their own (section 7.2).
        (Scheme::Dpop, None) => Err(Rejection::NotBound),
        (Scheme::Dpop, Some(cnf)) => {
            let proof = presented.proof().ok_or(ProofError::Missing)?;
            match &cnf.jkt {
                Some(jkt) if cnf.is_only_jkt() && *jkt == proof.jkt() => Ok(()),
                _ => Err(Rejection::ForeignKey),
            }
        }
    }
}

/// The compact serialization (RFC 7515 section 7.1).
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// What the signature is over: header and payload with the dot between them.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Rejection::Malformed)?;
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }
}

/// What we read of the header. `jwk`, `jku`, `x5c` and `x5u` are not here: a token cannot name its own key.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Cow<'a, str>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

/// The id of the key that the token is signed with.
fn check_signature(parts: &Parts<'_>, keys: &KeySet) -> Result<String, Rejection> {
    let header = decode(parts.header)?;
    let header: Header<'_> = parse(&header)?;
    // Keeps ID tokens and everything else that the issuer signs out (RFC 9068 section 4).
    if !TYPES.iter().any(|typ| header.typ.eq_ignore_ascii_case(typ)) {
        return Err(Rejection::WrongType);
    }
    // We understand no extension, so one that must be understood refuses the token (RFC 7515 section 4.1.11).
    if header.crit.is_some() {
        return Err(Rejection::CriticalHeader);
    }
    // The key decides the algorithm, the header only has to agree (RFC 8725 section 3.1). A name that no
    // key of ours could have is refused before it can cause a reload.
    let named: Algorithm = header.alg.parse().map_err(|_| Rejection::WrongAlgorithm)?;
    let key = keys.find(&header.kid).ok_or(Rejection::UnknownKey)?;
    if named != key.algorithm() {
        return Err(Rejection::WrongAlgorithm);
    }
    let signature = decode(parts.signature)?;
    if key.verifies(parts.signed.as_bytes(), &signature) {
        Ok(header.kid.into_owned())
    } else {
        Err(Rejection::BadSignature)
    }
}

fn check_origin(claims: &Claims, expected: &Expected) -> Result<(), Rejection> {
    if claims.iss != expected.issuer {
        return Err(Rejection::WrongIssuer);
    }
    if !claims.aud.contains(&expected.audience) {
        return Err(Rejection::WrongAudience);
    }
    Ok(())
}

/// Required claims say something (RFC 9068 section 2.2), and times are times.
fn check_form(claims: &Claims) -> Result<(), Rejection> {
    let said = [&claims.sub, &claims.client_id, &claims.jti]
        .iter()
        .all(|claim| !claim.is_empty());
    let mut actors = claims.act.iter().flat_map(Actor::chain);
    let said = said && actors.all(|actor| !actor.sub.is_empty());
    let mut times = [Some(claims.iat), Some(claims.exp), claims.nbf, claims.auth_time]
        .into_iter()
        .flatten();
    if said && claims.iat <= claims.exp && times.all(|time| time <= MAX_TIME) {
        Ok(())
    } else {
        Err(Rejection::Malformed)
    }
}

fn check_time(claims: &Claims, leeway: u64, now: u64) -> Result<(), Rejection> {
    check_end(claims.exp, leeway, now)?;
    if claims.iat > now.saturating_add(MAX_AHEAD) || claims.nbf > Some(now.saturating_add(leeway)) {
        return Err(Rejection::NotYetValid);
    }
    Ok(())
}

/// `exp` itself is already too late (RFC 7519 section 4.1.4).
pub(crate) fn check_end(exp: u64, leeway: u64, now: u64) -> Result<(), Rejection> {
    if now >= exp.saturating_add(leeway) {
        return Err(Rejection::Expired);
    }
    Ok(())
}

fn decode(part: &str) -> Result<Vec<u8>, Rejection> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| Rejection::Malformed)
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Rejection> {
    serde_json::from_slice(json).map_err(|_| Rejection::Malformed)
}

/// `application/` may be left out (RFC 7515 section 4.1.9).
const TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];
const MAX_TOKEN_BYTES: usize = 8 * 1024;
const DEFAULT_LEEWAY: Duration = Duration::from_secs(5);
/// How far in the future a token may have been issued, in seconds.
const MAX_AHEAD: u64 = 60;
/// The last second of the year 9999.
const MAX_TIME: u64 = 253_402_300_799;
