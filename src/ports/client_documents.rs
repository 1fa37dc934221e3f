//! Metadata of clients whose id is their address: fetched when they are needed, and not again for a while, good or bad.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Locked, PoisonError},
};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    base::{
        id::ClientId,
        time::{Instant, Lifetime},
        url::HttpsUrl,
    },
    ports::fetch::{Bounds, FetchError, Fetched, Fetcher},
};

/// How many documents are remembered.
const MOST: usize = 4096;
const BOUNDS: Bounds = Bounds {
    most: 16 * 1024,
    time: Lifetime::from_secs(5),
};

/// What was looked at lately.
#[derive(Debug)]
pub struct ClientDocuments {
    fetcher: Arc<Fetcher>,
    seen: Locked<HashMap<ClientId, Arc<Mutex<Seen>>>>,
}

/// What is known of a document. Whoever has it fetches; all who wait share what comes.
#[derive(Debug, Default)]
pub struct Seen {
    /// Until when it is not asked for again.
    pub until: Option<Instant>,
    /// Whether it was there and said something else than it should.
    pub is_refused: bool,
}

impl ClientDocuments {
    /// Without any yet.
    pub fn new(fetcher: Arc<Fetcher>) -> Self {
        Self {
            fetcher,
            seen: Locked::default(),
        }
    }

    /// The turn to look at a document, after whoever has it. Nothing when as many are remembered as may be, none of which is
    /// over.
    pub async fn turn(&self, id: &ClientId, now: Instant) -> Option<OwnedMutexGuard<Seen>> {
        let one = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() >= MOST && !seen.contains_key(id) {
                // Those that somebody is looking at are locked, and stay.
                seen.retain(|_, one| {
                    one.try_lock()
                        .map_or(true, |one| one.until.is_some_and(|until| now < until))
                });
                if seen.len() >= MOST {
                    return None;
                }
            }
            Arc::clone(seen.entry(id.clone()).or_default())
        };
        Some(one.lock_owned().await)
    }

    /// The document at a place.
    pub async fn fetch(&self, place: &HttpsUrl) -> Result<Fetched, FetchError> {
        self.fetcher.get(place, BOUNDS).await
    }
}
