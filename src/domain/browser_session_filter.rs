//! Which browser sessions a list shows.

use serde::{Deserialize, Serialize};

use crate::{
    base::{id::UserId, time::Instant},
    domain::session_filter::{CLOCKS, DevicePart},
};

/// What browser sessions have in common; each part that is there has to fit. They are the parts of a
/// [`SessionFilter`](crate::domain::session_filter::SessionFilter) that a browser has, under the same names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrowserSessionFilter {
    /// Whose they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What the browser's name has in it, in whatever case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DevicePart>,
    /// Not seen since this (milliseconds since 1970, like all times here).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_before: Option<Instant>,
    /// Seen at this or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_since: Option<Instant>,
    /// Begun before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_before: Option<Instant>,
    /// Begun at this or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_since: Option<Instant>,
}

/// What a filter looks at in a browser session.
#[derive(Debug, Clone, Copy)]
pub struct BrowserTraits<'a> {
    /// Whose it is.
    pub user: UserId,
    /// What the browser said it is.
    pub label: &'a str,
    /// When it was seen last.
    pub used_at: Instant,
    /// When it began.
    pub opened_at: Instant,
}

impl BrowserSessionFilter {
    /// Its parts by their names, as in JSON.
    pub const PARTS: [&str; 6] = [
        "user",
        "device",
        "used_before",
        "used_since",
        "opened_before",
        "opened_since",
    ];

    /// Whether a session fits.
    pub fn fits(&self, session: &BrowserTraits<'_>) -> bool {
        self.user.is_none_or(|user| user == session.user)
            && self.device.as_ref().is_none_or(|part| part.is_in(session.label))
            && self.used_before.is_none_or(|before| session.used_at < before)
            && self.used_since.is_none_or(|since| session.used_at >= since)
            && self.opened_before.is_none_or(|before| session.opened_at < before)
            && self.opened_since.is_none_or(|since| session.opened_at >= since)
    }

    /// When the ids of sessions that fit were drawn: from the first to before the second. An id is drawn when its session
    /// begins, so nothing else has to be looked at.
    pub fn drawn(&self) -> (Option<Instant>, Option<Instant>) {
        let since = self.opened_since.map(|since| since.minus(CLOCKS));
        let before = self.opened_before.map(|before| before.plus(CLOCKS));
        (since, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::Entropy;

    #[test]
    fn each_part_of_a_filter_counts() {
        let at = Instant::from_millis;
        let entropy = Entropy::seeded(1);
        let (user, other) = (UserId::new(at(1), &entropy), UserId::new(at(1), &entropy));
        let session = BrowserTraits {
            user,
            label: "Firefox on Linux",
            used_at: at(500),
            opened_at: at(100),
        };
        let cases = [
            ("user", user.to_string().into(), other.to_string().into()),
            ("device", "FIREFOX".into(), "Safari".into()),
            ("used_before", 501.into(), 500.into()),
            ("used_since", 500.into(), 501.into()),
            ("opened_before", 101.into(), 100.into()),
            ("opened_since", 100.into(), 101.into()),
        ];
        assert_eq!(
            cases.each_ref().map(|(part, ..)| *part),
            BrowserSessionFilter::PARTS
        );
        for (part, fits, fails) in cases {
            let of = |value: serde_json::Value| -> BrowserSessionFilter {
                serde_json::from_value(serde_json::json!({ part: value })).expect(part)
            };
            assert!(of(fits).fits(&session), "{part}");
            assert!(!of(fails).fits(&session), "{part}");
        }
        assert!(BrowserSessionFilter::default().fits(&session));
        assert!(serde_json::from_str::<BrowserSessionFilter>(r#"{"client":"notes"}"#).is_err());
    }
}
