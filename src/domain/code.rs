//! The authorization code (RFC 6749 section 4.1.2): a device session's id and a secret drawn before Allow.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::base::{digest::Digest, id::DeviceSessionId, secret::Secret};

const PREFIX: &str = "pst_ac_";

/// A code as it is shown once, in a redirect.
#[derive(Clone)]
pub struct Code {
    /// The session that it opens.
    pub session: DeviceSessionId,
    secret: Secret<[u8; 16]>,
}

impl Code {
    /// The code of a session with its 128-bit secret.
    pub fn new(session: DeviceSessionId, secret: Secret<[u8; 16]>) -> Self {
        Self { session, secret }
    }

    /// What the row keeps.
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret.expose())
    }

    /// The text for the redirect. VSCHAR only (RFC 6749 appendix A.11).
    pub fn expose(&self) -> String {
        self.expose_as(PREFIX)
    }

    /// A code as a client presents it; nothing when it is not shaped like one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_as(PREFIX, text)
    }

    /// The text of a code of another kind, which says so by its prefix.
    pub(super) fn expose_as(&self, prefix: &str) -> String {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.session.to_bytes());
        bytes[16..].copy_from_slice(self.secret.expose());
        format!("{prefix}{}", Base64UrlUnpadded::encode_string(&bytes))
    }

    /// A code of the kind that this prefix says.
    pub(super) fn parse_as(prefix: &str, text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let decoded = Base64UrlUnpadded::decode(text.strip_prefix(prefix)?, &mut bytes).ok()?;
        let (session, secret) = decoded.split_at_checked(16)?;
        let session = DeviceSessionId::from_bytes(session.try_into().ok()?);
        Some(Self {
            session,
            secret: Secret::new(secret.try_into().ok()?),
        })
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.session)
    }
}
