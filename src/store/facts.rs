//! Facts about the database itself, the version numbers of what nodes hold in memory, and the database's clock.

use std::collections::HashMap;

use crate::{
    base::time::{Clock, Instant},
    domain::event::EventRecord,
    store::{
        db::{Change, Db, WriteTx, statements},
        error::Result,
        events,
    },
};

/// The name of the root secret's check value.
pub const ROOT_CHECK: &str = "root_check";
/// The name of the settings that a server started with last.
pub const SETTINGS: &str = "settings";

/// How long the fingerprint is that the check value begins with.
const FINGERPRINT: usize = 8;

/// The fingerprint of the root secret that a check value is of, and what that secret sealed.
pub fn parts_of_root_check(check: &[u8]) -> Option<(String, &[u8])> {
    let (fingerprint, sealed) = check.split_at_checked(FINGERPRINT)?;
    Some((String::from_utf8_lossy(fingerprint).into_owned(), sealed))
}

statements! {
    /// Remembers a fact once.
    pub INSERT: (&'static str, Vec<u8>) => () =
        "INSERT INTO facts (name, value) VALUES ($1, $2)";
    REMEMBER: (&'static str, Vec<u8>) => () =
        "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    /// A fact.
    pub FIND: (&'static str,) => (Vec<u8>,) =
        "SELECT value FROM facts WHERE name = $1";
    /// Writes what is there already.
    TOUCH: (&'static str,) => () =
        "UPDATE facts SET value = value WHERE name = $1";
    /// Raises the number of something held in memory: every change of it does.
    pub RAISE_VERSION: (&'static str,) => () =
        "UPDATE versions SET value = value + 1 WHERE name = $1";
    VERSION: (&'static str,) => (i64,) =
        "SELECT value FROM versions WHERE name = $1";
    /// Every number, and how many milliseconds the database's clock is ahead of the time bound. The embedded one has no
    /// clock of its own.
    VERSIONS: (Instant,) => (String, i64, i64) =
        "SELECT name, value, "
        { sqlite: "$1", postgres: "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)" }
        " - $1 FROM versions";
}

/// Remembers the settings that a server starts with, and tells what is different.
#[derive(Debug)]
pub struct RememberSettings {
    /// As JSON.
    pub settings: Vec<u8>,
    /// The event, where anything is different.
    pub event: Option<EventRecord>,
}

impl Change for RememberSettings {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.run(REMEMBER, (SETTINGS, self.settings.clone())).await?;
        if let Some(event) = &self.event {
            events::record(tx, event).await?;
        }
        Ok(())
    }
}

/// The version number of one thing now.
pub async fn version(db: &Db, name: &'static str) -> Result<i64> {
    let found = db.read(VERSION, (name,)).await?;
    Ok(found.map_or(0, |(value,)| value))
}

/// The version numbers at one moment.
#[derive(Debug)]
pub struct Versions {
    /// That moment, by the database's clock: whatever is asked later sees everything that was committed before it.
    pub at: Instant,
    numbers: HashMap<String, i64>,
}

impl Versions {
    /// The number of `name`.
    pub fn of(&self, name: &str) -> i64 {
        self.numbers.get(name).copied().unwrap_or(0)
    }
}

/// Makes sure that the database takes changes: one whose disk is full, or that is read-only, answers all the same.
pub async fn prove_writable(db: &Db) -> Result<()> {
    db.execute(TOUCH, (ROOT_CHECK,)).await.map(drop)
}

/// Reads every version, and sets the clock by the database's.
pub async fn look(db: &Db, clock: &Clock) -> Result<Versions> {
    let sent = clock.own();
    let rows = db.read_all(VERSIONS, (sent,)).await?;
    let ahead = rows.first().map_or(0, |(_, _, ahead)| *ahead);
    if !rows.is_empty() {
        clock.measure(ahead, clock.own().since(sent));
    }
    Ok(Versions {
        at: Instant::from_millis(sent.millis().saturating_add(ahead)),
        numbers: rows.into_iter().map(|(name, value, _)| (name, value)).collect(),
    })
}
