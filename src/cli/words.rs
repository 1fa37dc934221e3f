//! Numbers in words: times as people say them, and how much ended.

use std::path::Path;

use crate::{base::time::Lifetime, store::ending::Ended};

pub(super) use crate::base::words::{ago, count};

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

/// What stands before a command that is named to be run next.
const NAMED: [&str; 6] = ["see", "run", "with", "and", "it", "through"];

/// A text in which the commands to be run next (see `postern ...`) have these flags, too; not one that is run beside a server.
pub(super) fn with_place(text: &str, flags: &str) -> String {
    if flags.is_empty() {
        return text.to_owned();
    }
    let mut parts = text.split("`postern ");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (command, rest) = part.split_once('`').unwrap_or((part, ""));
        let before = all.split_whitespace().next_back().unwrap_or_default();
        let is_next = NAMED.contains(&before) && !command.contains("...") && !rest.starts_with(" beside");
        let flags = if is_next { flags } else { "" };
        all = format!("{all}`postern {command}{flags}`{rest}");
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_be_run_next_are_told_where_things_are() {
        for (text, told) in [
            (
                "no client; see `postern client list`",
                "no client; see `postern client list --data d`",
            ),
            (
                "see `postern session ends`, and `postern session cancel-end men_1`",
                "see `postern session ends --data d`, and `postern session cancel-end men_1 --data d`",
            ),
            (
                "it was not made by `postern init`",
                "it was not made by `postern init`",
            ),
            (
                "see `postern client list` beside the server",
                "see `postern client list` beside the server",
            ),
            ("nothing", "nothing"),
        ] {
            assert_eq!(with_place(text, " --data d"), told);
            assert_eq!(with_place(text, ""), text);
        }
    }

    #[test]
    fn lengths_of_time_are_told_in_the_unit_that_fits() {
        for (millis, words) in [(0, "< 1 ms"), (1, "1 ms"), (1234, "1.2 s"), (10_000, "10 s")] {
            assert_eq!(took(Lifetime::from_millis(millis)), words);
        }
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, words) in [(1, "1 KiB"), (1_572_864, "1.5 MiB"), (5_905_580_032, "5.5 GiB")] {
            assert_eq!(size(bytes), words);
        }
    }
}
