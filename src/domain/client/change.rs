//! A change of a client: its name and settings, as far as they are different from now on (RFC 7396).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Result, Value};

use super::{Client, ClientSettings};
use crate::base::text::DisplayName;

/// The settings that are different, with the name among them as `name`; null is as in a new client of the same kind. What is
/// not there stays, whatever it is by then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientChange(Map<String, Value>);

const NAME: &str = "name";

impl ClientChange {
    /// What makes the one of the other.
    pub fn between(
        before: (&DisplayName, &ClientSettings),
        after: (&DisplayName, &ClientSettings),
    ) -> Result<Self> {
        let (before, after) = (members(before.0, before.1)?, members(after.0, after.1)?);
        Ok(Self(difference(&before, &after)))
    }

    /// The names of what it changes.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// The settings that it changes, by their names.
    pub fn into_members(self) -> Map<String, Value> {
        self.0
    }

    /// What a client is called, and its settings, when this has been done.
    pub fn over(&self, client: &Client) -> Result<(DisplayName, ClientSettings)> {
        let mut all = members(&client.name, &client.settings)?;
        merge(&mut all, self.0.clone());
        for (setting, usual) in of(&ClientSettings::new(client.settings.kind))? {
            all.entry(setting).or_insert(usual);
        }
        let name = all.remove(NAME).unwrap_or_default();
        Ok((
            serde_json::from_value(name)?,
            serde_json::from_value(Value::Object(all))?,
        ))
    }
}

fn of(settings: &ClientSettings) -> Result<Map<String, Value>> {
    serde_json::from_value(serde_json::to_value(settings)?)
}

fn members(name: &DisplayName, settings: &ClientSettings) -> Result<Map<String, Value>> {
    let mut members = of(settings)?;
    members.insert(NAME.to_owned(), serde_json::to_value(name)?);
    Ok(members)
}

/// What has to be merged into the one to get the other.
fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let mut change: Map<_, _> = gone.map(|name| (name.clone(), Value::Null)).collect();
    for (name, new) in after {
        match (before.get(name), new) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                change.insert(name.clone(), difference(old, new).into());
            }
            (_, new) => {
                change.insert(name.clone(), new.clone());
            }
        }
    }
    change
}

/// RFC 7396 section 2.
fn merge(into: &mut Map<String, Value>, change: Map<String, Value>) {
    for (name, new) in change {
        let old = into.remove(&name);
        let new = match new {
            Value::Null => continue,
            Value::Object(change) => {
                let mut members = match old {
                    Some(Value::Object(old)) => old,
                    _ => Map::new(),
                };
                merge(&mut members, change);
                members.into()
            }
            other => other,
        };
        into.insert(name, new);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::json;

    use super::*;

    /// No null is anywhere: there it would say that something goes.
    fn object() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from)
        ];
        let value = leaf.prop_recursive(3, 12, 3, |inner| {
            let several = proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from);
            let named = btree_map("[abc]", inner, 0..3);
            prop_oneof![
                several,
                named.prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
            ]
        });
        btree_map("[abc]", value, 0..3).prop_map(|members| members.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_differs_makes_the_one_of_the_other(before in object(), after in object()) {
            let mut made = before.clone();
            merge(&mut made, difference(&before, &after));
            prop_assert_eq!(&made, &after);
            prop_assert!(difference(&after, &after).is_empty());
        }
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (mut object, change, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ] {
            if let (Some(object), Value::Object(change)) = (object.as_object_mut(), change) {
                merge(object, change);
            }
            assert_eq!(object, result);
        }
    }
}
