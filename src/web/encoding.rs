//! Form encoding, read strictly: what is no UTF-8, no percent-encoding or too much is refused, never repaired.

/// A query or form that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadEncoding {
    /// A broken escape, bytes that are no UTF-8, or a control character.
    #[error("the parameters are not form-encoded UTF-8 text")]
    Broken,
    /// More than any request has.
    #[error("there are more than 64 parameters")]
    TooMany,
}

/// More parameters than any request has.
const MAX_PARAMETERS: usize = 64;

/// The pairs of an `application/x-www-form-urlencoded` text.
pub fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, BadEncoding> {
    let pairs = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .take(MAX_PARAMETERS + 1)
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    if pairs.len() > MAX_PARAMETERS {
        Err(BadEncoding::TooMany)
    } else {
        Ok(pairs)
    }
}

/// One name or value.
pub(super) fn decode(text: &str) -> Result<String, BadEncoding> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    rest.next()
                        .and_then(|b| char::from(b).to_digit(16))
                        .ok_or(BadEncoding::Broken)
                };
                u8::try_from(digit()? * 16 + digit()?).map_err(|_| BadEncoding::Broken)?
            }
            other => other,
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| BadEncoding::Broken)?;
    if decoded.chars().any(char::is_control) {
        Err(BadEncoding::Broken)
    } else {
        Ok(decoded)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_broken_is_refused_and_not_repaired() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            parse_pairs("a=1&b=%C3%BC+x&c"),
            Ok(vec![pair("a", "1"), pair("b", "ü x"), pair("c", "")])
        );
        for broken in ["a=%", "a=%2", "a=%zz", "a=%ff", "a=%00", "a=%0d%0a", "%ff=1"] {
            assert_eq!(parse_pairs(broken), Err(BadEncoding::Broken), "{broken}");
        }
        assert_eq!(parse_pairs(&"a=1&".repeat(65)), Err(BadEncoding::TooMany));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_has_nothing_hidden(text in "[a-c=&%+0-9A-F]{0,40}|\\PC{0,40}") {
            if let Ok(pairs) = parse_pairs(&text) {
                let mut texts = pairs.iter().flat_map(|(name, value)| [name, value]);
                prop_assert!(!texts.any(|text| text.chars().any(char::is_control)));
            }
        }

        #[test]
        fn what_others_write_reads_as_it_was_meant(
            pairs in prop::collection::vec(("\\PC{0,10}", "\\PC{0,20}"), 1..5),
        ) {
            let written = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            prop_assert_eq!(parse_pairs(&written), Ok(pairs));
        }
    }
}
