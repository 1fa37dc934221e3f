//! The clock of this crate, the one place that reads it: everything below takes `now` as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, which the times in a token are compared with (`NumericDate`, RFC 7519 section 2).
///
/// A clock set before 1970 reads as 0, at which every token comes from the future: all are refused.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: an API has no other clock than its machine's"
)]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// What the age of keys is measured by; never goes back.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: an API has no other clock than its machine's"
)]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
