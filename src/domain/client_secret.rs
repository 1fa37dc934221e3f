//! A client's secret (RFC 6749 section 2.3.1): 256 random bits, shown once and kept as a digest. Two may be good at a time,
//! so that a new one is in place everywhere before the old one stops.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use crate::base::{
    digest::Digest,
    entropy::Entropy,
    id::{ClientId, ClientSecretId},
    secret::Secret,
    time::{Instant, Lifetime},
};

/// What every secret begins with, for secret scanners and log redaction.
pub const PREFIX: &str = "pst_cs_";
/// How many may be good at a time.
pub const AT_ONCE: usize = 2;
/// How long before its end its operator is told.
pub const WARNED_BEFORE: Lifetime = Lifetime::from_days(14);
/// How long the secret before a new one stays good unless somebody says: over a weekend, wherever the client runs.
pub const OVERLAP: Lifetime = Lifetime::from_days(7);
/// No secret is given a longer life, and none stays good for longer when there is a new one.
const LONGEST_LIFE: Lifetime = Lifetime::from_days(3650);
/// Nothing longer is compared.
const LONGEST: usize = 256;

/// A secret would live too long, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is good for 1s to {LONGEST_LIFE}, and the one before it for at most {LONGEST_LIFE} more")]
pub struct LivesError;

/// Whether a new secret may be good for so long (absent: until it is replaced), and the one before it for so long.
pub fn judge_lives(life: Option<Lifetime>, overlap: Lifetime) -> Result<(), LivesError> {
    let fits = life.is_none_or(|life| (Lifetime::from_secs(1)..=LONGEST_LIFE).contains(&life));
    if fits && overlap <= LONGEST_LIFE {
        Ok(())
    } else {
        Err(LivesError)
    }
}

/// A secret as it is shown once, and as a client presents it.
#[derive(Clone)]
pub struct ClientSecret(Secret<String>);

impl ClientSecret {
    /// A new secret.
    pub fn new(entropy: &Entropy) -> Self {
        let random = Secret::new(entropy.bytes::<32>());
        let text = format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(random.expose()));
        Self(Secret::new(text))
    }

    /// What a client presents; nothing when it is longer than any secret.
    pub fn presented(text: &str) -> Option<Self> {
        (text.len() <= LONGEST).then(|| Self(Secret::new(text.to_owned())))
    }

    /// What is kept.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose().as_bytes())
    }

    /// The text, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A secret as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    /// Its name.
    pub id: ClientSecretId,
    /// Whose.
    pub client: ClientId,
    /// What it is compared by.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last used, to the day.
    pub last_used_at: Option<Instant>,
    /// When it ends.
    pub expires_at: Option<Instant>,
}

/// A secret as it is listed: without what it is compared by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSecret {
    /// Its name.
    pub id: ClientSecretId,
    /// Whose.
    pub client: ClientId,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last used, to the day.
    pub last_used_at: Option<Instant>,
    /// When it ends.
    pub expires_at: Option<Instant>,
}

impl From<KeptSecret> for ListedSecret {
    fn from(kept: KeptSecret) -> Self {
        Self {
            id: kept.id,
            client: kept.client,
            created_at: kept.created_at,
            last_used_at: kept.last_used_at,
            expires_at: kept.expires_at,
        }
    }
}

impl KeptSecret {
    /// Whether it is still good.
    pub fn is_good(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}
