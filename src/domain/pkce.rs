//! PKCE with S256 only (RFC 7636). `plain` protects nothing against who can read the request.

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;

/// The `code_challenge`: SHA-256 of the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(Digest);

impl Challenge {
    /// In the place of a challenge, for a client that need not send one. No verifier has this digest, so none is taken.
    pub fn none() -> Self {
        Self(Digest::zero())
    }

    /// Whether a challenge was sent.
    pub fn is_some(self) -> bool {
        self != Self::none()
    }

    /// A challenge as the client sent it: 43 characters of base64url.
    pub fn parse(text: &str) -> Option<Self> {
        // Nobody sends "no challenge" as one.
        Digest::from_base64url(text)
            .map(Self)
            .filter(|sent| sent.is_some())
    }

    /// The challenge that `verifier` answers; nothing when it is no verifier (RFC 7636 section 4.1).
    pub fn of_verifier(verifier: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let valid = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
        valid.then(|| Self(Digest::of(verifier.as_bytes())))
    }

    /// What is stored.
    pub fn digest(self) -> Digest {
        self.0
    }
}
