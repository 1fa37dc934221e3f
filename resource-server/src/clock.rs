//! The clocks of this crate, the one place that reads them: everything below takes `now` as an argument.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// What the age of the revocations is measured by: never goes back, nobody sets it, and it goes on while the machine
/// sleeps. An [`Instant`] does not on Linux: whoever wakes up after an hour would take what is an hour old for new.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Elsewhere the standard library has no such clock, so there a machine that sleeps may wake up with an old view for as
/// long as the stream needs to be seen broken.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn since_boot() -> Duration {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(monotonic);
    BEGAN.elapsed()
}
