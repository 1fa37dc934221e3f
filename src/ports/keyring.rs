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
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    base::{
        seal::SealError,
        time::{Clock, Instant, Lifetime},
        url::Issuer,
    },
    domain::{
        key::{KeyState, rotation::RING_MAX_AGE},
        refresh_token::NotOurs,
    },
    ports::{
        ends::Ends,
        keys::{Keys, KeysError},
        vault::Vault,
    },
    store::{
        db::Db,
        error::StoreError,
        facts::{self, Versions},
        keys::{self, StoredKey},
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
    ends: Arc<Ends>,
    held: ArcSwap<Keys>,
    /// When they were last known to be the database's.
    compared_at: AtomicI64,
    /// Whoever has it compares.
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    version: Option<i64>,
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
    /// Reads the rings. `ends` remembers which keys were taken back.
    pub async fn open(
        db: &Db,
        vault: Vault,
        issuer: Issuer,
        ends: Arc<Ends>,
        now: Instant,
    ) -> Result<Self, KeysError> {
        let version = facts::version(db, keys::VERSION).await?;
        let held = read(db, &vault, &issuer, &ends).await?;
        Ok(Self {
            vault,
            issuer,
            ends,
            held: ArcSwap::from_pointee(held),
            compared_at: AtomicI64::new(now.millis()),
            last: Mutex::new(Last {
                version: Some(version),
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

    /// Reads the rings again when their version is another, or `always`. Asked for by the poll, which read the versions
    /// at `now`.
    pub async fn follow(
        &self,
        db: &Db,
        versions: &Versions,
        always: bool,
        now: Instant,
    ) -> Result<(), KeysError> {
        let mut last = self.last.lock().await;
        if always {
            // A database that went back may have come to the same number by another way.
            last.version = None;
        }
        self.compare(&mut last, versions.of(keys::VERSION), db, now).await
    }

    /// The same for whoever has not read the versions.
    pub async fn refresh(&self, db: &Db, clock: &Clock) -> Result<(), KeysError> {
        self.look_and_compare(self.last.lock().await, db, clock).await
    }

    /// Makes sure that this node holds the rings as the database had them a few seconds ago: what tokens are made with.
    pub async fn ensure_recent(&self, db: &Db, clock: &Clock) -> Result<(), StoreError> {
        if self.is_recent(RING_MAX_AGE, clock) {
            return Ok(());
        }
        Ok(self.compare_in_turn(RING_MAX_AGE, db, clock).await?)
    }

    /// The same for what is published, for which nobody waits in line: what is held is better than nothing.
    pub async fn ensure_recent_unless_busy(&self, db: &Db, clock: &Clock) -> Result<(), StoreError> {
        match self.last.try_lock() {
            Ok(last) if !self.is_recent(RING_MAX_AGE, clock) => {
                Ok(self.compare_unless_failed(last, db, clock).await?)
            }
            _ => Ok(()),
        }
    }

    /// The verdict of `judge`, which is asked again with newer rings when it met a key that these do not have.
    pub async fn with_newer_keys<T, E: NamesUnknownKey>(
        &self,
        db: &Db,
        clock: &Clock,
        judge: impl Fn(&Keys) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let held = self.held.load_full();
        match judge(&held) {
            Err(refusal) if refusal.names_unknown_key() => {
                if !self.is_recent(SURE_FOR, clock) {
                    self.compare_in_turn(SURE_FOR, db, clock).await?;
                }
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

    /// Whether the rings were compared at most this long ago.
    fn is_recent(&self, age: Lifetime, clock: &Clock) -> bool {
        let compared_at = Instant::from_millis(self.compared_at.load(Ordering::Relaxed));
        clock.now().since(compared_at) <= age
    }

    /// All who wait share one comparison.
    async fn compare_in_turn(&self, age: Lifetime, db: &Db, clock: &Clock) -> Result<(), KeysError> {
        let last = self.last.lock().await;
        if self.is_recent(age, clock) {
            return Ok(());
        }
        self.compare_unless_failed(last, db, clock).await
    }

    async fn compare_unless_failed(
        &self,
        last: MutexGuard<'_, Last>,
        db: &Db,
        clock: &Clock,
    ) -> Result<(), KeysError> {
        if last.failed_at.is_some_and(|at| clock.now().since(at) < PAUSE) {
            let error = "the key rings could not be compared with it a moment ago";
            return Err(StoreError::Unavailable(error.to_owned()).into());
        }
        self.look_and_compare(last, db, clock).await
    }

    async fn look_and_compare(
        &self,
        mut last: MutexGuard<'_, Last>,
        db: &Db,
        clock: &Clock,
    ) -> Result<(), KeysError> {
        let asked_at = clock.now();
        // Until it has worked: whoever asks may go away in the middle.
        last.failed_at = Some(asked_at);
        let compared = match facts::version(db, keys::VERSION).await {
            Ok(version) => self.compare(&mut last, version, db, asked_at).await,
            Err(error) => Err(error.into()),
        };
        // The pause counts from the answer, which may have taken as long as those who wait for it.
        last.failed_at = compared.is_err().then(|| clock.now());
        compared
    }

    /// `version` was read before the rows are, at `asked_at`: it is never newer than they are.
    async fn compare(
        &self,
        last: &mut Last,
        version: i64,
        db: &Db,
        asked_at: Instant,
    ) -> Result<(), KeysError> {
        if last.version != Some(version) {
            let newer = read(db, &self.vault, &self.issuer, &self.ends).await?;
            self.held.store(Arc::new(newer));
            last.version = Some(version);
        }
        last.failed_at = None;
        self.compared_at.store(asked_at.millis(), Ordering::Relaxed);
        Ok(())
    }
}

async fn read(db: &Db, vault: &Vault, issuer: &Issuer, ends: &Ends) -> Result<Keys, KeysError> {
    let all = keys::all(db).await?;
    for key in &all {
        match key.withdrawn_at {
            Some(at) => ends.keys.insert(key.info.id, at),
            // The database went back: what is held is better than what it says.
            None if ends.has_withdrawn(key.info.id) => return Err(KeysError::BroughtBack(key.info.id)),
            None => {}
        }
    }
    let is_gone = |key: &StoredKey| matches!(key.info.state, KeyState::Gone { .. });
    let (gone, accepted): (Vec<_>, Vec<_>) = all.into_iter().partition(is_gone);
    let opened: Result<Vec<_>, _> = accepted.into_iter().map(|key| vault.unseal(key)).collect();
    // Their public halves stay, so that an old ID token still verifies as a hint; but of those that were taken back.
    let gone = gone.iter().filter(|key| key.withdrawn_at.is_none());
    let gone = gone.filter_map(|key| key.public.as_deref());
    let gone: Vec<Value> = gone.filter_map(|jwk| serde_json::from_str(jwk).ok()).collect();
    Ok(Keys::new(issuer, &opened?, &gone)?)
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}
