//! How many live sessions each version of each app has. Counted by the walk over all sessions, since a count that every
//! opening and end keeps right would be a row that all of them wait for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::{ClientId, NodeId},
        time::Instant,
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        error::Result,
        jobs,
    },
};

/// How many versions of an app are counted by their names at a stride: an app may say anything.
const MOST: i64 = 1000;

statements! {
    /// Adds what a part of the walk has met: client, version, how many, now, how many versions at most.
    ADD: (ClientId, String, i64, Instant, i64) => () =
        "INSERT INTO app_versions (client_id, app_version, sessions, so_far, counted_at)
         SELECT $1, $2, 0, $3, $4 WHERE (SELECT COUNT(*) FROM app_versions WHERE client_id = $1) < $5
           OR EXISTS (SELECT 1 FROM app_versions WHERE client_id = $1 AND app_version = $2)
         ON CONFLICT (client_id, app_version) DO UPDATE SET so_far = app_versions.so_far + excluded.so_far";
    /// A walk begins: what one before it has left behind that came to no end is not of this one.
    BEGIN_COUNT: () => () =
        "UPDATE app_versions SET so_far = 0 WHERE so_far > 0";
    /// The walk is done: now.
    FINISH_COUNT: (Instant,) => () =
        "UPDATE app_versions SET sessions = so_far, so_far = 0, counted_at = $1";
    FORGET_COUNTED: () => () =
        "DELETE FROM app_versions WHERE sessions = 0 AND so_far = 0";
    COUNTS: () => (ClientId, String, i64, Instant) =
        "SELECT client_id, app_version, sessions, counted_at FROM app_versions WHERE sessions > 0
         ORDER BY sessions DESC, client_id, app_version LIMIT 1000";
    COUNTS_OF: (ClientId,) => (ClientId, String, i64, Instant) =
        "SELECT client_id, app_version, sessions, counted_at FROM app_versions WHERE client_id = $1 AND sessions > 0
         ORDER BY sessions DESC, app_version LIMIT 1000";
}

/// How many live sessions a version has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionCount {
    /// Which app.
    pub client: ClientId,
    /// Which version; nothing for those that say none.
    pub app_version: Option<String>,
    /// How many.
    pub sessions: i64,
    /// When the count was finished.
    pub counted_at: Instant,
}

/// The versions with the most sessions, of one app or of all.
pub async fn list(db: &Db, client: Option<&ClientId>) -> Result<Vec<VersionCount>> {
    let rows = match client {
        Some(client) => db.read_all(COUNTS_OF, (client.clone(),)).await?,
        None => db.read_all(COUNTS, ()).await?,
    };
    let count = |(client, version, sessions, counted_at): (ClientId, String, i64, Instant)| VersionCount {
        client,
        app_version: Some(version).filter(|version| !version.is_empty()),
        sessions,
        counted_at,
    };
    Ok(rows.into_iter().map(count).collect())
}

/// A part of the walk over all sessions: what it has met, and how far it came. False, and nothing is written, when another
/// process has the job by now.
#[derive(Debug)]
pub struct Walked {
    /// The job's name.
    pub job: &'static str,
    /// Who walks.
    pub holder: NodeId,
    /// Whether this is its first part.
    pub is_new: bool,
    /// How far it came; nothing when it is done.
    pub cursor: Option<Vec<u8>>,
    /// Live sessions by client and version.
    pub met: BTreeMap<(ClientId, String), i64>,
    /// When.
    pub now: Instant,
}

impl Change for Walked {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        if !jobs::remember_within(tx, self.job, self.holder, self.cursor.clone()).await? {
            return Ok(false);
        }
        if self.is_new {
            tx.run(BEGIN_COUNT, ()).await?;
        }
        for ((client, version), number) in &self.met {
            tx.run(ADD, (client.clone(), version.clone(), *number, self.now, MOST))
                .await?;
        }
        if self.cursor.is_none() {
            tx.run(FINISH_COUNT, (self.now,)).await?;
            tx.run(FORGET_COUNTED, ()).await?;
        }
        Ok(true)
    }
}
