//! `authorization_details` (RFC 9396): what an app may do in finer grain than a scope, such as one payment of 45 euros. Each
//! type is registered by the API that understands it, with the fields that it has; nothing else reads.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use crate::base::json::is_within;

/// A parameter has at most so many bytes: it travels sealed with the request, and a person has to read it.
const MAX_BYTES: usize = 1500;
/// Arrays and objects inside each other, from the list itself on.
const MAX_DEPTH: usize = 6;
const MAX_ENTRIES: usize = 8;
const MAX_NAME: usize = 64;
/// Where it may be used (RFC 9396 section 2.2).
const LOCATIONS: &str = "locations";
const TYPE: &str = "type";

/// A type with the fields that an entry of it may have (RFC 9396 section 2.1). Its text form is `NAME=FIELD,FIELD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationType {
    name: String,
    fields: BTreeSet<String>,
}

/// A text that describes no type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write NAME=FIELD,FIELD: names of at most 64 letters, digits and . _ : / -, such as payment=amount,creditor"
)]
pub struct BadType;

impl AuthorizationType {
    /// Its `type`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same type as another API describes it: with the fields of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.fields.extend(other.fields);
        self
    }
}

impl FromStr for AuthorizationType {
    type Err = BadType;

    fn from_str(text: &str) -> Result<Self, BadType> {
        let is_name = |name: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:/-".contains(&b);
            !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(plain)
        };
        let (name, fields) = text.split_once('=').ok_or(BadType)?;
        let fields: BTreeSet<String> = fields.split(',').map(str::to_owned).collect();
        let good = is_name(name) && fields.iter().all(|field| is_name(field) && field != TYPE);
        let name = name.to_owned();
        good.then_some(Self { name, fields }).ok_or(BadType)
    }
}

impl fmt::Display for AuthorizationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        write!(f, "{}={}", self.name, fields.join(","))
    }
}

impl Serialize for AuthorizationType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AuthorizationType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// What was asked for or allowed: entries of registered types.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<Map<String, Value>>);

/// What is wrong with the parameter. The texts are for the developer of the client; none of them holds what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDetails {
    /// It is something else, or too much.
    #[error(
        "authorization_details is a JSON list of 1 to {MAX_ENTRIES} objects, of at most {MAX_BYTES} bytes in all and {MAX_DEPTH} levels"
    )]
    Unreadable,
    /// A type that nobody registered, or that this client may not use.
    #[error("authorization_details has an entry whose type is none that this app is registered for")]
    Type,
    /// A field that the type does not have.
    #[error("authorization_details has an entry with a field that its type does not have")]
    Field,
    /// An API that the client may not get tokens for.
    #[error("locations in authorization_details are APIs that this app is registered for")]
    Location,
    /// A character that would make a person read something else than what is there.
    #[error("authorization_details has a character that cannot be shown")]
    Character,
}

impl AuthorizationDetails {
    /// Reads the parameter; `known` knows the types that the client may use, `is_api` the APIs.
    pub fn parse(
        text: &str,
        known: impl Fn(&str) -> Option<AuthorizationType>,
        is_api: impl Fn(&str) -> bool,
    ) -> Result<Self, BadDetails> {
        let details = Self::read(text)?;
        for entry in &details.0 {
            let name = entry.get(TYPE).and_then(Value::as_str).ok_or(BadDetails::Type)?;
            let known = known(name).ok_or(BadDetails::Type)?;
            if entry
                .keys()
                .any(|field| field != TYPE && !known.fields.contains(field))
            {
                return Err(BadDetails::Field);
            }
            if !entry.iter().all(|(name, value)| can_be_shown(name, value)) {
                return Err(BadDetails::Character);
            }
            let is_right = match entry.get(LOCATIONS) {
                None => true,
                // An entry for no API at all would be allowed by a person, and reach nobody.
                Some(Value::Array(all)) => {
                    !all.is_empty() && all.iter().all(|each| each.as_str().is_some_and(&is_api))
                }
                Some(_) => false,
            };
            if !is_right {
                return Err(BadDetails::Location);
            }
        }
        Ok(details)
    }

    fn read(text: &str) -> Result<Self, BadDetails> {
        if !is_within(text, MAX_BYTES, MAX_DEPTH) {
            return Err(BadDetails::Unreadable);
        }
        let details: Self = serde_json::from_str(text).map_err(|_| BadDetails::Unreadable)?;
        let count = 1..=MAX_ENTRIES;
        let is_right = count.contains(&details.0.len()) && details.travels();
        is_right.then_some(details).ok_or(BadDetails::Unreadable)
    }

    /// Whether it is the same when it comes back as we write it. Numbers may grow by that (`1e15`), or lose a digit.
    fn travels(&self) -> bool {
        let written = self.to_parameter().unwrap_or_default();
        written.len() <= MAX_BYTES && serde_json::from_str(&written).is_ok_and(|again: Self| again == *self)
    }

    /// Less of what was allowed (RFC 9396 section 6.1): entries that stand in it as they are.
    pub fn narrowed(&self, text: &str) -> Option<Self> {
        let asked = Self::read(text).ok()?;
        asked
            .0
            .iter()
            .all(|entry| self.0.contains(entry))
            .then_some(asked)
    }

    /// What of it is for this API: entries that name it, and those that name none.
    #[must_use]
    pub fn at(&self, api: &str) -> Self {
        let is_here = |entry: &&Map<String, Value>| match entry.get(LOCATIONS) {
            Some(Value::Array(all)) => all.iter().any(|each| each.as_str() == Some(api)),
            _ => true,
        };
        Self(self.0.iter().filter(is_here).cloned().collect())
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The types of its entries.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| entry.get(TYPE)?.as_str())
    }

    /// The parameter that asks for the same.
    pub fn to_parameter(&self) -> Option<String> {
        let text = || serde_json::to_string(self).ok();
        if self.is_empty() { None } else { text() }
    }

    /// Every entry for a person to read: its type, then each value with the path to it.
    pub fn rows(&self) -> Vec<(String, Vec<(String, String)>)> {
        let of_entry = |entry: &Map<String, Value>| {
            let mut rows = Vec::new();
            for (name, value) in entry.iter().filter(|(name, _)| *name != TYPE) {
                spell(name, value, &mut rows);
            }
            let name = entry.get(TYPE).and_then(Value::as_str).unwrap_or_default();
            (name.to_owned(), rows)
        };
        self.0.iter().map(of_entry).collect()
    }
}

/// Neither control characters nor those that turn the direction of what follows, or cannot be seen.
fn can_be_shown(name: &str, value: &Value) -> bool {
    let plain = |text: &str| {
        let hides = |c: char| {
            c.is_control()
                || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
                || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        };
        !text.chars().any(hides)
    };
    plain(name)
        && match value {
            Value::String(text) => plain(text),
            Value::Array(all) => all.iter().all(|each| can_be_shown("", each)),
            Value::Object(members) => members.iter().all(|(name, value)| can_be_shown(name, value)),
            _ => true,
        }
}

fn spell(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                spell(&format!("{path}.{name}"), value, rows);
            }
        }
        Value::Array(all) if !all.is_empty() => {
            for (index, value) in all.iter().enumerate() {
                spell(&format!("{path} {}", index + 1), value, rows);
            }
        }
        Value::String(text) => rows.push((path.to_owned(), text.clone())),
        other => rows.push((path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<AuthorizationDetails, BadDetails> {
        let known: AuthorizationType = "payment=amount,creditor,locations".parse().expect("a type");
        let named = |name: &str| (name == known.name()).then(|| known.clone());
        AuthorizationDetails::parse(text, named, |api| api == "https://api.example")
    }

    #[test]
    fn an_entry_has_the_fields_of_its_type_and_no_others() {
        let good = r#"[{"type":"payment","amount":{"value":45,"currency":"EUR"},"locations":["https://api.example"]}]"#;
        let read = parse(good).expect("right");
        let rows = read.rows();
        assert_eq!(rows[0].0, "payment");
        assert!(
            rows[0].1.contains(&("amount.value".to_owned(), "45".to_owned())),
            "{rows:?}"
        );
        assert!(
            rows[0]
                .1
                .contains(&("locations 1".to_owned(), "https://api.example".to_owned()))
        );
        assert_eq!(read.at("https://other.example"), AuthorizationDetails::default());
        assert_eq!(read.at("https://api.example"), read);
        for (bad, flaw) in [
            ("[]", BadDetails::Unreadable),
            ("{}", BadDetails::Unreadable),
            (r#"["payment"]"#, BadDetails::Unreadable),
            ("[{}]", BadDetails::Type),
            (r#"[{"type":7}]"#, BadDetails::Type),
            (r#"[{"type":"other"}]"#, BadDetails::Type),
            (r#"[{"type":"payment","admin":true}]"#, BadDetails::Field),
            (
                r#"[{"type":"payment","locations":["https://evil.example"]}]"#,
                BadDetails::Location,
            ),
            (
                r#"[{"type":"payment","locations":"https://api.example"}]"#,
                BadDetails::Location,
            ),
            (r#"[{"type":"payment","locations":[]}]"#, BadDetails::Location),
            (
                "[{\"type\":\"payment\",\"creditor\":\"a\u{202e}b\"}]",
                BadDetails::Character,
            ),
            (
                "[{\"type\":\"payment\",\"creditor\":{\"a\u{200b}\":1}}]",
                BadDetails::Character,
            ),
        ] {
            assert_eq!(parse(bad).err(), Some(flaw), "{bad}");
        }
        let many = format!("[{}]", [r#"{"type":"payment"}"#; 9].join(","));
        assert_eq!(parse(&many).err(), Some(BadDetails::Unreadable));
        let deep = format!(
            r#"[{{"type":"payment","amount":{}{}}}]"#,
            "[".repeat(5),
            "]".repeat(5)
        );
        assert_eq!(parse(&deep).err(), Some(BadDetails::Unreadable));
    }

    #[test]
    fn what_would_be_too_much_as_we_write_it_is_too_much() {
        let numbers = |count: usize| {
            format!(
                r#"[{{"type":"payment","amount":[{}]}}]"#,
                vec!["1e15"; count].join(",")
            )
        };
        assert!(parse(&numbers(10)).is_ok());
        assert!(numbers(200).len() < MAX_BYTES);
        assert_eq!(parse(&numbers(200)).err(), Some(BadDetails::Unreadable));
    }

    #[test]
    fn less_is_what_stands_in_it_as_it_is() {
        let one = r#"{"type":"payment","amount":1}"#;
        let two = r#"{"type":"payment","amount":2}"#;
        let both = parse(&format!("[{one},{two}]")).expect("right");
        assert_eq!(
            both.narrowed(&format!("[{two}]")),
            parse(&format!("[{two}]")).ok()
        );
        for more in [
            r#"[{"type":"payment","amount":3}]"#,
            r#"[{"type":"payment"}]"#,
            "[]",
            "x",
        ] {
            assert_eq!(both.narrowed(more), None, "{more}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_reads_back(text in "[ -~]{0,100}", name in "[a-z]{1,8}", value in "\\PC{0,20}") {
            let _ = parse(&text);
            let _ = text.parse::<AuthorizationType>();
            let mut entry = serde_json::json!({ "type": "payment" });
            entry[&name] = Value::String(value);
            if let Ok(read) = parse(&Value::Array(vec![entry]).to_string()) {
                let again = parse(&read.to_parameter().expect("something"));
                prop_assert_eq!(again, Ok(read));
            }
        }

        #[test]
        fn a_number_is_refused_or_stays_what_it_is(digits in "-?[1-9][0-9]{0,25}([.][0-9]{1,20})?(e-?[0-9]{1,3})?", count in 1..400_usize) {
            let amounts = vec![digits; count].join(",");
            let text = format!(r#"[{{"type":"payment","amount":[{amounts}]}}]"#);
            if let Ok(read) = parse(&text) {
                prop_assert_eq!(parse(&read.to_parameter().expect("something")), Ok(read));
            }
        }

        #[test]
        fn a_type_reads_back(text in "[a-z.:/_-]{1,20}=[a-z_]{1,8}(,[a-z_]{1,8}){0,3}") {
            if let Ok(known) = text.parse::<AuthorizationType>() {
                prop_assert_eq!(known.to_string().parse::<AuthorizationType>(), Ok(known));
            }
        }
    }
}
