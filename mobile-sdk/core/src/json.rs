//! JSON objects of servers and of the store, read with limits.

use std::ops::Deref;

use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::secret::{Draft, Secret};

/// An object that was read. It may hold tokens, so it is wiped.
pub(crate) struct Object(Map<String, Value>);

impl Deref for Object {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}

/// As text; the value is wiped.
pub(crate) fn write(mut value: Value) -> Secret {
    let mut text = Draft::default();
    // Neither the keys nor the writer can fail.
    let _written = serde_json::to_writer(&mut text, &value);
    wipe(&mut value);
    text.finish()
}

/// An object. Whatever is not exactly that is `None`, also what is nested too deep.
pub(crate) fn object(bytes: &[u8]) -> Option<Object> {
    if bytes.len() > 1 << 20 {
        return None;
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Some(Object(object)),
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

pub(crate) fn secret(members: &Map<String, Value>, name: &str) -> Option<Secret> {
    text(members, name).map(Secret::from)
}

/// Words with spaces between them, as scopes are written.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
