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

/// The session that is revoked, if it is one.
pub fn session_of((kind, id): &Name) -> Option<DeviceSessionId> {
    let is_session = kind == SESSION;
    let bytes = is_session.then(|| id.as_slice().try_into().ok())?;
    bytes.map(DeviceSessionId::from_bytes)
}

/// The id as it stands in tokens: `sid`, `jti`, `client_id`, or `kid` in the header. Nothing for what a newer version wrote.
pub fn id_in_tokens(name: &Name) -> Option<String> {
    let (kind, id) = name;
    match kind.as_str() {
        SESSION => session_of(name).map(|session| session.to_string()),
        TOKEN => Some(Base64UrlUnpadded::encode_string(id)),
        CLIENT | KEY => String::from_utf8(id.clone()).ok(),
        _ => None,
    }
}
