//! Failed sign-ins of the minutes that are not over yet: one row for an account, a block of addresses and a minute, which
//! counts. Each becomes one event when its minute is over.

use crate::{
    base::time::Instant,
    domain::event::{Event, EventRecord},
    store::{
        db::{Change, Db, WriteTx, statements},
        error::Result,
        events,
    },
};

statements! {
    /// Counts one: minute, account, block, how many rows a minute may have. What there is no room for is counted together.
    pub COUNT: (Instant, String, String, i64) => (i64,) =
        "INSERT INTO sign_in_failures (minute, account, block, count)
         SELECT $1, CASE WHEN fits THEN $2 ELSE '*' END, CASE WHEN fits THEN $3 ELSE '' END, 1
         FROM (SELECT EXISTS (SELECT 1 FROM sign_in_failures WHERE minute = $1 AND account = $2 AND block = $3)
             OR (SELECT COUNT(*) FROM (SELECT 1 FROM sign_in_failures WHERE minute = $1 LIMIT $4) counted) < $4 AS fits
           ) room
         WHERE fits IS NOT NULL
         ON CONFLICT (minute, account, block) DO UPDATE SET count = sign_in_failures.count + 1
         RETURNING count";
    /// Those of minutes that began before an instant: when, limit.
    OVER: (Instant, i64) => (Instant, String, String) =
        "SELECT minute, account, block FROM sign_in_failures WHERE minute < $1 ORDER BY minute LIMIT $2";
    TAKE: (Instant, String, String) => (i64,) =
        "DELETE FROM sign_in_failures WHERE minute = $1 AND account = $2 AND block = $3 RETURNING count";
}

/// The account of rows that are about no account that somebody has.
pub const UNKNOWN: &str = "";
/// The account of the row that counts what there was no room for.
pub const MANY: &str = "*";

/// A row by its key: minute, account, block.
pub type Key = (Instant, String, String);

/// The rows of minutes that began before an instant, so many at most.
pub async fn over(db: &Db, before: Instant, limit: i64) -> Result<Vec<Key>> {
    db.read_all(OVER, (before, limit)).await
}

/// Turns a row into its event. False when somebody else did it before.
#[derive(Debug)]
pub struct Tell {
    /// The row.
    pub key: Key,
    /// The event, which does not know yet how many there were.
    pub event: EventRecord,
}

impl Change for Tell {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let Some((counted,)) = tx.one(TAKE, self.key.clone()).await? else {
            return Ok(false);
        };
        let mut record = self.event.clone();
        if let Event::SignInFailed { count, .. } = &mut record.event {
            *count = counted;
        }
        events::record(tx, &record).await?;
        Ok(true)
    }
}
