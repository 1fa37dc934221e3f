//! Facts about the database itself, and the version numbers of what nodes hold in memory.

use crate::store::db::statements;

/// The name of the root secret's check value.
pub const ROOT_CHECK: &str = "root_check";

/// How long the fingerprint is that the check value begins with.
const FINGERPRINT: usize = 8;

/// The fingerprint of the root secret that a check value is of: it begins with it, and the rest is sealed.
pub fn fingerprint(root_check: &[u8]) -> Option<String> {
    let (fingerprint, _sealed) = root_check.split_at_checked(FINGERPRINT)?;
    Some(String::from_utf8_lossy(fingerprint).into_owned())
}

statements! {
    /// Remembers a fact once.
    pub INSERT: (&'static str, Vec<u8>) => () =
        "INSERT INTO facts (name, value) VALUES ($1, $2)";
    /// A fact.
    pub FIND: (&'static str,) => (Vec<u8>,) =
        "SELECT value FROM facts WHERE name = $1";
    /// Raises the number of something held in memory: every change of it does.
    pub RAISE_VERSION: (&'static str,) => () =
        "UPDATE versions SET value = value + 1 WHERE name = $1";
    /// The number now.
    pub VERSION: (&'static str,) => (i64,) =
        "SELECT value FROM versions WHERE name = $1";
}
