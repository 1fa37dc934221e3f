//! A running copy of a resource server that follows the revocation stream, under the name that it drew at its start.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::base::time::{Instant, Lifetime};

/// The name of a copy: whatever it drew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct InstanceName(String);

/// A text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("instance: draw a name of 1 to 64 of the characters A-Z a-z 0-9 - _ at the start of the program")]
pub struct InstanceNameError;

impl FromStr for InstanceName {
    type Err = InstanceNameError;

    fn from_str(text: &str) -> Result<Self, InstanceNameError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InstanceNameError)
        }
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for InstanceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// What a resource server does when the stream is down for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenDown {
    /// It refuses every request.
    Refuse,
    /// It asks the server about each token (RFC 7662), and refuses those about which it cannot ask.
    Introspect,
    /// It accepts what has not expired.
    Accept,
}

impl WhenDown {
    const ALL: [Self; 3] = [Self::Refuse, Self::Introspect, Self::Accept];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Introspect => "introspect",
            Self::Accept => "accept",
        }
    }

    /// The choice with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == text)
    }
}

/// The choice of a resource server for when the stream is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down {
    /// What it does.
    pub choice: WhenDown,
    /// When it has heard of no newer poll for this long.
    pub after: Lifetime,
}

/// How old the poll may be that a heartbeat tells of when it arrives.
const UNDER_WAY: Lifetime = Lifetime::from_secs(6);

impl Down {
    /// The shortest and the longest time that may be chosen.
    pub const AFTER: std::ops::RangeInclusive<Lifetime> = Lifetime::from_secs(6)..=Lifetime::from_secs(3600);

    /// By when somebody refuses what ended before `at` who has heard of no poll since: he does what he chose, or what
    /// ended has expired by itself.
    pub fn refuses_by(self, at: Instant, until: Instant) -> Instant {
        match self.choice {
            WhenDown::Accept => until,
            WhenDown::Refuse | WhenDown::Introspect => at.plus(UNDER_WAY).plus(self.after).min(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_hears_nothing_does_what_he_chose_or_what_ended_expires() {
        let at = Instant::from_millis(0);
        let seconds = |choice, after, until: i64| {
            let after = Lifetime::from_secs(after);
            let until = Instant::from_millis(until * 1000);
            Down { choice, after }.refuses_by(at, until).seconds()
        };
        assert_eq!(seconds(WhenDown::Refuse, 30, 420), 36);
        assert_eq!(seconds(WhenDown::Introspect, 3600, 420), 420);
        assert_eq!(seconds(WhenDown::Accept, 30, 420), 420);
    }

    proptest! {
        #[test]
        fn a_name_is_what_needs_no_escaping_anywhere(text in "\\PC{0,70}") {
            let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            let parsed = text.parse::<InstanceName>();
            prop_assert_eq!(parsed.is_ok(), plain && (1..=64).contains(&text.len()));
            if let Ok(name) = parsed {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
