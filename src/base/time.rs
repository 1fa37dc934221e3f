//! Time as an argument: instants in milliseconds since 1970, lifetimes, and the clock that only edges hold.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Instant(i64);

impl Instant {
    /// The instant that many milliseconds after 1970.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970: the `NumericDate` of RFC 7519 section 2.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_add(lifetime.0))
    }

    /// This much earlier.
    #[must_use]
    pub fn minus(self, lifetime: Lifetime) -> Self {
        Self(self.0.saturating_sub(lifetime.0))
    }

    /// How long after `earlier`; nothing when it is not after it.
    pub fn since(self, earlier: Self) -> Lifetime {
        Lifetime(self.0.saturating_sub(earlier.0).max(0))
    }

    /// The instant of a text such as `2026-11-22T10:00:00Z` (RFC 3339), with any offset.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = at.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis).ok().map(Self)
    }

    /// As `2026-11-22T10:00:00Z` (RFC 3339), to the second.
    pub fn to_rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_default()
    }

    /// As `Sun, 22 Nov 2026 10:00:00 GMT` (RFC 9110 section 5.6.7).
    pub fn to_http_date(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .and_then(|at| at.format(HTTP_DATE).ok())
            .unwrap_or_default()
    }
}

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A length of time in milliseconds, never negative; written as `90d`, `12h`, `5m`, `60s` or `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(i64);

/// A text that is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a whole number with a unit: 90d, 12h, 5m, 60s or 250ms")]
pub struct LifetimeError;

const UNITS: [(&str, i64); 5] = [
    ("ms", 1),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
];

impl Lifetime {
    /// That many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// That many seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self::from_millis(seconds * 1000)
    }

    /// That many days.
    pub const fn from_days(days: i64) -> Self {
        Self::from_secs(days * 86_400)
    }

    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, as `expires_in` and `Max-Age` want them.
    pub const fn seconds(self) -> i64 {
        self.0 / 1000
    }

    /// For timers.
    pub fn to_std(self) -> Duration {
        Duration::from_millis(self.0.unsigned_abs())
    }
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        let text = text.trim();
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number.trim_end(), *factor)))
            .ok_or(LifetimeError)?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(LifetimeError);
        }
        let number: i64 = number.parse().map_err(|_| LifetimeError)?;
        // A thousand years is beyond anything that a setting means, and keeps sums far from overflow.
        number
            .checked_mul(factor)
            .filter(|millis| *millis <= 365_000 * 86_400_000)
            .map(Self)
            .ok_or(LifetimeError)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coarsest = UNITS[1..]
            .iter()
            .find(|(_, factor)| self.0 != 0 && self.0 % factor == 0);
        let (unit, factor) = coarsest.unwrap_or(&UNITS[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// What time it is. Held by the `Provider` and by edges; what is below them takes `now` as an argument.
///
/// On a cluster this is the **database's** time: the machine's clock plus an offset that every poll measures, so that what
/// nodes write compares. Clones share the offset. Where a measurement moves the offset back, time does so by that much:
/// ages are computed with [`Instant::since`], which is never negative, and rows are compared with what was bound. Small
/// steps are harmless; a node that is far off is not ready.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
    offset: Arc<AtomicI64>,
}

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::of(Source::System)
    }

    /// A clock that stands still until it is moved. For tests.
    pub fn manual(start: Instant) -> Self {
        Self::of(Source::Manual(Arc::new(AtomicI64::new(start.millis()))))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            offset: Arc::default(),
        }
    }

    /// The present instant, in database time.
    pub fn now(&self) -> Instant {
        Instant(self.own().0.saturating_add(self.offset()))
    }

    /// The present instant by the machine's own clock. For measuring: nothing is written with it.
    pub fn own(&self) -> Instant {
        match &self.source {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "the one place where time enters")]
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Instant(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Manual(millis) => Instant(millis.load(Ordering::SeqCst)),
        }
    }

    /// By how many milliseconds the database's clock is ahead of the machine's; negative when it is behind.
    pub fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Takes a measurement: the database's clock was `ahead` milliseconds of what this one said when the question was
    /// sent, and the answer was here a `round_trip` later. The database looked somewhere between the two, so half of
    /// that is the best guess. An offset that the round trip alone explains stays: it would only tremble.
    pub fn measure(&self, ahead: i64, round_trip: Lifetime) {
        let least = ahead.saturating_sub(round_trip.millis());
        if !(least..=ahead).contains(&self.offset()) {
            let offset = ahead.saturating_sub(round_trip.millis() / 2);
            self.offset.store(offset, Ordering::Relaxed);
        }
    }

    /// Moves a manual clock forward; the machine's clock cannot be moved.
    pub fn advance(&self, by: Lifetime) {
        if let Source::Manual(millis) = &self.source {
            millis.fetch_add(by.millis(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_back_what_they_show() {
        let at = Instant::from_millis(1_800_000_000_000);
        assert_eq!(Instant::from_rfc3339(&at.to_rfc3339()), Some(at));
        assert_eq!(Instant::from_rfc3339("2027-01-15T09:00:00.000+01:00"), Some(at));
        for text in [
            "",
            "2027-01-15",
            "2027-01-15T09:00:00",
            "yesterday",
            "1800000000000",
        ] {
            assert_eq!(Instant::from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn lifetimes_read_back_what_they_show() {
        for text in ["90d", "12h", "5m", "60s", "250ms", "0ms"] {
            let parsed: Lifetime = text.parse().expect(text);
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "5 parsecs",
            "1.5h",
            "99999999999999999999d",
            "9999999999d",
        ] {
            assert_eq!(text.parse::<Lifetime>(), Err(LifetimeError), "{text}");
        }
    }
    #[test]
    fn a_measurement_halves_the_round_trip_out_and_what_it_explains_changes_nothing() {
        let clock = Clock::manual(Instant::from_millis(1_000_000));
        let shared = clock.clone();
        // (ahead, round trip, the offset from then on)
        for (ahead, round_trip, offset) in [
            (0, 40, 0),
            (5_000, 100, 4_950),
            (4_960, 20, 4_950),
            (4_949, 20, 4_939),
            (-90_000, 0, -90_000),
            (i64::MIN, 10, i64::MIN),
            (0, 0, 0),
        ] {
            clock.measure(ahead, Lifetime::from_millis(round_trip));
            assert_eq!(shared.offset(), offset, "{ahead} in {round_trip}");
            assert_eq!(shared.now().millis(), 1_000_000i64.saturating_add(offset));
            assert_eq!(shared.own().millis(), 1_000_000);
        }
    }
}
