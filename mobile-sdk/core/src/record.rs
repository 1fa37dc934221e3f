//! What is stored, each record as a JSON object: `account/ID` is a session, `pending/FLOW` a sign-in that waits, `logout/FLOW` what
//! is left to do for a session that ends, and `default/APP` names the account that an app means when it names none.

use serde_json::{Map, Value};

use crate::json;

pub(crate) mod account;
pub(crate) mod pending;

/// The present schema. A newer one is left alone.
pub(crate) const SCHEMA: i64 = 1;

/// Whether a newer SDK has written a record.
pub(crate) fn is_newer(members: &Map<String, Value>) -> bool {
    json::number(members, "schema").is_some_and(|schema| schema > SCHEMA)
}
