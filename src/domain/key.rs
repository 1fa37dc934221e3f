//! Keys in rings: `next > active > retiring > gone`.

pub mod rotation;

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::base::{
    id::KeyId,
    time::{Instant, Lifetime},
};

/// What the keys of a ring are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ring {
    /// Signs access and ID tokens (ECDSA on P-256 with SHA-256, RFC 7518 section 3.4).
    SigningEs256,
    /// Signs ID tokens of clients that ask for it (RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518 section 3.3).
    SigningRs256,
    /// Authenticates refresh tokens (HMAC-SHA-256).
    Mac,
    /// Seals what travels through browsers (AES-256-GCM-SIV, one derived key for each purpose).
    Seal,
}

impl Ring {
    /// The rings that every server has. Each always has an `active` and a `next` key.
    pub const ALL: [Self; 3] = [Self::SigningEs256, Self::Mac, Self::Seal];

    /// The rings that are made when something needs them first: an RSA key takes long to make, and few clients want one.
    pub const ON_REQUEST: [Self; 1] = [Self::SigningRs256];

    /// Both kinds.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::ON_REQUEST)
    }

    /// Whether its keys sign what others verify.
    pub const fn is_signing(self) -> bool {
        matches!(self, Self::SigningEs256 | Self::SigningRs256)
    }

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SigningEs256 => "signing:ES256",
            Self::SigningRs256 => "signing:RS256",
            Self::Mac => "mac",
            Self::Seal => "seal",
        }
    }

    /// The ring with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::every().find(|ring| ring.as_str() == text)
    }
}

/// Where a key stands, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum KeyState {
    /// Published, not yet used.
    Next,
    /// Makes new signatures, MACs and seals.
    Active {
        /// Since when.
        since: Instant,
    },
    /// Makes nothing new, still accepted.
    Retiring {
        /// Since when.
        since: Instant,
    },
    /// Not accepted any more.
    Gone {
        /// Since when.
        since: Instant,
    },
}

impl KeyState {
    /// The word in the database, and the time that goes with it.
    pub fn to_columns(self) -> (&'static str, Option<Instant>) {
        match self {
            Self::Next => ("next", None),
            Self::Active { since } => ("active", Some(since)),
            Self::Retiring { since } => ("retiring", Some(since)),
            Self::Gone { since } => ("gone", Some(since)),
        }
    }

    /// The state that a row names.
    pub fn from_columns(state: &str, since: Option<Instant>) -> Option<Self> {
        match (state, since) {
            ("next", _) => Some(Self::Next),
            ("active", Some(since)) => Some(Self::Active { since }),
            ("retiring", Some(since)) => Some(Self::Retiring { since }),
            ("gone", Some(since)) => Some(Self::Gone { since }),
            _ => None,
        }
    }
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// The `kid`.
    pub id: KeyId,
    /// Its ring.
    pub ring: Ring,
    /// Where it stands.
    #[serde(flatten)]
    pub state: KeyState,
    /// When it was made.
    pub created_at: Instant,
    /// The longest life of anything that it may have made.
    #[serde(skip, default = "unknown")]
    pub longest_life: Lifetime,
}

fn unknown() -> Lifetime {
    Lifetime::from_millis(0)
}

impl FromStr for Ring {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or("write signing:ES256, signing:RS256, mac or seal")
    }
}

impl Serialize for Ring {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Ring {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
