//! A bearer token in the Authorization header (RFC 6750 section 2.1) that is no access token of ours but a secret of its own.

use http::{HeaderMap, header};

/// Longer than any.
const LONGEST: usize = 512;

/// What the header presents: a token, no header at all, or something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent<'a> {
    Nothing,
    Token(&'a str),
    Other,
}

impl<'a> Sent<'a> {
    /// The one header.
    pub(crate) fn from_headers(headers: &'a HeaderMap) -> Self {
        let mut lines = headers.get_all(header::AUTHORIZATION).into_iter();
        let Some(line) = lines.next() else {
            return Self::Nothing;
        };
        let only = lines.next().is_none();
        let token = line.to_str().ok().filter(|_| only).and_then(token);
        token.map_or(Self::Other, Self::Token)
    }

    /// The token; what is none presents one that is not good.
    pub(crate) fn token(self) -> Option<&'a str> {
        match self {
            Self::Nothing => None,
            Self::Token(token) => Some(token),
            Self::Other => Some(""),
        }
    }
}

fn token(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    let token = token.trim_matches(' ');
    let plain =
        !token.is_empty() && token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && plain).then_some(token)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_header_with_one_token_is_taken_and_nothing_else() {
        for (line, token) in [
            ("Bearer pst_it_x", Some("pst_it_x")),
            ("bEARER  pst_it_x", Some("pst_it_x")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearer a b", None),
            ("Basic pst_it_x", None),
            ("DPoP pst_it_x", None),
        ] {
            let mut headers = HeaderMap::new();
            assert_eq!(Sent::from_headers(&headers), Sent::Nothing);
            headers.append(header::AUTHORIZATION, line.parse().expect("a header"));
            let expected = token.map_or(Sent::Other, Sent::Token);
            assert_eq!(Sent::from_headers(&headers), expected, "{line}");
            headers.append(header::AUTHORIZATION, line.parse().expect("a header"));
            assert_eq!(Sent::from_headers(&headers), Sent::Other, "{line} twice");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_plain_token_or_none(line in "[ -~]{0,80}") {
            if let Some(token) = token(&line) {
                prop_assert!(line.ends_with(token.trim_end()) || line.trim_end().ends_with(token));
                prop_assert!(!token.contains(' '));
            }
        }
    }
}
