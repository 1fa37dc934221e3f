//! URLs as far as they are needed: ASCII only, cut and never normalised (a full parser is a fifth of the library).

use crate::form::Form;

/// The longest that is read.
pub(crate) const MAX: usize = 8192;

/// Printable ASCII without what no URI has (RFC 3986), not too long.
pub(crate) fn is_plain(url: &str) -> bool {
    (1..=MAX).contains(&url.len())
        && url
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
}

/// Whether requests may go there: https with a plain host, or http to this machine where that is allowed.
pub(crate) fn is_endpoint(url: &str, allow_loopback: bool) -> bool {
    is_plain(url)
        && !url.contains('#')
        && origin(url)
            .is_some_and(|origin| origin.starts_with("https://") || (allow_loopback && is_loopback(&origin)))
}

fn is_loopback(origin: &str) -> bool {
    let authority = origin.strip_prefix("http://").unwrap_or_default();
    let host = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => authority.get(..colon).unwrap_or_default(),
        _ => authority,
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Scheme, host and port, in small letters, without the default port.
pub(crate) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => authority.split_at(colon),
        _ => (authority, ""),
    };
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
    let is_port = port.is_empty() || (port.len() > 1 && port.bytes().skip(1).all(|b| b.is_ascii_digit()));
    (is_host && is_port).then(|| format!("{scheme}://{authority}"))
}

/// What a proof names: without query and fragment (RFC 9449 section 4.2).
pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// An endpoint with a query; it may have one already (RFC 6749 section 3.1).
pub(crate) fn with_query(endpoint: &str, query: &Form) -> String {
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}{}", query.as_str())
}
