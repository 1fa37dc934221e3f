//! JSON objects of servers and of the store, read with limits.

use serde_json::{Map, Value};

/// An object. Whatever is not exactly that is `None`, also what is nested too deep.
pub(crate) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    if bytes.len() > 1 << 20 {
        return None;
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Text that is not empty and not longer than a token may be.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = object.get(name)?.as_str()?;
    (1..=16384).contains(&text.len()).then_some(text)
}

pub(crate) fn owned(object: &Map<String, Value>, name: &str) -> Option<String> {
    text(object, name).map(str::to_owned)
}

/// A whole number, also one that is written as text, as some servers do.
pub(crate) fn number(object: &Map<String, Value>, name: &str) -> Option<i64> {
    match object.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

pub(crate) fn flag(object: &Map<String, Value>, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// Whether a list of texts has one.
pub(crate) fn lists(object: &Map<String, Value>, name: &str, member: &str) -> bool {
    let list = object.get(name).and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|value| value.as_str() == Some(member)))
}
