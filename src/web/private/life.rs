//! The life of versions and routes: they are deprecated (RFC 9745), they have a last day (RFC 8594), then they are gone.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::base::time::Instant;

/// A version of the admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// As in its paths.
    pub name: &'static str,
    /// How long it lives.
    pub life: Life,
}

impl Version {
    /// Every version that is served.
    pub const ALL: &'static [Self] = &[Self {
        name: "v1",
        life: Life::UNBOUNDED,
    }];
}

/// How long something lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Life {
    /// Since when nobody should begin to use it.
    pub deprecated: Option<Instant>,
    /// From when on it is not there any more.
    pub sunset: Option<Instant>,
    /// What takes its place: a path.
    pub successor: Option<&'static str>,
}

impl Life {
    /// Nobody knows of an end.
    pub const UNBOUNDED: Self = Self {
        deprecated: None,
        sunset: None,
        successor: None,
    };

    /// The life of something within something else.
    #[must_use]
    pub fn within(self, outer: Self) -> Self {
        let earlier = |one: Option<Instant>, other: Option<Instant>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            deprecated: earlier(self.deprecated, outer.deprecated),
            sunset: earlier(self.sunset, outer.sunset),
            successor: self.successor.or(outer.successor),
        }
    }

    /// Whether its end is known: its uses are counted.
    pub fn is_legacy(&self) -> bool {
        self.deprecated.is_some() || self.sunset.is_some()
    }

    /// Whether it is over.
    pub fn is_gone(&self, now: Instant) -> bool {
        self.sunset.is_some_and(|sunset| sunset <= now)
    }

    /// Says so in an answer.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let mut add = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(HeaderName::from_static(name), value);
            }
        };
        if let Some(at) = self.deprecated {
            add("deprecation", format!("@{}", at.seconds()));
        }
        if let Some(at) = self.sunset {
            add("sunset", at.to_http_date());
        }
        if let Some(path) = self.successor {
            add("link", format!("<{path}>; rel=\"successor-version\""));
        }
    }
}
