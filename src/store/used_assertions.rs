//! Assertions that were used once and are never taken again (RFC 7523 section 3, rule 7). Only who could sign one gets a row.

use crate::{
    base::{digest::Digest, time::Instant},
    store::db::statements,
};

statements! {
    /// Uses an assertion up: whose and which, and when it expires. No row: it was used before.
    pub USE: (Digest, Instant) => (Digest,) =
        "INSERT INTO used_assertions (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING
         RETURNING digest";
    /// Forgets those that expired before an instant, so many at most. No row: none was left.
    pub SWEEP: (Instant, i64) => (Digest,) =
        "DELETE FROM used_assertions
         WHERE expires_at < $1 AND digest IN (SELECT digest FROM used_assertions WHERE expires_at < $1 LIMIT $2)
         RETURNING digest";
}
