//! Keys of the rings, sealed by the root secret. Nodes hold them in memory; every change raises the version that they
//! watch.

use crate::{
    base::{
        id::KeyId,
        time::{Instant, Lifetime},
    },
    domain::{
        event::EventRecord,
        key::{
            KeyInfo, KeyState, Ring,
            rotation::{Rotation, retired_before},
        },
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        ending,
        error::{Result, StoreError},
        events, facts,
        revocations::withdraw_key,
    },
};

/// The name of the keys' version.
pub const VERSION: &str = "keys";

type KeyRow = (
    String,
    String,
    String,
    Option<Instant>,
    Vec<u8>,
    Option<String>,
    Instant,
    i64,
    Option<Instant>,
);

statements! {
    INSERT: (String, &'static str, &'static str, Option<Instant>, Vec<u8>, Option<String>, Instant) => () =
        "INSERT INTO keys (id, ring, state, state_since, sealed, public, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    ALL_KEYS: () => KeyRow =
        "SELECT id, ring, state, state_since, sealed, public, created_at, longest_life, withdrawn_at FROM keys
         ORDER BY ring, created_at, id";
    ACCEPTED: () => KeyRow =
        "SELECT id, ring, state, state_since, sealed, public, created_at, longest_life, withdrawn_at FROM keys
         WHERE state <> 'gone' ORDER BY ring, created_at, id";
    /// What the ring's keys make may live this long: never shortened, since it may have been longer before.
    pub OUTLIVE: (&'static str, i64) => () =
        "UPDATE keys SET longest_life = $2 WHERE ring = $1 AND state <> 'gone' AND longest_life < $2";
    /// The longest life of any access token that may be in force, in milliseconds.
    LONGEST_TOKEN: () => (i64,) =
        "SELECT COALESCE(MAX(longest_life), 0) FROM keys WHERE state <> 'gone' AND ring LIKE 'signing:%'";
    RETIRE: (String, Instant) => () =
        "UPDATE keys SET state = 'retiring', state_since = $2 WHERE id = $1 AND state = 'active'";
    ACTIVATE: (String, Instant) => () =
        "UPDATE keys SET state = 'active', state_since = $2 WHERE id = $1 AND state = 'next'";
    DESTROY: (String, Instant, Vec<u8>, Instant) => () =
        "UPDATE keys SET state = 'gone', state_since = $2, sealed = $3
         WHERE id = $1 AND state = 'retiring' AND state_since + longest_life <= $4";
    /// Whatever its state is: id, now, what is left of the secret half.
    pub(super) WITHDRAW: (String, Instant, Vec<u8>) => () =
        "UPDATE keys SET state = 'gone', state_since = $2, sealed = $3, withdrawn_at = $2
         WHERE id = $1 AND withdrawn_at IS NULL";
}

/// A key as it is stored.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// What it is and where it stands.
    pub info: KeyInfo,
    /// The secret, sealed by the root secret; empty when it is gone.
    pub sealed: Vec<u8>,
    /// The public half of a signing key as a JWK (RFC 7517); stays when the key is gone.
    pub public: Option<String>,
    /// When it was taken back: nothing that it signed counts any more.
    pub withdrawn_at: Option<Instant>,
}

/// Every key, also those that are gone.
pub async fn all(db: &Db) -> Result<Vec<StoredKey>> {
    db.read_all(ALL_KEYS, ()).await?.into_iter().map(read).collect()
}

/// The keys that are not gone.
pub async fn accepted(db: &Db) -> Result<Vec<StoredKey>> {
    db.read_all(ACCEPTED, ()).await?.into_iter().map(read).collect()
}

fn read(
    (id, ring, state, since, sealed, public, created_at, life, withdrawn_at): KeyRow,
) -> Result<StoredKey> {
    let info = KeyInfo {
        id: id.parse().map_err(|_| StoreError::corrupt("keys.id"))?,
        ring: Ring::parse(&ring).ok_or_else(|| StoreError::corrupt("keys.ring"))?,
        state: KeyState::from_columns(&state, since).ok_or_else(|| StoreError::corrupt("keys.state"))?,
        created_at,
        longest_life: Lifetime::from_millis(life),
    };
    Ok(StoredKey {
        info,
        sealed,
        public,
        withdrawn_at,
    })
}

/// When the last access token that was issued before `now` has expired everywhere: read in the transaction of the end, after
/// what ended, since another node may have let tokens live longer a moment ago. Not before `known`, which is what this node
/// makes of the settings.
pub(super) async fn revoked_until(tx: &mut WriteTx<'_>, now: Instant, known: Instant) -> Result<Instant> {
    let longest = longest(tx.one(LONGEST_TOKEN, ()).await?);
    Ok(known.max(ending::revoked_until(now, longest)))
}

/// The same of who asks about an end that was written: the longest life of any access token that may be in force.
pub async fn longest_access_token(db: &Db) -> Result<Lifetime> {
    Ok(longest(db.read(LONGEST_TOKEN, ()).await?))
}

fn longest(row: Option<(i64,)>) -> Lifetime {
    Lifetime::from_millis(row.map_or(0, |(life,)| life))
}

async fn insert(tx: &mut WriteTx<'_>, key: &StoredKey) -> Result<()> {
    let (state, since) = key.info.state.to_columns();
    let binds = (
        key.info.id.to_string(),
        key.info.ring.as_str(),
        state,
        since,
        key.sealed.clone(),
        key.public.clone(),
        key.info.created_at,
    );
    tx.run(INSERT, binds).await?;
    Ok(())
}

/// The first keys of an empty database, together with the check value of the root secret that seals them.
#[derive(Debug)]
pub struct FoundKeys {
    /// The check value.
    pub root_check: Vec<u8>,
    /// One active and one next key of each ring, each with its event.
    pub keys: Vec<(StoredKey, EventRecord)>,
}

impl Change for FoundKeys {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        tx.run(facts::INSERT, (facts::ROOT_CHECK, self.root_check.clone()))
            .await?;
        for (key, event) in &self.keys {
            insert(tx, key).await?;
            events::record(tx, event).await?;
        }
        Ok(())
    }
}

/// Moves a ring on, as a whole. A conflict when somebody else did it before.
#[derive(Debug)]
pub struct RotateRing {
    /// Keys that are gone at once.
    pub withdraw: Vec<KeyId>,
    /// Until when resource servers must refuse what these signed; nothing when they signed nothing.
    pub revoked_until: Option<Instant>,
    /// Who retires and who becomes active.
    pub rotation: Rotation,
    /// The new keys.
    pub keys: Vec<StoredKey>,
    /// When.
    pub now: Instant,
    /// What happened.
    pub events: Vec<EventRecord>,
}

impl Change for RotateRing {
    type Out = ();

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<()> {
        for key in &self.withdraw {
            step(withdraw_key(tx, *key, self.now, self.revoked_until).await?)?;
        }
        if let Some(key) = self.rotation.retire {
            step(tx.run(RETIRE, (key.to_string(), self.now)).await?)?;
        }
        if let Some(key) = self.rotation.activate {
            step(tx.run(ACTIVATE, (key.to_string(), self.now)).await?)?;
        }
        for key in &self.keys {
            insert(tx, key).await?;
        }
        for event in &self.events {
            events::record(tx, event).await?;
        }
        tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
        Ok(())
    }
}

/// A key that does not stand where it was read has been moved by somebody else.
fn step(moved: u64) -> Result<()> {
    if moved == 0 {
        return Err(StoreError::Conflict("the key ring has moved on".to_owned()));
    }
    Ok(())
}

/// Destroys the secret of a retiring key when everything that it made has expired; its public half stays. Whether it
/// was this that did it.
#[derive(Debug)]
pub struct DestroyKey {
    /// Which.
    pub id: KeyId,
    /// When.
    pub now: Instant,
    /// The event.
    pub event: EventRecord,
}

impl Change for DestroyKey {
    type Out = bool;

    async fn apply(&self, tx: &mut WriteTx<'_>) -> Result<bool> {
        let binds = (
            self.id.to_string(),
            self.now,
            Vec::new(),
            retired_before(self.now),
        );
        if tx.run(DESTROY, binds).await? == 0 {
            return Ok(false);
        }
        events::record(tx, &self.event).await?;
        tx.run(facts::RAISE_VERSION, (VERSION,)).await?;
        Ok(true)
    }
}
