//! What resource servers must refuse although it has not expired: sessions, single tokens, clients, keys.

pub mod message;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::base::{id::DeviceSessionId, time::Instant};

/// What a revocation names: the kind, and the id as bytes (a session's, a `jti`, a client's, a `kid`).
pub type Name = (String, Vec<u8>);

/// The kind of a device session.
pub const SESSION: &str = "session";
/// The kind of a single access token.
pub const TOKEN: &str = "token";
/// The kind of a client: its tokens without a session.
pub const CLIENT: &str = "client";
/// The kind of a signing key: whatever it signed, at any time.
pub const KEY: &str = "key";

/// A revocation in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// The session of a single token.
    pub session: Option<DeviceSessionId>,
    /// What was issued at this time or before is refused; for a key everything is.
    pub issued_before: Instant,
    /// Until when somebody may hold what is revoked.
    pub until: Instant,
    /// When it was recorded.
    pub recorded_at: Instant,
}

impl Revocation {
    /// Whether it refuses more than `other`, or for longer.
    pub fn reaches_beyond(&self, other: &Self) -> bool {
        self.issued_before > other.issued_before || self.until > other.until
    }

    /// Everything that either refuses.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            session: self.session.or(other.session),
            issued_before: self.issued_before.max(other.issued_before),
            until: self.until.max(other.until),
            recorded_at: self.recorded_at.max(other.recorded_at),
        }
    }
}

/// The id as it stands in tokens: `sid`, `jti`, `client_id`, or `kid` in the header. Nothing for what a newer version wrote.
pub fn id_in_tokens((kind, id): &Name) -> Option<String> {
    match kind.as_str() {
        SESSION => {
            let bytes = id.as_slice().try_into().ok()?;
            Some(DeviceSessionId::from_bytes(bytes).to_string())
        }
        TOKEN => Some(Base64UrlUnpadded::encode_string(id)),
        CLIENT | KEY => String::from_utf8(id.clone()).ok(),
        _ => None,
    }
}
