//! A store with compare-and-swap, shared by the processes of a device.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use postern_mobile_core::{HookError, Input, Secret};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Records in memory. What is here survives whatever happens to a process.
#[derive(Default)]
pub struct Store {
    records: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Whether writes, or all, fail.
    pub broken: Mutex<Option<(bool, HookError)>>,
}

impl Store {
    /// What is stored, for tests to read and to spoil.
    pub fn records(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of records that begin like this.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let records = self.records();
        let names = records.keys().filter(|key| key.starts_with(prefix));
        names.cloned().collect()
    }

    /// The first of them, as JSON.
    pub fn record(&self, prefix: &str) -> Value {
        let records = self.records();
        let found = records.iter().find(|(key, _)| key.starts_with(prefix));
        serde_json::from_slice(found.expect("a record").1).expect("JSON")
    }

    /// Writes (or all) fail from now on.
    pub fn breaks(&self, reads_too: bool, error: Option<HookError>) {
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = error.map(|error| (reads_too, error));
    }

    fn broken(&self, reading: bool) -> Option<Input> {
        let broken = *self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let (reads_too, error) = broken?;
        (reads_too || !reading).then_some(Input::Failed { error })
    }

    /// `Get`.
    pub fn get(&self, key: &str) -> Input {
        self.broken(true).unwrap_or_else(|| {
            self.records()
                .get(key)
                .map_or(Input::Absent, |value| Input::Value {
                    value: Secret::from(value.clone()),
                    version: version(value),
                })
        })
    }

    /// `Put`. More than a store has to take is a fault of the core.
    pub fn put(&self, key: &str, value: &Secret, expect: i64) -> Input {
        assert!(value.bytes().len() <= 65536, "{key} is too long");
        self.broken(false).unwrap_or_else(|| {
            let mut records = self.records();
            if records.get(key).map_or(0, |value| version(value)) != expect {
                return Input::Conflict;
            }
            records.insert(key.to_owned(), value.bytes().to_vec());
            Input::Stored {
                version: version(value.bytes()),
            }
        })
    }

    /// `Delete`.
    pub fn delete(&self, key: &str, expect: Option<i64>) -> Input {
        self.broken(false).unwrap_or_else(|| {
            let mut records = self.records();
            let there = records.get(key).map(|value| version(value));
            if expect.is_some_and(|expect| there != Some(expect)) {
                return Input::Conflict;
            }
            records.remove(key);
            Input::Done
        })
    }

    /// `Keys`.
    pub fn keys(&self, prefix: &str) -> Input {
        self.broken(true).unwrap_or_else(|| Input::Keys {
            keys: self.names(prefix),
        })
    }
}

/// The first 63 bits of the value's SHA-256.
pub fn version(value: &[u8]) -> i64 {
    let digest = Sha256::digest(value);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
        .checked_abs()
        .map_or(1, |version| version.max(1))
}
