//! Headers of answers.

use crate::{effect::Header, http_date};

/// The first header of a name.
pub(crate) fn find<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    all(headers, name).next()
}

fn all<'a>(headers: &'a [Header], name: &str) -> impl Iterator<Item = &'a str> {
    let named = headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name));
    named
        .map(|header| header.value.text())
        .filter(|value| value.len() <= 8192)
}

/// A nonce that a proof may have (RFC 9449 section 8.1), 1 KiB at most.
pub(crate) fn nonce(headers: &[Header]) -> Option<&str> {
    find(headers, "dpop-nonce").filter(|nonce| {
        (1..=1024).contains(&nonce.len())
            && nonce
                .bytes()
                .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    })
}

/// `Retry-After` in ms: between a second and an hour, whatever it says.
pub(crate) fn retry_after(headers: &[Header], server_now: i64) -> Option<u64> {
    let value = find(headers, "retry-after")?.trim();
    let ms = match value.parse::<u64>() {
        Ok(seconds) => seconds.saturating_mul(1000),
        Err(_) => u64::try_from(http_date::date(value)?.saturating_sub(server_now)).unwrap_or(0),
    };
    Some(ms.clamp(1000, 3_600_000))
}

/// The `error` of a challenge of the schemes `DPoP` or `Bearer` (RFC 6750 section 3, RFC 9449 section 7.1).
pub(crate) fn challenge_error(headers: &[Header]) -> Option<String> {
    all(headers, "www-authenticate").find_map(error_of)
}

/// The value of `error` in a line of challenges.
pub(crate) fn error_of(line: &str) -> Option<String> {
    let mut rest = line;
    while let Some(at) = rest.find(['"', '=']) {
        let (before, from) = rest.split_at(at);
        if from.starts_with('"') {
            rest = quoted(from)?.1;
            continue;
        }
        let value = from.get(1..)?.trim_start();
        let name = before
            .trim_end()
            .rsplit([' ', ',', '\t'])
            .next()
            .unwrap_or_default();
        let (value, after) = if value.starts_with('"') {
            quoted(value)?
        } else {
            let end = value.find([',', ' ']).unwrap_or(value.len());
            (value.get(..end)?, value.get(end..)?)
        };
        if name.eq_ignore_ascii_case("error") {
            return Some(value.to_owned());
        }
        rest = after;
    }
    None
}

/// What is within quotes, and what comes after them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.get(1..)?;
    let mut escaped = false;
    let end = inner.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}
