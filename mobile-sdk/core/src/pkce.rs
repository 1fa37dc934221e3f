//! Proof Key for Code Exchange (RFC 7636): S256, nothing else.

use crate::base64;

/// The challenge of a verifier (section 4.2).
pub(crate) fn challenge(verifier: &str) -> String {
    base64::digest(verifier.as_bytes())
}
