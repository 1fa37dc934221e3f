//! A client's secret (RFC 6749 section 2.3.1): 256 random bits, shown once and kept as a digest. Two may be good at a time,
//! so that a new one is in place everywhere before the old one stops.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;

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
/// Nothing longer is compared.
const LONGEST: usize = 256;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptSecret {
    /// Its name.
    pub id: ClientSecretId,
    /// Whose.
    pub client: ClientId,
    /// What it is compared by.
    #[serde(skip)]
    pub digest: Digest,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last used, to the day.
    pub last_used_at: Option<Instant>,
    /// When it ends.
    pub expires_at: Option<Instant>,
}

impl KeptSecret {
    /// Whether it is still good.
    pub fn is_good(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}
