//! The name of a kind of event, for who asks for events of one kind: a name that none has would find nothing for ever.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::base::spelling::nearest;

/// Every kind, in the order of [`Event`](crate::domain::event::Event).
pub const KINDS: [&str; 40] = [
    "user.created",
    "user.disabled",
    "user.enabled",
    "user.role_changed",
    "user.password_changed",
    "user.signed_in",
    "user.sign_in_failed",
    "consent.granted",
    "consent.withdrawn",
    "session.opened",
    "session.ended",
    "mass_end.begun",
    "mass_end.done",
    "key.withdrawn",
    "refresh.slow_process",
    "refresh.fast_forwarded",
    "database.went_back",
    "revocation.rewritten",
    "key.forgery_suspected",
    "token.revoked",
    "message.undelivered",
    "client.added",
    "client.registered",
    "client.updated",
    "client.disabled",
    "registration_token.created",
    "registration_token.removed",
    "client.removed",
    "client.secret_created",
    "client.secret_rotated",
    "client.secret_removed",
    "client.secret_expiring",
    "key.created",
    "key.activated",
    "key.retired",
    "key.destroyed",
    "settings.changed",
    "audit.deleted",
    "audit.went_back",
    "database.restored",
];

/// How many of the known ones are named to who asks for another.
const NAMED: usize = 3;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventKind(&'static str);

impl EventKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for EventKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let known = KINDS.into_iter().find(|known| *known == text);
        known.map(Self).ok_or_else(|| UnknownKind {
            nearest: nearest(text, KINDS, NAMED),
        })
    }
}

/// A name that no kind has, with those that it may have been meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind {
    nearest: Vec<&'static str>,
}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no such kind of event; those with the nearest names are {}",
            self.nearest.join(", ")
        )
    }
}

impl std::error::Error for UnknownKind {}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::event::Event;

    #[test]
    fn every_name_is_a_kinds() {
        for kind in KINDS {
            let read = serde_json::from_value(json!({ "kind": kind }));
            assert!(!matches!(read, Ok(Event::Newer)), "{kind}");
            assert_eq!(kind.parse().map(EventKind::as_str), Ok(kind));
        }
    }

    #[test]
    fn who_misspells_one_is_told_of_the_nearest() {
        for (wrong, meant) in [
            ("session.end", "session.ended"),
            ("session.opend", "session.opened"),
            ("client.add", "client.added"),
            ("signed_in", "user.signed_in"),
        ] {
            let unknown = wrong.parse::<EventKind>().expect_err("unknown");
            assert!(unknown.nearest.contains(&meant), "{wrong}: {unknown}");
        }
        assert!("".parse::<EventKind>().is_err());
        assert!("x".repeat(100_000).parse::<EventKind>().is_err());
    }
}
