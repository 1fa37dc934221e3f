//! Names of settings, and the one that somebody probably meant.

use figment::value::{Dict, Value};

use crate::base::spelling::distance;

/// The full names of all values, and of sections without any.
pub(super) fn names(values: &Dict) -> Vec<String> {
    leaves(values).into_iter().map(|(name, _)| name).collect()
}

/// The same with the values.
pub(super) fn leaves(values: &Dict) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    collect(values, "", &mut found);
    found
}

fn collect<'a>(values: &'a Dict, above: &str, found: &mut Vec<(String, &'a Value)>) {
    for (key, value) in values {
        let name = join(above, key);
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => collect(inner, &name, found),
            _ => found.push((name, value)),
        }
    }
}

/// The name of `key` in the section `above`. A key that is not plain is quoted, as in TOML, so that
/// `"tokens.access_token"` in quotes is not taken for the setting.
pub(super) fn join(above: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let key = if plain { key.to_owned() } else { format!("{key:?}") };
    if above.is_empty() {
        key
    } else {
        format!("{above}.{key}")
    }
}

/// The known name that is nearest to `wrong`: a slip of the pen, or the right name in another section.
pub(super) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let (distance, name) = known.clone().map(|name| (distance(wrong, name), name)).min()?;
    if distance <= (wrong.chars().count() / 5).clamp(2, 4) {
        return Some(name);
    }
    let last = |name: &'a str| name.rsplit('.').next().unwrap_or(name);
    let wrong_last = wrong.rsplit('.').next().unwrap_or(wrong);
    let mut elsewhere = known.filter(|name| last(name) == wrong_last);
    // Two settings of that name in two sections would be a guess.
    elsewhere.next().filter(|_| elsewhere.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_or_another_section_is_recognised_and_a_guess_is_not_made() {
        let known = ["tokens.access_token", "server.listen", "a.same", "b.same"];
        for (wrong, meant) in [
            ("tokens.acces_token", Some("tokens.access_token")),
            ("token.access_tokens", Some("tokens.access_token")),
            ("\"tokens.access_token\"", Some("tokens.access_token")),
            ("listen", Some("server.listen")),
            ("http.listen", Some("server.listen")),
            ("elsewhere.entirely.same", None),
            ("something_else", None),
        ] {
            assert_eq!(nearest(wrong, known.into_iter()), meant, "{wrong}");
        }
    }
}
