//! An admin who is signed in to the console.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::{
    base::{
        digest::Digest,
        entropy::Entropy,
        id::{DeviceSessionId, UserId},
        secret::Secret,
        text::Email,
        time::{Instant, Lifetime},
    },
    domain::role::Role,
};

/// How long ago the password may have been given before a dangerous act.
pub const FRESH: Lifetime = Lifetime::from_secs(300);

/// What the cookie begins with, for log redaction.
const PREFIX: &str = "pst_as_";

/// A live session at the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSession {
    /// The device session of the console's client which it hangs on.
    pub id: DeviceSessionId,
    /// Who.
    pub user: UserId,
    /// The address that they sign in with.
    pub email: Email,
    /// What they may do, as it is now.
    pub role: Role,
    /// When they proved who they are.
    pub auth_time: Instant,
    /// When it was last used, to the minute.
    pub last_seen_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
}

impl AdminSession {
    /// Whether the password was given lately enough for a dangerous act.
    pub fn is_fresh(&self, now: Instant) -> bool {
        now.since(self.auth_time) <= FRESH
    }
}

/// What the browser holds: 256 random bits, of which a digest is kept.
pub struct AdminCookie(Secret<String>);

impl AdminCookie {
    /// A new one.
    pub fn new(entropy: &Entropy) -> Self {
        let random = Secret::new(entropy.bytes::<32>());
        let text = format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(random.expose()));
        Self(Secret::new(text))
    }

    /// What a browser presents; nothing when it is longer than any.
    pub fn presented(text: String) -> Option<Self> {
        (text.len() <= 64).then(|| Self(Secret::new(text)))
    }

    /// What is kept.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose().as_bytes())
    }

    /// The text, for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for AdminCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
