//! Bytes that nobody prints and that are wiped when they are dropped.

use std::{fmt, io};

use zeroize::{Zeroize, Zeroizing};

/// A token, a verifier, a stored record, a body: whatever may hold a secret. It prints its length only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// What it holds.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it holds, for the host, which wipes it when it is done with it.
    pub fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// As text. What is not UTF-8 is empty: no token is.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same, in a time that does not say where they differ.
    pub(crate) fn is(&self, other: &[u8]) -> bool {
        self.0.len() == other.len() && self.0.iter().zip(other).fold(0, |found, (a, b)| found | (a ^ b)) == 0
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[secret of {} bytes]", self.0.len())
    }
}

/// A secret that is being written. Where it needs more room, what it had is wiped.
#[derive(Default)]
pub(crate) struct Draft(Zeroizing<Vec<u8>>);

impl Draft {
    pub(crate) fn push(&mut self, text: &str) {
        self.add(text.as_bytes());
    }

    fn add(&mut self, bytes: &[u8]) {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            let mut roomy = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2).max(1024)));
            roomy.extend_from_slice(&self.0);
            self.0 = roomy;
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn finish(mut self) -> Secret {
        Secret(std::mem::take(&mut *self.0))
    }
}

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
