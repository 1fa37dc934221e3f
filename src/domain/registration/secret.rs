//! The two tokens of registration: 256 random bits each, shown once and kept as a digest.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;

use crate::{
    base::{digest::Digest, entropy::Entropy, id::RegistrationTokenId, secret::Secret, time::Instant},
    domain::scope::ScopeSet,
};

/// Longer than any that we make.
const LONGEST: usize = 256;

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Secret<String>);

        impl $name {
            /// What each begins with, for secret scanners and log redaction.
            pub const PREFIX: &'static str = $prefix;

            /// A new one.
            pub fn new(entropy: &Entropy) -> Self {
                let random = Secret::new(entropy.bytes::<32>());
                let text = format!("{}{}", $prefix, Base64UrlUnpadded::encode_string(random.expose()));
                Self(Secret::new(text))
            }

            /// What somebody presents; nothing when it cannot be one.
            pub fn presented(text: &str) -> Option<Self> {
                let looks_right = text.len() <= LONGEST && text.starts_with($prefix);
                looks_right.then(|| Self(Secret::new(text.to_owned())))
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

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[secret]")
            }
        }
    )*};
}

tokens! {
    /// Lets somebody register a client (RFC 7591 section 3).
    InitialAccessToken = "pst_it_";
    /// Lets a client see, change and remove its own registration (RFC 7592).
    RegistrationAccessToken = "pst_ra_";
}

/// An initial access token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptInitialAccessToken {
    /// Its name.
    pub id: RegistrationTokenId,
    /// What it is found by.
    #[serde(skip)]
    pub digest: Digest,
    /// The most that its clients may ask for; nothing is what everybody may.
    pub scope: Option<ScopeSet>,
    /// How many clients it lets in yet; nothing is any number.
    pub uses_left: Option<i64>,
    /// When it was made.
    pub created_at: Instant,
    /// When it ends.
    pub expires_at: Option<Instant>,
}
