//! The configuration as text: the settings in force, and the file that `postern init` writes.

use super::errors::Source;

/// A setting that was read.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// Its full name.
    pub(super) name: &'static str,
    /// Its value as written in TOML; nothing when it must not be shown.
    pub(super) value: Option<String>,
    /// Where that comes from.
    pub(super) source: Source,
}

/// `name = value  # source`, a line each, the sources below each other.
pub(super) fn lines(settings: &[Shown]) -> String {
    let line = |shown: &Shown| match &shown.value {
        Some(value) => format!("{} = {value}", shown.name),
        None => format!("{} = \"[secret]\"", shown.name),
    };
    // One long value must not push all sources to the right.
    let width = settings
        .iter()
        .map(|shown| line(shown).chars().count())
        .filter(|length| *length <= 60)
        .max();
    let width = width.unwrap_or_default();
    let all: Vec<_> = settings
        .iter()
        .map(|shown| format!("{:width$}  # {}", line(shown), shown.source))
        .collect();
    all.join("\n") + "\n"
}

/// The sections of the default file with every setting commented out but the public URL.
pub(super) fn default_file(defaults: &str, public_url: &str) -> String {
    let settings = defaults
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<_> = settings
        .map(|line| {
            if line.starts_with('[') {
                format!("\n{line}\n")
            } else if line.starts_with("public_url =") {
                format!("public_url = \"{public_url}\"\n")
            } else {
                format!("# {line}\n")
            }
        })
        .collect();
    format!("{HEAD}{}", lines.concat())
}

const HEAD: &str = "\
# The configuration of this Postern server. A line that begins with # shows a default; remove the # to change it.
#
#   postern config show --defaults   what every setting does, and why its default is what it is
#   postern config check --show      whether this file is right, and what is in force
#
# Every setting is also an environment variable, which wins: POSTERN__TOKENS__ACCESS_TOKEN=10m
";
