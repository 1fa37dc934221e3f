//! Every typed id in one list. An id is a `UUIDv7` (RFC 9562 section 5.7), shown with a prefix that says what it names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

use crate::base::{entropy::Entropy, time::Instant, url::HttpsUrl};

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that looks like {prefix}_0197…")]
pub struct IdError {
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// What a shown id begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id: 48 bits of time, 74 random bits.
            pub fn new(now: Instant, entropy: &Entropy) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid())
            }

            /// Before every id of this instant and later: ids sort by time, so a span of time is a span of ids.
            pub fn first_at(at: Instant) -> Self {
                let millis = u128::try_from(at.millis()).unwrap_or(0);
                Self(Uuid::from_u128(millis << 80))
            }

            /// The sixteen bytes inside tokens.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// The id from a token's sixteen bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A person; the `sub` claim.
    UserId = "usr";
    /// A person signed in to Postern in one browser.
    BrowserSessionId = "bse";
    /// One installation of one app signed in for one user; the `sid` claim.
    DeviceSessionId = "dse";
    /// Something that happened and matters.
    EventId = "evt";
    /// One process that serves, from its start to its end.
    NodeId = "nod";
    /// One of a client's secrets; never the secret itself.
    ClientSecretId = "cse";
    /// An initial access token (RFC 7591 section 3); never the token itself.
    RegistrationTokenId = "rti";
    /// A pushed authorization request (RFC 9126) that is kept.
    PushedRequestId = "pra";
    /// An end of all sessions that match a filter.
    MassEndId = "men";
}

fn parse(text: &str, prefix: &'static str) -> Result<Uuid, IdError> {
    let simple = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    simple
        .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        .and_then(|hex| Uuid::try_parse(hex).ok())
        .ok_or(IdError { prefix })
}

/// The id of an OAuth client: the string that the operator gave to `client add` (RFC 6749 section 2.2), or the address of what
/// the client says of itself (draft-ietf-oauth-client-id-metadata-document section 3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct ClientId(String);

/// Why a text is no client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    /// Empty, too long, or with characters that would need escaping somewhere.
    #[error("a client id has 1 to 64 of the characters A-Z a-z 0-9 . _ ~ -")]
    Characters,
    /// It could be taken for a user's id where both appear as `sub` (RFC 9068 section 5).
    #[error("a client id never begins with usr_: it could be taken for a user's")]
    LooksLikeUser,
    /// An address at which no metadata document can be.
    #[error(
        "a client id that is an address is an https URL in its plain form with a path, without user name, query and fragment, \
         at most 255 characters"
    )]
    Address,
}

impl ClientId {
    /// The id of a client that is part of the program.
    pub(crate) fn of_our_own(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    /// The id as the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host of one that is an address.
    pub fn host(&self) -> Option<&str> {
        let rest = self.0.strip_prefix(HTTPS)?;
        rest.split('/').next()
    }
}

const HTTPS: &str = "https://";

/// Whether every parser reads it as it is written, so that who compares it as text means the same place.
fn is_address(text: &str) -> bool {
    let read = text.parse::<HttpsUrl>().is_ok_and(|url| url.as_str() == text);
    let has_path = text[HTTPS.len()..]
        .split_once('/')
        .is_some_and(|(_, path)| !path.is_empty());
    read && has_path && text.len() <= 255 && !text.contains('?')
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        if text.starts_with(HTTPS) {
            let id = is_address(text).then(|| Self(text.to_owned()));
            return id.ok_or(ClientIdError::Address);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(ClientIdError::Characters);
        }
        if text.starts_with("usr_") {
            return Err(ClientIdError::LooksLikeUser);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// The id of a key in a ring: 64 random bits, shown as 16 hexadecimal digits (the `kid` of a JWK).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// A new random id.
    pub fn new(entropy: &Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// The eight bytes inside tokens and sealed values.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0
    }

    /// The id from eight bytes of a token.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

impl FromStr for KeyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        u64::from_str_radix(text, 16)
            .ok()
            .filter(|_| text.len() == 16)
            .map(|number| Self(number.to_be_bytes()))
            .ok_or(IdError { prefix: "key" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_reads_back_what_it_shows_and_nothing_else() {
        let id = UserId::new(Instant::from_millis(1_700_000_000_000), &Entropy::seeded(1));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().parse::<DeviceSessionId>().is_err());
        assert!(id.to_string().to_uppercase().parse::<UserId>().is_err());
    }

    #[test]
    fn ids_of_an_instant_stand_behind_its_first() {
        let entropy = Entropy::seeded(1);
        for millis in [0, 1_700_000_000_000] {
            let (at, later) = (Instant::from_millis(millis), Instant::from_millis(millis + 1));
            let id = EventId::new(at, &entropy);
            assert!(EventId::first_at(at) < id && id < EventId::first_at(later));
        }
    }

    #[test]
    fn a_client_id_that_is_an_address_is_read_in_one_way_by_everybody() {
        let id: ClientId = "https://app.example/id.json".parse().expect("an address");
        assert_eq!(id.host(), Some("app.example"));
        let port: ClientId = "https://app.example:8443/a".parse().expect("an address");
        assert_eq!(port.host(), Some("app.example:8443"));
        for text in [
            "https://",
            "https:///",
            "https://app.example",
            "https://app.example/",
            "https://app.example:443/a",
            "https://a@app.example/a",
            "https://app.example/a?b",
            "https://app.example/a#b",
            "https://app.example/a/../b",
            "https://app.example/%2e%2e/b",
            "https://app.example\\@evil.example/a",
            "https://ÄPP.example/a",
            "http://app.example/a",
        ] {
            assert!(text.parse::<ClientId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_no_id_or_one_that_means_what_it_says(text in "(https://)?[!-~]{0,40}(/[!-~]{0,20})?") {
            if let Ok(id) = text.parse::<ClientId>() {
                prop_assert_eq!(id.as_str(), &text);
                if let Some(host) = id.host() {
                    let read = url::Url::parse(&text).expect("a URL");
                    let port = read.port().map(|port| format!(":{port}")).unwrap_or_default();
                    prop_assert_eq!(format!("{}{port}", read.host_str().unwrap_or_default()), host);
                    prop_assert!(read.query().is_none() && read.fragment().is_none() && read.username().is_empty());
                } else {
                    prop_assert!(!text.contains(['/', ':', '%']));
                }
            }
        }
    }

    #[test]
    fn a_client_id_never_looks_like_a_user() {
        assert_eq!("usr_app".parse::<ClientId>(), Err(ClientIdError::LooksLikeUser));
        assert_eq!("a b".parse::<ClientId>(), Err(ClientIdError::Characters));
        assert!("com.example.notes".parse::<ClientId>().is_ok());
    }
}
