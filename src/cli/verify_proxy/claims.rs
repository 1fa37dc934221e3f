//! The claims of a token as headers.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::verifier::AccessToken;

/// What fits, with the rest of the answer, into the 4 KiB that nginx takes from an upstream before it asks for a setting.
const MAX_BYTES: usize = 3 * 1024;

/// The claims together are longer than proxies take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claims of the token are too long to be handed on in headers")]
pub(super) struct TooLong;

/// One header for each claim, **always all of them**, empty where the token does not say it: so a proxy that writes them
/// over those of the request leaves none that a client made up.
pub(super) fn headers(token: &AccessToken) -> Result<HeaderMap, TooLong> {
    let text = |claim: Option<&str>| encoded(claim.unwrap_or_default());
    let actor = token.act.as_ref().map(|actor| actor.sub.as_str());
    let auth_time = token.auth_time.map(|time| time.to_string());
    let claims = [
        ("x-postern-sub", text(Some(&token.sub))),
        ("x-postern-client-id", text(Some(&token.client_id))),
        ("x-postern-scope", words(token.scope.iter())),
        ("x-postern-sid", text(token.sid.as_deref())),
        ("x-postern-jti", text(Some(&token.jti))),
        ("x-postern-exp", token.exp.to_string()),
        ("x-postern-auth-time", auth_time.unwrap_or_default()),
        ("x-postern-acr", text(token.acr.as_deref())),
        ("x-postern-amr", words(token.amr.iter().map(String::as_str))),
        ("x-postern-actor", text(actor)),
    ];
    if claims.iter().map(|(_, value)| value.len()).sum::<usize>() > MAX_BYTES {
        return Err(TooLong);
    }
    claims
        .into_iter()
        .map(|(name, value)| {
            let value = HeaderValue::try_from(value).map_err(|_| TooLong)?;
            Ok((HeaderName::from_static(name), value))
        })
        .collect()
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(encoded).collect::<Vec<_>>().join(" ")
}

/// Percent-encoded (RFC 3986 section 2.1), but for visible ASCII without `%` and without what separates values or
/// begins a quotation in headers.
fn encoded(claim: &str) -> String {
    let mut value = String::with_capacity(claim.len());
    for byte in claim.bytes() {
        if byte.is_ascii_graphic() && !b"%,;\"\\".contains(&byte) {
            value.push(char::from(byte));
        } else {
            // A text takes all that is written.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_stay_as_they_are_and_nothing_breaks_out_of_a_header() {
        for (claim, value) in [
            ("usr_01kc0hmq5gf4wsm3z0v4q9tq8n", "usr_01kc0hmq5gf4wsm3z0v4q9tq8n"),
            (
                "https://app.example/client?a=b&c=~",
                "https://app.example/client?a=b&c=~",
            ),
            (
                "eve\r\nX-Postern-Scope: admin",
                "eve%0D%0AX-Postern-Scope:%20admin",
            ),
            ("a,b;c \"d\\ 100%", "a%2Cb%3Bc%20%22d%5C%20100%25"),
            ("Jürgen\0", "J%C3%BCrgen%00"),
            ("", ""),
        ] {
            assert_eq!(encoded(claim), value);
        }
    }

    proptest! {
        #[test]
        fn every_claim_is_one_value_that_says_it_again(claim in any::<String>()) {
            let value = encoded(&claim);
            prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','));
            prop_assert!(HeaderValue::try_from(&value).is_ok());
            // As a form's decoder reads it, which takes a plus sign for a space.
            let form = format!("x={}", value.replace('+', "%2B").replace('&', "%26"));
            let (_, again) = url::form_urlencoded::parse(form.as_bytes()).next().expect("a pair");
            prop_assert_eq!(again, claim);
        }
    }
}
