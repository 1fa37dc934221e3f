//! The apps of one maker, which sign in by each other on a device (OpenID Connect Native SSO for Mobile Apps 1.0).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// The name of a group of apps. Only apps that are registered with the same name sign in by each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SsoGroup(String);

/// Why a text names no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a group's name has 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -")]
pub struct SsoGroupError;

impl FromStr for SsoGroup {
    type Err = SsoGroupError;

    fn from_str(text: &str) -> Result<Self, SsoGroupError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
        let is_one = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        is_one.then(|| Self(text.to_owned())).ok_or(SsoGroupError)
    }
}

impl fmt::Display for SsoGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SsoGroup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_taken_as_it_is_written_or_not_at_all(text in "[A-Za-z0-9._~-]{0,70}|\\PC{0,70}") {
            match text.parse::<SsoGroup>() {
                Ok(group) => prop_assert_eq!(group.to_string(), text),
                Err(SsoGroupError) => prop_assert!(
                    text.is_empty() || text.len() > 64 || text.contains(|c: char| !c.is_ascii_alphanumeric() && !"._~-".contains(c))
                ),
            }
        }
    }
}
