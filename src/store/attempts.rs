//! Failed tries, as buckets that drain: a try is taken before it is known whether it fails, and given back when not.
//! So parallel guesses cannot all be let in before the first is counted.

use crate::{
    base::{digest::Digest, time::Instant},
    store::db::statements,
};

statements! {
    /// Takes a try: bucket, now, how long one drains (ms), the fullest that still takes one. No row: refused.
    pub TAKE: (Digest, Instant, i64, Instant) => (Instant,) =
        "INSERT INTO attempts (bucket, empty_at) VALUES ($1, $2 + $3)
         ON CONFLICT (bucket) DO UPDATE
         SET empty_at = CASE WHEN attempts.empty_at > $2 THEN attempts.empty_at ELSE $2 END + $3
         WHERE attempts.empty_at <= $4
         RETURNING empty_at";
    /// When a full bucket is empty again.
    pub FIND: (Digest,) => (Instant,) =
        "SELECT empty_at FROM attempts WHERE bucket = $1";
    /// Gives a try back: bucket, how long one drains (ms).
    pub GIVE_BACK: (Digest, i64) => () =
        "UPDATE attempts SET empty_at = empty_at - $2 WHERE bucket = $1";
    /// Deletes buckets that are empty: now, how many at most. No row: none was left.
    pub SWEEP: (Instant, i64) => (Digest,) =
        "DELETE FROM attempts WHERE empty_at < $1 AND bucket IN (SELECT bucket FROM attempts WHERE empty_at < $1 LIMIT $2)
         RETURNING bucket";
}
