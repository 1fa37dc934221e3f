//! Tries that are being looked at, per bucket. One that finds its bucket full waits for them: most are right, and give
//! their place back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::base::digest::Digest;

/// The tries of this process that took a place and are not decided yet.
#[derive(Debug, Default)]
pub struct Line(Buckets);

type Buckets = Arc<Mutex<HashMap<[u8; 32], Arc<Bucket>>>>;

#[derive(Debug, Default)]
struct Bucket {
    tries: Mutex<Tries>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Tries {
    /// How many hold a place.
    held: usize,
    /// How many have been decided so far.
    decided: u64,
}

/// Somebody at a bucket, with a place or waiting for one.
pub(super) struct Turn {
    line: Buckets,
    key: [u8; 32],
    bucket: Arc<Bucket>,
    holds: bool,
}

impl Line {
    /// Steps up to a bucket.
    pub(super) fn step_up(&self, key: Digest) -> Turn {
        let key = *key.as_bytes();
        let bucket = Arc::clone(lock(&self.0).entry(key).or_default());
        Turn {
            line: Arc::clone(&self.0),
            key,
            bucket,
            holds: false,
        }
    }
}

impl Turn {
    /// Has taken a place.
    pub(super) fn hold(&mut self) {
        self.holds = true;
        lock(&self.bucket.tries).held += 1;
    }

    /// How many have been decided so far: to be asked before a place is looked for.
    pub(super) fn decided(&self) -> u64 {
        lock(&self.bucket.tries).decided
    }

    /// Waits until somebody is decided, who may have been so since `decided` was asked; false when nobody holds a place,
    /// so that waiting would be in vain.
    pub(super) async fn wait(&self, decided: u64) -> bool {
        {
            let tries = lock(&self.bucket.tries);
            if tries.decided != decided {
                return true;
            }
            if tries.held == 0 {
                return false;
            }
        }
        self.bucket.freed.notified().await;
        true
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.holds {
            let mut tries = lock(&self.bucket.tries);
            tries.held -= 1;
            tries.decided += 1;
        }
        // Whoever leaves lets the next one try: with a place given back, or to learn that there is none.
        self.bucket.freed.notify_one();
        let mut buckets = lock(&self.line);
        // The map's own, and this one: nobody else is here.
        if Arc::strong_count(&self.bucket) == 2 {
            buckets.remove(&self.key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
