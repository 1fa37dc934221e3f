//! Jobs that one process does for all that share the database: who has it, until when, and how far it came.

use crate::{
    base::{id::NodeId, time::Instant},
    store::{
        db::{Db, WriteTx, statements},
        error::Result,
    },
};

statements! {
    /// Takes a job that nobody has (any more), or keeps it: name, holder, now, until when. No row: another has it.
    CLAIM: (&'static str, String, Instant, Instant) => (Option<Vec<u8>>,) =
        "INSERT INTO jobs (name, holder, held_until) VALUES ($1, $2, $4)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
         WHERE jobs.held_until <= $3 OR jobs.holder = excluded.holder
         RETURNING cursor";
    REMEMBER: (&'static str, String, Option<Vec<u8>>) => (String,) =
        "UPDATE jobs SET cursor = $3 WHERE name = $1 AND holder = $2 RETURNING name";
}

/// A job that this process has.
#[derive(Debug)]
pub struct Claimed {
    /// How far it came, in the job's own terms; nothing at its beginning.
    pub cursor: Option<Vec<u8>>,
}

/// Takes the job called `name` until an instant, or keeps it until then; nothing when another process has it. Who
/// stops in the midst of a job loses it by time, so each step of a job has to be right whoever else does it.
pub async fn claim(
    db: &Db,
    name: &'static str,
    holder: NodeId,
    now: Instant,
    until: Instant,
) -> Result<Option<Claimed>> {
    let row = db.execute(CLAIM, (name, holder.to_string(), now, until)).await?;
    Ok(row.map(|(cursor,)| Claimed { cursor }))
}

/// Remembers how far the job came, for whoever goes on, within a change. False when another process has it by now.
pub(super) async fn remember_within(
    tx: &mut WriteTx<'_>,
    name: &'static str,
    holder: NodeId,
    cursor: Option<Vec<u8>>,
) -> Result<bool> {
    let row = tx.one(REMEMBER, (name, holder.to_string(), cursor)).await?;
    Ok(row.is_some())
}
