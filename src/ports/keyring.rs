//! The rings that this node holds, and how it learns that they have moved on.
//!
//! A poll compares a version number with the database. Whoever finds that the last comparison was too long ago makes one
//! first, together with all others who wait for it; so a node whose poll hangs never signs with a key that is gone, and
//! a token that another node made with a newer key is not refused.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};
use postern_resource_server::Rejection;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    base::{
        seal::SealError,
        time::{Instant, Lifetime},
        url::Issuer,
    },
    domain::{key::rotation::RING_MAX_AGE, refresh_token::NotOurs},
    ports::{
        keys::{Keys, KeysError},
        vault::Vault,
    },
    store::{
        db::Db,
        error::StoreError,
        facts::{self, Versions},
        keys,
    },
};

/// A ring that was compared this long ago is taken as current when a value names a key that is not in it: a key is in the
/// database much longer before it is used. The poll of a healthy node keeps its rings younger than this, so that
/// invented key ids cost the database nothing.
const SURE_FOR: Lifetime = Lifetime::from_secs(5);
/// How long nobody tries again after the database could not be asked.
const PAUSE: Lifetime = Lifetime::from_secs(1);

/// The rings of this node.
pub struct Keyring {
    vault: Vault,
    issuer: Issuer,
    held: ArcSwap<Keys>,
    /// When they were last known to be the database's.
    compared_at: AtomicI64,
    /// Whoever has it compares.
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    version: i64,
    failed_at: Option<Instant>,
}

/// A refusal that may only mean that the key is newer than the ring.
pub trait NamesUnknownKey {
    /// Whether it does.
    fn names_unknown_key(&self) -> bool;
}

impl NamesUnknownKey for NotOurs {
    fn names_unknown_key(&self) -> bool {
        matches!(self, Self::UnknownKey)
    }
}

impl NamesUnknownKey for SealError {
    fn names_unknown_key(&self) -> bool {
        matches!(self, Self::UnknownKey)
    }
}

impl NamesUnknownKey for Rejection {
    fn names_unknown_key(&self) -> bool {
        matches!(self, Self::UnknownKey)
    }
}

impl Keyring {
    /// Reads the rings.
    pub async fn open(db: &Db, vault: Vault, issuer: Issuer, now: Instant) -> Result<Self, KeysError> {
        let version = facts::version(db, keys::VERSION).await?;
        let held = read(db, &vault, &issuer).await?;
        Ok(Self {
            vault,
            issuer,
            held: ArcSwap::from_pointee(held),
            compared_at: AtomicI64::new(now.millis()),
            last: Mutex::new(Last {
                version,
                failed_at: None,
            }),
        })
    }

    /// What this node holds.
    pub fn load(&self) -> Guard<Arc<Keys>> {
        self.held.load()
    }

    /// Seals new keys.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Reads the rings again when their version is another. Asked for by the poll, which has just read the versions.
    pub async fn follow(&self, db: &Db, versions: &Versions, now: Instant) -> Result<(), KeysError> {
        let version = versions.of(keys::VERSION);
        self.compare(self.last.lock().await, version, db, now).await
    }

    /// The same for whoever has not read the versions.
    pub async fn refresh(&self, db: &Db, now: Instant) -> Result<(), KeysError> {
        let last = self.last.lock().await;
        self.look_and_compare(last, db, now).await
    }

    /// Makes sure that this node holds the rings as the database had them a few seconds ago: what tokens are made with,
    /// and what is published.
    pub async fn ensure_recent(&self, db: &Db, now: Instant) -> Result<(), StoreError> {
        Ok(self.compared_within(RING_MAX_AGE, db, now).await?)
    }

    /// The verdict of `judge`, which is asked again with newer rings when it met a key that these do not have.
    pub async fn with_newer_keys<T, E: NamesUnknownKey>(
        &self,
        db: &Db,
        now: Instant,
        judge: impl Fn(&Keys) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let held = self.held.load_full();
        match judge(&held) {
            Err(refusal) if refusal.names_unknown_key() => {
                self.compared_within(SURE_FOR, db, now).await?;
                let newer = self.held.load_full();
                Ok(if Arc::ptr_eq(&held, &newer) {
                    Err(refusal)
                } else {
                    judge(&newer)
                })
            }
            verdict => Ok(verdict),
        }
    }

    /// Makes sure that the rings were compared at most this long ago; all who wait share one comparison.
    async fn compared_within(&self, age: Lifetime, db: &Db, now: Instant) -> Result<(), KeysError> {
        let is_recent = || {
            let compared_at = Instant::from_millis(self.compared_at.load(Ordering::Relaxed));
            now.since(compared_at) <= age
        };
        if is_recent() {
            return Ok(());
        }
        let last = self.last.lock().await;
        if is_recent() {
            return Ok(());
        }
        if last.failed_at.is_some_and(|at| now.since(at) < PAUSE) {
            let error = "the key rings could not be compared with it a moment ago";
            return Err(StoreError::Unavailable(error.to_owned()).into());
        }
        self.look_and_compare(last, db, now).await
    }

    async fn look_and_compare(
        &self,
        mut last: MutexGuard<'_, Last>,
        db: &Db,
        now: Instant,
    ) -> Result<(), KeysError> {
        match facts::version(db, keys::VERSION).await {
            Ok(version) => self.compare(last, version, db, now).await,
            Err(error) => {
                last.failed_at = Some(now);
                Err(error.into())
            }
        }
    }

    /// `version` was read before the rows are: it is never newer than they are.
    async fn compare(
        &self,
        mut last: MutexGuard<'_, Last>,
        version: i64,
        db: &Db,
        now: Instant,
    ) -> Result<(), KeysError> {
        if version != last.version {
            let newer = read(db, &self.vault, &self.issuer).await;
            last.failed_at = newer.is_err().then_some(now);
            self.held.store(Arc::new(newer?));
            last.version = version;
        }
        last.failed_at = None;
        self.compared_at.store(now.millis(), Ordering::Relaxed);
        Ok(())
    }
}

async fn read(db: &Db, vault: &Vault, issuer: &Issuer) -> Result<Keys, KeysError> {
    let stored = keys::accepted(db).await?;
    let opened: Result<Vec<_>, _> = stored.into_iter().map(|key| vault.unseal(key)).collect();
    Ok(Keys::new(issuer, &opened?)?)
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}
