//! Scopes (RFC 6749 section 3.3): parsed once, kept sorted and without doubles.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Asks for an ID token (OpenID Connect Core section 3.1.2.1).
pub const OPENID: &str = "openid";
/// The person's name (OpenID Connect Core section 5.4).
pub const PROFILE: &str = "profile";
/// The person's email address (OpenID Connect Core section 5.4).
pub const EMAIL: &str = "email";
/// The session outlives the browser's (OpenID Connect Core section 11).
pub const OFFLINE_ACCESS: &str = "offline_access";
/// The maker's other apps on the device sign in by this one (OpenID Connect Native SSO for Mobile Apps 1.0 section 3.1).
pub const DEVICE_SSO: &str = "device_sso";
/// Follows the revocation stream. Only services get it, from the operator, and only the issuer understands it.
pub const REVOCATIONS: &str = "revocations";

/// What an app asks a person for, in the order in which the person is told.
pub const OF_PEOPLE: [&str; 4] = [OPENID, PROFILE, EMAIL, OFFLINE_ACCESS];
/// What a token for any API may carry besides what the API understands: those and what only some apps have.
pub const OF_ISSUER: [&str; 5] = [OPENID, PROFILE, EMAIL, OFFLINE_ACCESS, DEVICE_SSO];

/// A set of scope tokens; its text form is the tokens in order, one space between.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeSet(BTreeSet<String>);

/// Why a text is no list of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scopes are words of printable ASCII without \" and \\, at most 64 of them and 1000 characters")]
pub struct ScopeError;

impl ScopeSet {
    /// Whether `scope` is in the set.
    pub fn has(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether no scope is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every scope of this set is in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The scopes of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The set without this scope.
    #[must_use]
    pub fn without(&self, scope: &str) -> Self {
        Self(self.0.iter().filter(|own| *own != scope).cloned().collect())
    }

    /// The scopes that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<&'static str> for ScopeSet {
    /// Of scopes that we name ourselves.
    fn from_iter<I: IntoIterator<Item = &'static str>>(scopes: I) -> Self {
        Self(scopes.into_iter().map(str::to_owned).collect())
    }
}

impl FromStr for ScopeSet {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        // RFC 6749 appendix A.4: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
        let token = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if text.len() > 1000 {
            return Err(ScopeError);
        }
        let tokens: BTreeSet<String> = text
            .split(' ')
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
            .collect();
        if tokens.len() > 64 || !tokens.iter().all(|t| t.bytes().all(token)) {
            return Err(ScopeError);
        }
        Ok(Self(tokens))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            write!(f, "{}{token}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_reads_back(text in "\\PC{0,80}|[!-~ ]{0,1100}") {
            if let Ok(scopes) = text.parse::<ScopeSet>() {
                prop_assert!(text.is_ascii() && !text.contains(['"', '\\']) && text.len() <= 1000);
                prop_assert_eq!(scopes.to_string().parse(), Ok(scopes.clone()));
                let said: BTreeSet<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
                prop_assert!(scopes.iter().eq(said), "the words that were said, and no others");
            }
        }
    }
}
