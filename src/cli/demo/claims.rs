//! Tokens as people can read them: shortened, decoded, times in words.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use crate::base::time::{Instant, Lifetime};

/// Too little of a token to use it, enough to tell two apart.
pub(super) fn shorten(token: &str) -> String {
    let (first, last) = (
        token.get(..14),
        token.len().checked_sub(6).and_then(|at| token.get(at..)),
    );
    match (first, last) {
        (Some(first), Some(last)) if token.len() >= 40 => format!("{first}...{last}"),
        _ => "...".to_owned(),
    }
}

/// Header and claims of a JWT, decoded without any check.
pub(super) fn decode(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.').map(|part| {
        let bytes = Base64UrlUnpadded::decode_vec(part).ok()?;
        serde_json::from_slice(&bytes).ok()
    });
    Some((parts.next()??, parts.next()??))
}

/// The order in which claims are told; what is not here follows.
const ORDER: [&str; 20] = [
    "typ",
    "alg",
    "kid",
    "iss",
    "sub",
    "aud",
    "client_id",
    "scope",
    "nonce",
    "sid",
    "jti",
    "at_hash",
    "iat",
    "exp",
    "auth_time",
    "acr",
    "amr",
    "email",
    "name",
    "updated_at",
];

/// Names and values in an order that reads well. A value of several parts has several lines.
pub(super) fn rows(claims: &Map<String, Value>, now: Instant) -> Vec<(String, Vec<String>)> {
    let known = ORDER.iter().filter_map(|name| claims.get_key_value(*name));
    let others = claims.iter().filter(|(name, _)| !ORDER.contains(&name.as_str()));
    known
        .chain(others)
        .map(|(name, value)| (name.clone(), lines(name, value, now)))
        .collect()
}

fn lines(name: &str, value: &Value, now: Instant) -> Vec<String> {
    match (name, value) {
        ("iat" | "exp" | "auth_time" | "updated_at", Value::Number(seconds)) => {
            let at = Instant::from_millis(seconds.as_i64().unwrap_or_default().saturating_mul(1000));
            vec![format!("{}  {}", at.to_rfc3339(), relative(at, now))]
        }
        (_, Value::String(text)) => vec![text.clone()],
        ("aud", Value::Array(parts)) => parts.iter().map(plain).collect(),
        (_, Value::Array(parts)) => vec![parts.iter().map(plain).collect::<Vec<_>>().join(" ")],
        (_, other) => vec![other.to_string()],
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Rounded to seconds, since claims have no more.
fn relative(at: Instant, now: Instant) -> String {
    let words = |time: Lifetime| match time.seconds() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    };
    let second = Lifetime::from_secs(1);
    if at > now {
        format!("(in {})", words(at.plus(Lifetime::from_millis(999)).since(now)))
    } else if now.since(at) <= second {
        "(now)".to_owned()
    } else {
        format!("({} ago)", words(now.since(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_shown_whole() {
        let token = "pst_rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABBBBBB";
        assert_eq!(shorten(token), "pst_rt_AAAAAAA...BBBBBB");
        assert_eq!(shorten("short"), "...");
        assert_eq!(shorten(&"ü".repeat(40)), "üüüüüüü...üüü");
    }
}
