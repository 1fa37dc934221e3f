//! A time on the command line: a date, or how long ago.

use std::str::FromStr;

use crate::base::time::{Instant, Lifetime};

/// As it was written; it is a time once it is known when the command was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A date with its time.
    At(Instant),
    /// So long before the command.
    Ago(Lifetime),
}

impl Moment {
    /// The time.
    pub(super) fn at(self, now: Instant) -> Instant {
        match self {
            Self::At(at) => at,
            Self::Ago(long) => now.minus(long),
        }
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date = Instant::from_rfc3339(text).map(Self::At);
        date.or_else(|| text.parse().map(Self::Ago).ok())
            .ok_or("write a time such as 2026-11-22T10:00:00Z, or how long ago, such as 2h or 30d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_how_long_ago() {
        let now = Instant::from_millis(1_800_000_000_000);
        let at = |text: &str| text.parse::<Moment>().map(|moment| moment.at(now));
        assert_eq!(at("2027-01-15T08:00:00Z"), Ok(now));
        assert_eq!(at("2h"), Ok(Instant::from_millis(now.millis() - 7_200_000)));
        assert!(at("tomorrow").is_err() && at("2").is_err() && at("-2h").is_err());
    }
}
