//! The device secret of Native SSO (OpenID Connect Native SSO for Mobile Apps 1.0 section 3.2): 256 random bits that the
//! apps of one maker share on one device. It belongs to the device session that it came with, and ends with that.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::base::{digest::Digest, entropy::Entropy, secret::Secret};

const PREFIX: &str = "pst_ds_";

/// A secret as it is shown once, and as an app presents it.
#[derive(Clone)]
pub struct DeviceSecret(Secret<[u8; 32]>);

impl DeviceSecret {
    /// A new secret.
    pub fn new(entropy: &Entropy) -> Self {
        Self(Secret::new(entropy.bytes()))
    }

    /// What the row of the session keeps.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose())
    }

    /// The text for the app.
    pub fn expose(&self) -> Secret<String> {
        let text = format!("{PREFIX}{}", Base64UrlUnpadded::encode_string(self.0.expose()));
        Secret::new(text)
    }

    /// A secret as an app presents it; nothing when it is not shaped like one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let decoded = Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, &mut bytes).ok()?;
        let bytes = decoded.try_into().ok()?;
        Some(Self(Secret::new(bytes)))
    }

    /// What the ID token says of it (section 3.4.1): the left half of the text's SHA-256, as `at_hash` is made. It is not
    /// what the row keeps, of which an ID token that is shown around says nothing.
    pub fn ds_hash(&self) -> String {
        let digest = Digest::of(self.expose().expose().as_bytes());
        Base64UrlUnpadded::encode_string(&digest.as_bytes()[..16])
    }

    /// Whether an ID token with this `ds_hash` came with it; compared in constant time.
    pub fn came_with(&self, ds_hash: &str) -> bool {
        Digest::of(self.ds_hash().as_bytes()) == Digest::of(ds_hash.as_bytes())
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_reads_back_and_its_digest_is_not_what_an_id_token_says() {
        let (one, other) = (
            DeviceSecret::new(&Entropy::seeded(1)),
            DeviceSecret::new(&Entropy::seeded(2)),
        );
        let read = DeviceSecret::parse(one.expose().expose()).expect("a secret");
        assert_eq!(read.digest(), one.digest());
        assert!(read.came_with(&one.ds_hash()) && !other.came_with(&one.ds_hash()) && !one.came_with(""));
        assert!(!one.digest().to_base64url().starts_with(&one.ds_hash()));
        assert_eq!(format!("{one:?}"), "[secret]");
    }

    proptest! {
        #[test]
        fn whatever_is_presented_reads_as_one_text_or_not_at_all(text in "(pst_ds_)?[A-Za-z0-9_=+/-]{0,50}|\\PC{0,60}") {
            if let Some(secret) = DeviceSecret::parse(&text) {
                let shown = secret.expose();
                prop_assert_eq!(shown.expose(), &text);
            }
        }

        #[test]
        fn every_secret_has_its_text(bytes: [u8; 32]) {
            let text = DeviceSecret(Secret::new(bytes)).expose();
            prop_assert!(DeviceSecret::parse(text.expose()).is_some());
        }
    }
}
