//! The codes of the device authorization grant (RFC 8628): a long one for the device, a short one for the person who
//! types it in on something with a keyboard.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        digest::Digest,
        entropy::Entropy,
        id::{ClientId, DeviceSessionId},
        secret::Secret,
        time::Instant,
        url::Resource,
    },
    domain::{authorization_details::AuthorizationDetails, client::Client, code::Code, scope::ScopeSet},
};

const PREFIX: &str = "pst_dc_";

/// The device's code. It names the session to be, as an authorization code does, and is redeemed like one.
#[derive(Debug, Clone)]
pub struct DeviceCode(Code);

impl DeviceCode {
    /// A new code, with the id of the session that it may open.
    pub fn new(session: DeviceSessionId, entropy: &Entropy) -> Self {
        Self(Code::new(session, Secret::new(entropy.bytes())))
    }

    /// The session that it may open.
    pub fn session(&self) -> DeviceSessionId {
        self.0.session
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    /// The text for the device.
    pub fn expose(&self) -> String {
        self.0.expose_as(PREFIX)
    }

    /// A code as a device presents it; nothing when it is not shaped like one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        Code::parse_as(PREFIX, text).map(Self)
    }
}

/// Letters that are not mistaken for others and make no words (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// So many of them: 34 bits, which stand ten minutes against tries that are counted (RFC 8628 section 5.1).
const LENGTH: usize = 8;
/// The longest text that is looked at.
const MAX_TYPED: usize = 64;

/// The person's code, shown as `WDJB-MJHT`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserCode([u8; LENGTH]);

/// What was typed is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has eight letters, such as WDJB-MJHT")]
pub struct UserCodeError;

impl UserCode {
    /// A new random code.
    pub fn new(entropy: &Entropy) -> Self {
        Self(std::array::from_fn(|_| letter(entropy)))
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// Every letter is as likely as the others.
fn letter(entropy: &Entropy) -> u8 {
    const FAIR: u8 = 240;
    loop {
        let [byte] = entropy.bytes();
        if byte < FAIR {
            return LETTERS[usize::from(byte) % LETTERS.len()];
        }
    }
}

/// As people type: in small letters, with or without the hyphen, with spaces (RFC 8628 section 6.1).
impl FromStr for UserCode {
    type Err = UserCodeError;

    fn from_str(text: &str) -> Result<Self, UserCodeError> {
        if text.len() > MAX_TYPED {
            return Err(UserCodeError);
        }
        let typed = text.bytes().filter(u8::is_ascii_alphanumeric);
        let letters: Vec<u8> = typed.map(|byte| byte.to_ascii_uppercase()).collect();
        let letters: [u8; LENGTH] = letters.try_into().map_err(|_| UserCodeError)?;
        let is_one = letters.iter().all(|letter| LETTERS.contains(letter));
        is_one.then_some(Self(letters)).ok_or(UserCodeError)
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.iter().enumerate() {
            if place == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

/// Not the code itself: who reads it in a log could type it in.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

/// What a device asks for (RFC 8628 section 3.1), checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// The scopes.
    pub scope: ScopeSet,
    /// The API that the tokens are for (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// What it may do in finer grain (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
}

/// A device authorization that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The session that it may open.
    pub session: DeviceSessionId,
    /// Digest of the device's code.
    pub code: Digest,
    /// Which client asks.
    pub client: ClientId,
    /// For what.
    pub request: DeviceRequest,
    /// Until when it may be decided and redeemed.
    pub expires_at: Instant,
}

impl Waiting {
    /// Whether the client may still ask for this: an operator may have taken a scope or the API away meanwhile.
    pub fn is_allowed_for(&self, client: &Client) -> bool {
        let DeviceRequest {
            scope,
            resource,
            authorization_details,
        } = &self.request;
        self.client == client.id
            && client.allows_details(authorization_details)
            && scope.is_within(&client.settings.scope)
            && resource
                .as_ref()
                .is_none_or(|asked| client.allows_resource(asked.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code: UserCode = "WDJB-MJHT".parse().expect("a code");
        for typed in ["wdjbmjht", " wdjb mjht ", "W.D.J.B.M.J.H.T", "wdjb_mjht"] {
            assert_eq!(typed.parse(), Ok(code), "{typed}");
        }
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for typed in [
            "",
            "WDJB-MJH",
            "WDJB-MJHTT",
            "WDJB-MJHA",
            "WDJB-MJH0",
            "\u{fc}DJB-MJHT",
        ] {
            assert_eq!(typed.parse::<UserCode>(), Err(UserCodeError), "{typed}");
        }
        assert!(
            format!("{}{}", "WDJB-MJHT", "-".repeat(MAX_TYPED))
                .parse::<UserCode>()
                .is_err()
        );
    }

    #[test]
    fn codes_use_every_letter_and_read_back() {
        let entropy = Entropy::seeded(8);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let code = UserCode::new(&entropy);
            seen.extend(code.0);
            assert_eq!(code.to_string().parse(), Ok(code));
        }
        assert_eq!(seen.len(), LETTERS.len());
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_a_code_or_none(text in ".{0,80}") {
            if let Ok(code) = text.parse::<UserCode>() {
                prop_assert_eq!(code.to_string().parse(), Ok(code));
            }
        }
    }
}
