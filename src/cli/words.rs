//! Numbers in words: times as people say them, and how much ended.

use std::path::Path;

use crate::{
    base::time::{Instant, Lifetime},
    store::ending::Ended,
};

/// How long ago: `just now`, `3 minutes ago`, `2 days ago`; what is older than a month is told by its date.
pub(super) fn ago(at: Instant, now: Instant) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let seconds = now.since(at).seconds();
    match seconds {
        ..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => format!("{} ago", count(seconds / MINUTE, "minute")),
        HOUR..DAY => format!("{} ago", count(seconds / HOUR, "hour")),
        _ if seconds < 31 * DAY => format!("{} ago", count(seconds / DAY, "day")),
        _ => at.to_rfc3339(),
    }
}

/// How long something took.
pub(super) fn took(time: Lifetime) -> String {
    match time.millis() {
        0 => "< 1 ms".to_owned(),
        millis @ 1..1000 => format!("{millis} ms"),
        millis @ 1000..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        millis => format!("{} s", millis / 1000),
    }
}

/// How much ended, as a part of a sentence.
pub(super) fn ended(ended: Ended) -> String {
    let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
    match (ended.devices, ended.browsers) {
        (0, 0) => "no session was left to end".to_owned(),
        (devices, 0) => format!("ended {}", count(number(devices), "app session")),
        (0, browsers) => format!("ended {}", count(number(browsers), "browser session")),
        (devices, browsers) => format!(
            "ended {} and {}",
            count(number(devices), "app session"),
            count(number(browsers), "browser session")
        ),
    }
}

/// A number with its noun, in the plural where it is due.
pub(super) fn count(number: i64, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// How large something is.
pub(super) fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        ..MIB => format!("{} KiB", bytes.div_ceil(KIB)),
        MIB..GIB => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
        GIB.. => format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB),
    }
}

/// A path as it can be pasted into a shell.
pub(super) fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let now = Instant::from_millis(1_800_000_000_000);
        for (seconds, words) in [
            (0, "just now"),
            (60, "1 minute ago"),
            (7200, "2 hours ago"),
            (86_400, "1 day ago"),
            (-5, "just now"),
        ] {
            assert_eq!(
                ago(Instant::from_millis(now.millis() - seconds * 1000), now),
                words
            );
        }
        assert_eq!(ago(Instant::from_millis(0), now), "1970-01-01T00:00:00Z");
        assert_eq!(took(Lifetime::from_millis(1234)), "1.2 s");
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, words) in [(1, "1 KiB"), (1_572_864, "1.5 MiB"), (5_905_580_032, "5.5 GiB")] {
            assert_eq!(size(bytes), words);
        }
    }
}
