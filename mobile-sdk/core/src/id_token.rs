//! The claims of an ID token (OpenID Connect Core section 3.1.3.7). Its signature is not verified: it came straight from the
//! token endpoint over TLS, which is who signs it (point 6 there).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{base64, config::Config, error::ErrorCode, json, secret::Secret};

/// Five minutes either way are nobody's attack.
const LEEWAY: i64 = 300;

/// What an ID token has to say.
pub(crate) struct Expected<'a> {
    pub(crate) config: &'a Config,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) access_token: Option<&'a Secret>,
    /// The server's time, where it is known.
    pub(crate) now_ms: Option<i64>,
}

/// The claims, unchecked.
pub(crate) fn claims(token: &Secret) -> Option<json::Object> {
    json::object(&part(token, 1)?)
}

fn part(token: &Secret, index: usize) -> Option<Vec<u8>> {
    let parts: Vec<&str> = token.text().split('.').collect();
    if parts.len() != 3 || parts.contains(&"") {
        return None;
    }
    base64::decode(parts.get(index)?)
}

/// What it is signed with. `none` is nothing (section 2).
fn algorithm(token: &Secret) -> Option<String> {
    let header = json::object(&part(token, 0)?)?;
    json::owned(&header, "alg").filter(|name| !name.eq_ignore_ascii_case("none"))
}

/// Whom it names, if it is for us.
pub(crate) fn check(token: &Secret, expected: &Expected<'_>) -> Result<String, ErrorCode> {
    let claims = claims(token).ok_or(ErrorCode::IdTokenMalformed)?;
    let algorithm = algorithm(token).ok_or(ErrorCode::IdTokenMalformed)?;
    if json::text(&claims, "iss") != Some(expected.config.issuer.as_str()) {
        return Err(ErrorCode::IdTokenIssuer);
    }
    if !is_for(&claims, &expected.config.client_id) {
        return Err(ErrorCode::IdTokenAudience);
    }
    check_time(&claims, expected.now_ms)?;
    if expected.nonce.is_some_and(|nonce| {
        !Secret::from(nonce).is(json::text(&claims, "nonce").unwrap_or_default().as_bytes())
    }) {
        return Err(ErrorCode::IdTokenNonce);
    }
    if let (Some(hash), Some(access_token)) = (claims.get("at_hash"), expected.access_token)
        && !is_hash_of(&algorithm, hash.as_str().unwrap_or_default(), access_token)
    {
        return Err(ErrorCode::IdTokenAccessTokenHash);
    }
    json::owned(&claims, "sub")
        .filter(|sub| sub.len() <= 255)
        .ok_or(ErrorCode::IdTokenMalformed)
}

/// Points 3 to 5: one of several whom it is for has to be the one whom it was given to.
fn is_for(claims: &Map<String, Value>, client: &str) -> bool {
    let us = |value: &Value| value.as_str() == Some(client);
    let (listed, several) = match claims.get("aud") {
        Some(Value::Array(list)) => (list.iter().any(us), list.len() > 1),
        Some(one) => (us(one), false),
        None => (false, false),
    };
    listed && claims.get("azp").map_or(!several, us)
}

fn check_time(claims: &Map<String, Value>, now_ms: Option<i64>) -> Result<(), ErrorCode> {
    let exp = json::number(claims, "exp").ok_or(ErrorCode::IdTokenMalformed)?;
    let iat = json::number(claims, "iat").ok_or(ErrorCode::IdTokenMalformed)?;
    let Some(now) = now_ms.map(|ms| ms.div_euclid(1000)) else {
        return Ok(());
    };
    if exp.saturating_add(LEEWAY) < now || iat.saturating_sub(LEEWAY) > now {
        return Err(ErrorCode::IdTokenTime);
    }
    Ok(())
}

/// Whether the person has signed in so lately as was asked for, reckoned from when the request was made (point 13).
pub(crate) fn check_age(token: &Secret, max_age: i64, began_ms: Option<i64>) -> Result<(), ErrorCode> {
    let claims = claims(token).ok_or(ErrorCode::IdTokenMalformed)?;
    let signed_in = json::number(&claims, "auth_time").ok_or(ErrorCode::IdTokenMalformed)?;
    let latest = signed_in.saturating_add(max_age).saturating_add(LEEWAY);
    if began_ms.is_some_and(|ms| latest < ms.div_euclid(1000)) {
        return Err(ErrorCode::IdTokenTime);
    }
    Ok(())
}

/// Section 3.1.3.6, for algorithms with SHA-256. Of the others nothing is said.
fn is_hash_of(algorithm: &str, hash: &str, access_token: &Secret) -> bool {
    if !algorithm.ends_with("256") {
        return true;
    }
    let digest = Sha256::digest(access_token.bytes());
    base64::decode(hash).as_deref() == digest.get(..16)
}
