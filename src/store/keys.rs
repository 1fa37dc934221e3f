//! Keys of the rings, sealed by the root secret.

use crate::{
    base::{id::KeyId, time::Instant},
    domain::{
        event::EventRecord,
        key::{KeyState, Ring},
    },
    store::{
        db::{Change, Db, WriteTx, statements},
        error::{Result, StoreError},
        events, facts,
    },
};

type KeyRow = (
    String,
    String,
    String,
    Option<Instant>,
    Vec<u8>,
    Option<String>,
    Instant,
);

statements! {
    INSERT: (String, &'static str, &'static str, Option<Instant>, Vec<u8>, Option<String>, Instant) => () =
        "INSERT INTO keys (id, ring, state, state_since, sealed, public, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    ALL_KEYS: () => KeyRow =
        "SELECT id, ring, state, state_since, sealed, public, created_at FROM keys ORDER BY ring, created_at, id";
}

/// A key as it is stored.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// Its `kid`.
    pub id: KeyId,
    /// Its ring.
    pub ring: Ring,
    /// Where it stands.
    pub state: KeyState,
    /// The secret, sealed by the root secret.
    pub sealed: Vec<u8>,
    /// The public half of a signing key as a JWK (RFC 7517).
    pub public: Option<String>,
    /// When it was made.
    pub created_at: Instant,
}

/// Every key, also those that are gone.
pub async fn all(db: &Db) -> Result<Vec<StoredKey>> {
    db.read_all(ALL_KEYS, ()).await?.into_iter().map(read).collect()
}

fn read((id, ring, state, since, sealed, public, created_at): KeyRow) -> Result<StoredKey> {
    Ok(StoredKey {
        id: id.parse().map_err(|_| StoreError::corrupt("keys.id"))?,
        ring: Ring::parse(&ring).ok_or_else(|| StoreError::corrupt("keys.ring"))?,
        state: KeyState::from_columns(&state, since).ok_or_else(|| StoreError::corrupt("keys.state"))?,
        sealed,
        public,
        created_at,
    })
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
            let (state, since) = key.state.to_columns();
            let ring = key.ring.as_str();
            let binds = (
                key.id.to_string(),
                ring,
                state,
                since,
                key.sealed.clone(),
                key.public.clone(),
                key.created_at,
            );
            tx.run(INSERT, binds).await?;
            events::record(tx, event).await?;
        }
        Ok(())
    }
}
