//! The Authorization header of a client (RFC 6749 section 2.3.1): `Basic`, whose id and secret are form-encoded first.

use base64ct::{Base64, Encoding};
use http::{HeaderMap, header};

use crate::{base::secret::Secret, flows::client_auth::Authorization, web::encoding::decode};

/// Longer than any id with its secret.
const LONGEST: usize = 2048;

/// What the header presents; nothing when there is none.
pub(super) fn authorization(headers: &HeaderMap) -> Option<Authorization> {
    let mut lines = headers.get_all(header::AUTHORIZATION).into_iter();
    let line = lines.next()?;
    let only = lines.next().is_none();
    let basic = line.to_str().ok().filter(|_| only).and_then(basic);
    Some(basic.unwrap_or(Authorization::Other))
}

fn basic(line: &str) -> Option<Authorization> {
    let (scheme, credentials) = line.split_once(' ')?;
    let credentials = credentials.trim();
    if !scheme.eq_ignore_ascii_case("basic") || credentials.len() > LONGEST {
        return None;
    }
    let decoded = Base64::decode_vec(credentials).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    // An encoded id has no colon.
    let (id, secret) = text.split_once(':')?;
    Some(Authorization::Basic {
        id: decode(id).ok()?,
        secret: Secret::new(decode(secret).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.append(header::AUTHORIZATION, line.parse().ok()?);
        match authorization(&headers)? {
            Authorization::Basic { id, secret } => Some((id, secret.expose().clone())),
            Authorization::Other => None,
        }
    }

    fn header_of(text: &str) -> String {
        format!("Basic {}", Base64::encode_string(text.as_bytes()))
    }

    #[test]
    fn id_and_secret_are_form_decoded() {
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read(&header_of("app:pst_cs_x")), pair("app", "pst_cs_x"));
        assert_eq!(read(&header_of("a%3Ab:c%2Bd+e%25:f")), pair("a:b", "c+d e%:f"));
        assert_eq!(read(&header_of("app:")), pair("app", ""));
        let lower = header_of("app:x").replace("Basic", "bASIC");
        assert_eq!(read(&lower), pair("app", "x"));
        for bad in [
            "Basic",
            "Basic !!!",
            "Bearer YXBwOng=",
            &header_of("app"),
            &header_of("app:%zz"),
            &header_of("%00:x"),
            &header_of(&format!("app:{}", "x".repeat(2000))),
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        assert!(authorization(&headers).is_none());
        for _ in 0..2 {
            headers.append(
                header::AUTHORIZATION,
                header_of("app:x").parse().expect("a header"),
            );
        }
        assert!(matches!(authorization(&headers), Some(Authorization::Other)));
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back_and_nothing_panics(id in "\\PC{0,30}", secret in "\\PC{0,60}", line in "[ -~]{0,80}") {
            let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let header = header_of(&format!("{}:{}", encode(&id), encode(&secret)));
            prop_assert_eq!(read(&header), Some((id, secret)));
            let _ = read(&line);
            let _ = read(&header_of(&line));
        }
    }
}
