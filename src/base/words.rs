//! Numbers and times as people say them, on pages and at the command line.

use crate::base::time::Instant;

/// A number with its noun, in the plural where it is due.
pub fn count(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// How long ago: `just now`, `3 minutes ago`, `2 days ago`, `1 month ago`.
pub fn ago(at: Instant, now: Instant) -> String {
    const HOUR: i64 = 60;
    const DAY: i64 = 24 * HOUR;
    const MONTH: i64 = 30 * DAY;
    const YEAR: i64 = 365 * DAY;
    let minutes = now.since(at).seconds() / 60;
    let time = match minutes {
        ..1 => return "just now".to_owned(),
        1..HOUR => count(minutes, "minute"),
        HOUR..DAY => count(minutes / HOUR, "hour"),
        DAY..MONTH => count(minutes / DAY, "day"),
        MONTH..YEAR => count(minutes / MONTH, "month"),
        _ => count(minutes / YEAR, "year"),
    };
    format!("{time} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        const DAY: i64 = 86_400;
        let now = Instant::from_millis(1_800_000_000_000);
        for (seconds, words) in [
            (-5, "just now"),
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (7200, "2 hours ago"),
            (DAY, "1 day ago"),
            (30 * DAY - 1, "29 days ago"),
            (30 * DAY, "1 month ago"),
            (365 * DAY - 1, "12 months ago"),
            (365 * DAY, "1 year ago"),
            (800 * DAY, "2 years ago"),
        ] {
            let at = Instant::from_millis(now.millis() - seconds * 1000);
            assert_eq!(ago(at, now), words, "{seconds}");
        }
    }
}
