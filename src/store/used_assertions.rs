//! Assertions that were used once and are never taken again (RFC 7523 section 3, rule 7). Only who could sign one gets a row,
//! and those whom nobody has checked get so many at most.

use crate::{
    base::{digest::Digest, time::Instant},
    store::{
        db::{Db, statements},
        error::Result,
    },
};

statements! {
    /// Uses an assertion up: whose and which, and when it expires. No row: it was used before.
    pub USE: (Digest, Instant) => (Digest,) =
        "INSERT INTO used_assertions (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING
         RETURNING digest";
    /// The same for a client that nobody has checked, unless there are so many of those: whose and which, its end, now, how
    /// many.
    USE_UNCHECKED: (Digest, Instant, Instant, i64) => (Digest,) =
        "INSERT INTO used_assertions (digest, expires_at, unchecked)
         SELECT $1, $2, 1
         WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM used_assertions WHERE unchecked <> 0 AND expires_at > $3 LIMIT $4) AS of_strangers) < $4
         ON CONFLICT (digest) DO NOTHING
         RETURNING digest";
    /// Whether it was used.
    FIND: (Digest,) => (Digest,) =
        "SELECT digest FROM used_assertions WHERE digest = $1";
    /// Forgets those that expired before an instant, so many at most. No row: none was left.
    pub SWEEP: (Instant, i64) => (Digest,) =
        "DELETE FROM used_assertions
         WHERE expires_at < $1 AND digest IN (SELECT digest FROM used_assertions WHERE expires_at < $1 LIMIT $2)
         RETURNING digest";
}

/// How many are remembered of all clients together that nobody has checked: anybody may make as many of those as there is
/// room for.
pub const MANY_OF_UNCHECKED: i64 = 10_000;

/// What came of using an assertion up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// It had not been used.
    First,
    /// It was used before.
    Again,
    /// Too many are remembered.
    NoRoom,
}

/// Uses up an assertion of a client that nobody has checked.
pub async fn use_unchecked(db: &Db, assertion: Digest, expires_at: Instant, now: Instant) -> Result<Used> {
    let binds = (assertion, expires_at, now, MANY_OF_UNCHECKED);
    if db.execute(USE_UNCHECKED, binds).await?.is_some() {
        return Ok(Used::First);
    }
    let before = db.read(FIND, (assertion,)).await?;
    Ok(before.map_or(Used::NoRoom, |_| Used::Again))
}
