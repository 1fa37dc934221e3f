//! Bounded, trimmed, normalised strings that people write.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// An email address: what a person signs in with. Kept as written; compared by [`Email::key`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(String);

/// Why a text is no email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an email address such as alice@example.com, at most 254 characters")]
pub struct EmailError;

impl Email {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which two spellings of one address are the same: lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let plain =
            |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
        let labels = domain.split('.').all(|label| !label.is_empty());
        if text.len() > 254 || !plain(local) || !plain(domain) || local.contains('@') || !labels {
            return Err(EmailError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A name for people to read: of a person, an app or a device. 1 to 80 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DisplayName(String);

/// Why a text is no display name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 80 characters and none of them invisible")]
pub struct DisplayNameError;

impl DisplayName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = DisplayNameError;

    fn from_str(text: &str) -> Result<Self, DisplayNameError> {
        let text = text.trim();
        // Direction marks could make a consent page read backwards ("Allow evil" as "Allow good").
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        let length = text.chars().count();
        if length == 0 || length > 80 || text.chars().any(hidden) {
            return Err(DisplayNameError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// The version of an app, as the app itself tells it: 1 to 32 letters, digits and `.`, `_`, `+`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AppVersion(String);

/// Why a text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version has 1 to 32 characters: letters, digits and . _ + -")]
pub struct AppVersionError;

impl AppVersion {
    /// The version.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppVersion {
    type Err = AppVersionError;

    fn from_str(text: &str) -> Result<Self, AppVersionError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
        if text.is_empty() || text.len() > 32 || !text.bytes().all(plain) {
            return Err(AppVersionError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why an operator did something, in their words: 1 to 200 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Note(String);

/// Why a text is no note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a sentence of 1 to 200 characters")]
pub struct NoteError;

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 || length > 200 || text.chars().any(char::is_control) {
            return Err(NoteError);
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! text_traits {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

text_traits!(Email DisplayName AppVersion Note);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_bounded() {
        assert_eq!(
            " Alice@Example.com ".parse::<Email>().map(|e| e.key()),
            Ok("alice@example.com".into())
        );
        for bad in [
            "",
            "alice",
            "@example.com",
            "alice@",
            "a b@example.com",
            "a@b@c.d",
            "a@.com",
            "a\u{0}@b.c",
        ] {
            assert_eq!(bad.parse::<Email>(), Err(EmailError), "{bad:?}");
        }
        assert!("Notes\u{202e}".parse::<DisplayName>().is_err());
        assert!("x".repeat(81).parse::<DisplayName>().is_err());
        assert!("4.12.0-beta+7".parse::<AppVersion>().is_ok());
        for bad in ["", "4 12", "4\n", "4%", &"4".repeat(33)] {
            assert_eq!(bad.parse::<AppVersion>(), Err(AppVersionError), "{bad:?}");
        }
    }
}
