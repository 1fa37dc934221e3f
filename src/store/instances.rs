//! The running copies of resource servers that follow the revocation stream, and what each has acknowledged.

use crate::{
    base::{
        id::ClientId,
        time::{Instant, Lifetime},
    },
    domain::instance::{Down, InstanceName, WhenDown},
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        facts,
    },
};

/// The name of the number that whoever wants acknowledgements raises.
pub const CONFIRMATIONS: &str = "confirmations";

/// How many copies of one client there may be.
pub const MOST: i64 = 1000;
/// How many are listed at most.
const MANY: i64 = 100_000;

type Row = (
    ClientId,
    InstanceName,
    String,
    i64,
    Instant,
    Instant,
    Option<Instant>,
);

statements! {
    /// A copy opens the stream, or opens it again: client, name, down, down after, now, seen before which a copy does not
    /// count any more, most. No row: the client has too many.
    OPEN: (ClientId, InstanceName, &'static str, i64, Instant, Instant, i64) => (InstanceName,) =
        "INSERT INTO instances (client_id, name, down, down_after, opened_at, seen_at)
         SELECT $1, $2, $3, $4, $5, $5
         WHERE EXISTS (SELECT 1 FROM instances WHERE client_id = $1 AND name = $2)
            OR (SELECT CAST(COUNT(*) AS BIGINT) FROM instances WHERE client_id = $1 AND seen_at > $6) < $7
         ON CONFLICT (client_id, name) DO UPDATE SET down = excluded.down, down_after = excluded.down_after,
           opened_at = excluded.opened_at, seen_at = excluded.seen_at
         RETURNING name";
    /// Client, name, the begin of the poll, now. No row: no such copy of this client.
    ACKNOWLEDGE: (ClientId, InstanceName, Instant, Instant) => (InstanceName,) =
        "UPDATE instances SET seen_at = $4,
           acknowledged_at = CASE WHEN acknowledged_at > $3 THEN acknowledged_at ELSE $3 END
         WHERE client_id = $1 AND name = $2 RETURNING name";
    LEAVE: (ClientId, InstanceName) => (InstanceName,) =
        "DELETE FROM instances WHERE client_id = $1 AND name = $2 RETURNING name";
    /// Those that were seen after an instant, at most $2.
    SEEN_SINCE: (Instant, i64) => Row =
        "SELECT client_id, name, down, down_after, opened_at, seen_at, acknowledged_at FROM instances
         WHERE seen_at > $1 ORDER BY seen_at LIMIT $2";
    /// Deletes those that were not seen since an instant, so many at most. No row: none was left.
    pub DELETE_PAST: (Instant, i64) => (InstanceName,) =
        "DELETE FROM instances
         WHERE seen_at < $1 AND (client_id, name) IN
           (SELECT client_id, name FROM instances WHERE seen_at < $1 LIMIT $2)
         RETURNING name";
}

/// A copy of a resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Whose it is.
    pub client: ClientId,
    /// The name that it drew.
    pub name: InstanceName,
    /// What it does when the stream is down.
    pub down: Down,
    /// When it opened the stream.
    pub opened_at: Instant,
    /// When it opened it or acknowledged something last.
    pub seen_at: Instant,
    /// It refuses everything that was seen by a poll that began then.
    pub acknowledged_at: Option<Instant>,
}

/// A copy opens the stream. False when its client has too many that were seen after `since`.
pub async fn open(
    db: &Db,
    client: &ClientId,
    name: &InstanceName,
    down: Down,
    now: Instant,
    since: Instant,
) -> Result<bool> {
    let (choice, after) = (down.choice.as_str(), down.after.millis());
    let binds = (client.clone(), name.clone(), choice, after, now, since, MOST);
    Ok(db.execute(OPEN, binds).await?.is_some())
}

/// A copy refuses everything that a poll saw. False when this client has none with this name.
pub async fn acknowledge(
    db: &Db,
    client: &ClientId,
    name: &InstanceName,
    polled_at: Instant,
    now: Instant,
) -> Result<bool> {
    let binds = (client.clone(), name.clone(), polled_at, now);
    Ok(db.execute(ACKNOWLEDGE, binds).await?.is_some())
}

/// Nobody waits any more for a copy that has stopped. False when this client has none with this name.
pub async fn leave(db: &Db, client: &ClientId, name: &InstanceName) -> Result<bool> {
    Ok(db.execute(LEAVE, (client.clone(), name.clone())).await?.is_some())
}

/// Every copy that was seen after an instant.
pub async fn seen_since(db: &Db, since: Instant) -> Result<Vec<Instance>> {
    let rows = db.read_all(SEEN_SINCE, (since, MANY)).await?;
    rows.into_iter().map(read).collect()
}

fn read((client, name, down, after, opened_at, seen_at, acknowledged_at): Row) -> Result<Instance> {
    let choice = WhenDown::parse(&down).ok_or_else(|| StoreError::corrupt("instances.down"))?;
    let after = Lifetime::from_millis(after);
    Ok(Instance {
        client,
        name,
        down: Down { choice, after },
        opened_at,
        seen_at,
        acknowledged_at,
    })
}

/// Has every copy asked to acknowledge what is known by now.
#[derive(Debug)]
pub struct AskAll;

impl Change for AskAll {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.run(facts::RAISE_VERSION, (CONFIRMATIONS,)).await?;
        tx.notify();
        Ok(())
    }
}
