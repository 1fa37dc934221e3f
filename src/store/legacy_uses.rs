//! Who still uses what is going to end.

use serde::Serialize;

use crate::{
    base::time::Instant,
    store::{
        db::{Db, statements},
        error::Result,
    },
};

statements! {
    /// Counts a use: the route, the caller, now.
    pub COUNT: (String, String, Instant) => () =
        "INSERT INTO legacy_uses (route, caller, uses, first_at, last_at) VALUES ($1, $2, 1, $3, $3)
         ON CONFLICT (route, caller) DO UPDATE SET uses = legacy_uses.uses + 1, last_at = excluded.last_at";
    LIST: (i64,) => (String, String, i64, Instant, Instant) =
        "SELECT route, caller, uses, first_at, last_at FROM legacy_uses ORDER BY route, caller LIMIT $1";
}

/// A route that is going to end, and one who uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegacyUse {
    /// The method and path.
    pub route: String,
    /// Who.
    pub caller: String,
    /// How often.
    pub uses: i64,
    /// When for the first time.
    pub first_at: Instant,
    /// When for the last time.
    pub last_at: Instant,
}

/// All of them, so many at most.
pub async fn list(db: &Db, limit: i64) -> Result<Vec<LegacyUse>> {
    let rows = db.read_all(LIST, (limit,)).await?;
    let read = |(route, caller, uses, first_at, last_at)| LegacyUse {
        route,
        caller,
        uses,
        first_at,
        last_at,
    };
    Ok(rows.into_iter().map(read).collect())
}
