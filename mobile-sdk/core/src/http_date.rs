//! Dates of HTTP (RFC 9110 section 5.6.7), the one form that is in use.

/// `Sun, 06 Nov 1994 08:49:37 GMT` in milliseconds since 1970.
pub(crate) fn date(text: &str) -> Option<i64> {
    let mut parts = text.trim().split([' ', ':']);
    let mut next = || parts.next();
    next()?;
    let day: i64 = next()?.parse().ok()?;
    let month = match next()? {
        "Jan" => 1,
        "Feb" => 2,
        "Mar" => 3,
        "Apr" => 4,
        "May" => 5,
        "Jun" => 6,
        "Jul" => 7,
        "Aug" => 8,
        "Sep" => 9,
        "Oct" => 10,
        "Nov" => 11,
        "Dec" => 12,
        _ => return None,
    };
    let year: i64 = next()?.parse().ok()?;
    let hour: i64 = next()?.parse().ok()?;
    let minute: i64 = next()?.parse().ok()?;
    let second: i64 = next()?.parse().ok()?;
    let fits = (1..=31).contains(&day) && (1970..=9999).contains(&year);
    let fits = fits && (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    if !fits || next()? != "GMT" {
        return None;
    }
    let seconds = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1000)
}

/// Days since 1970-01-01 in the Gregorian calendar; the year begins in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}
