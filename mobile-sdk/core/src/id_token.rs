//! The claims of an ID token (OpenID Connect Core section 3.1.3.7). Its signature is not verified: it came straight from the
//! token endpoint over TLS, which is who signs it (point 6 there).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{base64, config::Config, error::ErrorCode, json, secret::Secret};

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
    if parts.len() != 3 {
        return None;
    }
    base64::decode(parts.get(index)?)
}

/// Whom it names, if it is for us.
pub(crate) fn check(token: &Secret, expected: &Expected<'_>) -> Result<String, ErrorCode> {
    let claims = claims(token).ok_or(ErrorCode::IdTokenMalformed)?;
    let client = expected.config.client_id.as_str();
    if json::text(&claims, "iss") != Some(expected.config.issuer.as_str()) {
        return Err(ErrorCode::IdTokenIssuer);
    }
    let one = json::text(&claims, "aud") == Some(client);
    let azp = json::text(&claims, "azp");
    if !(one || json::lists(&claims, "aud", client)) || azp.is_some_and(|azp| azp != client) {
        return Err(ErrorCode::IdTokenAudience);
    }
    check_time(&claims, expected.now_ms)?;
    if expected.nonce.is_some_and(|nonce| {
        !Secret::from(nonce).is(json::text(&claims, "nonce").unwrap_or_default().as_bytes())
    }) {
        return Err(ErrorCode::IdTokenNonce);
    }
    if let (Some(hash), Some(access_token)) = (json::text(&claims, "at_hash"), expected.access_token)
        && !is_hash_of(token, hash, access_token)
    {
        return Err(ErrorCode::IdTokenAccessTokenHash);
    }
    json::owned(&claims, "sub")
        .filter(|sub| sub.len() <= 255)
        .ok_or(ErrorCode::IdTokenMalformed)
}

/// Five minutes either way are nobody's attack.
fn check_time(claims: &Map<String, Value>, now_ms: Option<i64>) -> Result<(), ErrorCode> {
    const LEEWAY: i64 = 300;
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

/// Section 3.1.3.6, for algorithms with SHA-256. Of the others nothing is said.
fn is_hash_of(token: &Secret, hash: &str, access_token: &Secret) -> bool {
    let header = part(token, 0).and_then(|header| json::object(&header));
    let algorithm = header
        .and_then(|header| json::owned(&header, "alg"))
        .unwrap_or_default();
    if !algorithm.ends_with("256") {
        return true;
    }
    let digest = Sha256::digest(access_token.bytes());
    base64::decode(hash).as_deref() == digest.get(..16)
}
