//! A signed JWT, in compact form (RFC 7515 section 7.1), taken apart strictly. Nothing in it is believed
//! here: the key, which is registered and never named by the header, decides.

use std::{fmt, str::FromStr};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, de::IgnoredAny};

use crate::base::json::is_within;

/// The algorithms in which others may sign for us (RFC 7518 section 3, RFC 8037). `none` and the symmetric ones are not
/// among them, and cannot be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JwsAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

/// A name that is none of [`JwsAlgorithm::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write ES256, PS256, EdDSA or RS256")]
pub struct UnknownAlgorithm;

impl JwsAlgorithm {
    /// Every algorithm; the best first.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Ps256, Self::EdDsa, Self::Rs256];

    /// The `alg` (RFC 7518 section 3.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

impl FromStr for JwsAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        // RFC 9864 gives EdDSA on this curve a name of its own.
        if text == "Ed25519" {
            return Ok(Self::EdDsa);
        }
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.as_str() == text)
            .ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for JwsAlgorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for JwsAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// A text that is no JWS which could be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than it may be.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// Not three parts of base64url, or a part that is not JSON of the right types.
    #[error("it is no JWT in compact form")]
    Malformed,
    /// An algorithm that is never taken, such as `none`.
    #[error("its algorithm is none that is taken")]
    Algorithm,
    /// It demands an extension (RFC 7515 section 4.1.11); none is understood.
    #[error("it demands an extension that is not understood")]
    Critical,
}

/// The parts of a JWS.
#[derive(Debug)]
pub struct Jws<'a> {
    /// The algorithm that the header names.
    pub algorithm: JwsAlgorithm,
    /// The key that the header names.
    pub key_id: Option<String>,
    /// What the header says that it is.
    pub typ: Option<String>,
    payload: Vec<u8>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// What is read of the header. `jwk`, `jku`, `x5c` and `x5u` are not here: a token cannot name its own key.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'a> Jws<'a> {
    /// The parts of `text`, which has at most `most` bytes.
    pub fn parse(text: &'a str, most: usize) -> Result<Self, JwsError> {
        if text.len() > most {
            return Err(JwsError::TooLong(most));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        let header: Header = read(&decode(header)?)?;
        if header.crit.is_some() {
            return Err(JwsError::Critical);
        }
        Ok(Self {
            algorithm: header.alg.parse().map_err(|_| JwsError::Algorithm)?,
            key_id: header.kid,
            typ: header.typ,
            payload: decode(payload)?,
            signed,
            signature: decode(signature)?,
        })
    }

    /// What the signature is over.
    pub fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The claims. Nobody has vouched for them before the signature is verified.
    pub fn claims<T: for<'de> Deserialize<'de>>(&self) -> Result<T, JwsError> {
        read(&self.payload)
    }
}

/// Arrays and objects inside each other: more than any header or claims have.
const DEPTH: usize = 8;

fn read<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, JwsError> {
    let text = std::str::from_utf8(json).map_err(|_| JwsError::Malformed)?;
    if !is_within(text, text.len(), DEPTH) {
        return Err(JwsError::Malformed);
    }
    serde_json::from_str(text).map_err(|_| JwsError::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| JwsError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jws(header: &str, payload: &str) -> String {
        let encode = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        format!("{}.{}.{}", encode(header), encode(payload), encode("signature"))
    }

    #[test]
    fn an_algorithm_that_protects_nothing_and_a_doubled_header_are_refused() {
        for (header, error) in [
            (r#"{"alg":"none"}"#, JwsError::Algorithm),
            (r#"{"alg":"None"}"#, JwsError::Algorithm),
            (r#"{"alg":"HS256"}"#, JwsError::Algorithm),
            (r#"{"alg":"ES384"}"#, JwsError::Algorithm),
            (r#"{"alg":""}"#, JwsError::Algorithm),
            ("{}", JwsError::Malformed),
            (r#"{"alg":"none","alg":"ES256"}"#, JwsError::Malformed),
            (r#"{"alg":["ES256"]}"#, JwsError::Malformed),
            (r#"{"alg":"ES256","kid":1}"#, JwsError::Malformed),
            (
                r#"{"alg":"ES256","crit":["b64"],"b64":false}"#,
                JwsError::Critical,
            ),
        ] {
            assert_eq!(
                Jws::parse(&jws(header, "{}"), 1000).err(),
                Some(error),
                "{header}"
            );
        }
        let deep = format!(r#"{{"alg":"ES256","x":{}{}}}"#, "[".repeat(8), "]".repeat(8));
        assert_eq!(
            Jws::parse(&jws(&deep, "{}"), 1000).err(),
            Some(JwsError::Malformed)
        );
        let text = jws(r#"{"alg":"ES256","kid":"a","jku":"https://evil.example"}"#, "{}");
        let parsed = Jws::parse(&text, 1000).expect("three parts");
        assert_eq!(
            (parsed.algorithm, parsed.key_id.as_deref()),
            (JwsAlgorithm::Es256, Some("a"))
        );
        assert_eq!(
            Jws::parse(&text, text.len() - 1).err(),
            Some(JwsError::TooLong(text.len() - 1))
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_comes_apart(text in "[ -~]{0,200}", header in "[ -~]{0,60}") {
            let _ = Jws::parse(&text, 100);
            if let Ok(parsed) = Jws::parse(&jws(&header, &text), 4000) {
                prop_assert!(parsed.signed().contains(&b'.'));
                let _ = parsed.claims::<serde_json::Value>();
            }
        }
    }
}
