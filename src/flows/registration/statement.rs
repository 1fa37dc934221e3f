//! Software statements (RFC 7591 section 2.3): what somebody whom the operator trusts says of a program, signed. It wins over
//! what the program says of itself.

use serde_json::{Map, Value};

use super::RegistrationError;
use crate::{
    base::{
        jws::Jws,
        time::{Instant, Lifetime},
    },
    domain::{
        oauth_error::{ErrorCode, OAuthError},
        registration::{Metadata, StatementIssuer, StatementKeys},
    },
    flows::Provider,
};

const LONGEST: usize = 16 * 1024;
const MEMBER: &str = "software_statement";
/// Claims about the statement itself (RFC 7519 section 4.1). One in another is nobody's.
const ABOUT_ITSELF: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", MEMBER];
/// How much the issuer's clock may be ahead of ours, or behind.
const CLOCKS_DIFFER: Lifetime = Lifetime::from_secs(30);

/// What a client says, with what its statement says in its place. A client that has a statement keeps to it: without a new one
/// the old one counts, which was verified when it came.
pub(super) async fn vouched(
    provider: &Provider,
    said: Metadata,
    before: Option<&Map<String, Value>>,
    now: Instant,
) -> Result<Metadata, RegistrationError> {
    if let Some(statement) = said.text(MEMBER)? {
        let claims = verified(provider, statement, now).await?;
        return Ok(said.with(Metadata::of(claims)));
    }
    if let Some(kept) = before.and_then(|told| told.get(MEMBER)) {
        let text = kept.as_str().unwrap_or_default();
        let claims = Jws::parse(text, LONGEST)
            .and_then(|jws| jws.claims())
            .map_err(|_| invalid("it does not read"))?;
        let mut claims = about_the_program(claims);
        claims.insert(MEMBER.to_owned(), kept.clone());
        return Ok(said.with(Metadata::of(claims)));
    }
    if provider.registration.software_statement_required {
        let hint = "software_statement: register with a statement of somebody whom this server trusts";
        return Err(OAuthError::new(ErrorCode::UnapprovedSoftwareStatement, hint).into());
    }
    Ok(said)
}

/// The claims of a statement that a registered issuer signed and that is in force.
async fn verified(
    provider: &Provider,
    statement: &str,
    now: Instant,
) -> Result<Map<String, Value>, OAuthError> {
    let jws = Jws::parse(statement, LONGEST).map_err(|error| invalid(&error.to_string()))?;
    // A token that says what else it is was not made for this (RFC 8725 section 3.11).
    if jws
        .typ
        .as_deref()
        .is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"))
    {
        return Err(invalid("its typ is another than JWT"));
    }
    let claims: Map<String, Value> = jws.claims().map_err(|error| invalid(&error.to_string()))?;
    let issuer = claims.get("iss").and_then(Value::as_str);
    let trusted = &provider.registration.software_statement_issuers;
    let Some(StatementIssuer { keys, .. }) = trusted.iter().find(|one| Some(one.issuer.as_str()) == issuer)
    else {
        let hint = "software_statement: its issuer is not one of those that this server trusts";
        return Err(OAuthError::new(ErrorCode::UnapprovedSoftwareStatement, hint));
    };
    let is_signed = match keys {
        StatementKeys::Inline(keys) => keys.verifies(&jws),
        StatementKeys::At(place) => {
            let keys = provider.client_keys.of(place, &jws, now).await;
            keys.is_some_and(|keys| keys.verifies(&jws))
        }
    };
    if !is_signed {
        return Err(invalid("none of its issuer's keys made the signature"));
    }
    check_time(&claims, now)?;
    if let Some(audience) = claims.get("aud") {
        let is_us = |one: &Value| {
            let one = one.as_str();
            one == Some(provider.issuer.as_str()) || one == Some(&provider.issuer.at("/register"))
        };
        let named = audience
            .as_array()
            .map_or_else(|| is_us(audience), |all| all.iter().any(is_us));
        if !named {
            return Err(invalid("it is for another server (aud)"));
        }
    }
    Ok(about_the_program(claims))
}

/// A statement may be for ever; a time that it has is kept to.
fn check_time(claims: &Map<String, Value>, now: Instant) -> Result<(), OAuthError> {
    let time = |name: &str| {
        let seconds = claims
            .get(name)
            .map(|value| value.as_f64().filter(|at| (0.0..=253_402_300_799.0).contains(at)));
        #[expect(clippy::cast_possible_truncation, reason = "it is within these bounds")]
        let at = seconds.map(|seconds| seconds.map(|at| Instant::from_millis((at * 1000.0) as i64)));
        at.map_or(Ok(None), |at| {
            at.map(Some).ok_or_else(|| invalid("a time in it is none"))
        })
    };
    let soon = now.plus(CLOCKS_DIFFER);
    if time("nbf")?.is_some_and(|at| at > soon) || time("iat")?.is_some_and(|at| at > soon) {
        return Err(invalid("it begins later (nbf, iat)"));
    }
    if time("exp")?.is_some_and(|at| at.plus(CLOCKS_DIFFER) <= now) {
        return Err(invalid("it has expired (exp)"));
    }
    Ok(())
}

fn about_the_program(claims: Map<String, Value>) -> Map<String, Value> {
    let is_about_it = |name: &str| !ABOUT_ITSELF.contains(&name);
    claims
        .into_iter()
        .filter(|(name, value)| is_about_it(name) && !value.is_null())
        .collect()
}

fn invalid(why: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidSoftwareStatement, format!("{MEMBER}: {why}"))
}
