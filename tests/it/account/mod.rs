//! The person's own pages, and what ends what.

mod backchannel_logout;
mod browser_session;
mod csrf;
mod ending;
mod late_password;
mod logout;
mod overview;
mod password;

/// As SQLite's `lower(hex(x))` shows it.
fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("a digit");
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
