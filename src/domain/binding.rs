//! What a session is bound to, and the proof that a request made (RFC 9449).

use crate::base::{digest::Digest, time::Instant};

/// The SHA-256 thumbprint of a public key (RFC 7638): `jkt`.
pub type Thumbprint = Digest;

/// A DPoP proof that has been checked in everything but what only the session knows: which key it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The key that signed it.
    pub key: Thumbprint,
    /// When it was made: the issue time of the server nonce in it, else its `iat`.
    pub made_at: Instant,
}

/// Whether a stolen refresh token is worth anything by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Whoever holds the token may use it.
    Bearer,
    /// Only who proves this key.
    Key(Thumbprint),
}

impl Binding {
    /// From the nullable column.
    pub fn from_column(key: Option<Thumbprint>) -> Self {
        key.map_or(Self::Bearer, Self::Key)
    }
}
