//! The keys of clients that have them at a place of their own (`jwks_uri`): fetched when they are needed, kept for a while,
//! and fetched again when an assertion names one that is not among them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Locked, PoisonError},
};

use tokio::sync::Mutex;

use crate::{
    base::{
        jwk::{JwkSet, MAX_SET},
        jws::Jws,
        time::{Instant, Lifetime},
        url::HttpsUrl,
    },
    ports::fetch::{Bounds, Fetcher},
};

/// How long keys are used without asking again.
const FRESH: Lifetime = Lifetime::from_secs(600);
/// How long they are used while their place does not answer.
const STALE: Lifetime = Lifetime::from_days(1);
/// The least time between two fetches from a place, whatever is presented.
const PAUSE: Lifetime = Lifetime::from_secs(10);
/// The keys of so many places are held. Whoever may register itself may name one place after another.
const MOST: usize = 1024;
const BOUNDS: Bounds = Bounds {
    most: MAX_SET,
    time: Lifetime::from_secs(5),
};

/// What was fetched, by place.
#[derive(Debug)]
pub struct ClientKeys {
    fetcher: Arc<Fetcher>,
    places: Locked<HashMap<HttpsUrl, Arc<Mutex<Held>>>>,
}

/// What is known of a place. Whoever has it fetches; all who wait share what comes.
#[derive(Debug, Default)]
struct Held {
    keys: Option<(Arc<JwkSet>, Instant)>,
    tried_at: Option<Instant>,
}

impl ClientKeys {
    /// Without any yet.
    pub fn new(fetcher: Arc<Fetcher>) -> Self {
        Self {
            fetcher,
            places: Locked::default(),
        }
    }

    /// The keys at `place`, with which `jws` may be verified; nothing when they cannot be had.
    pub async fn of(&self, place: &HttpsUrl, jws: &Jws<'_>, now: Instant) -> Option<Arc<JwkSet>> {
        let held = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            if places.len() >= MOST && !places.contains_key(place) {
                // Those that somebody asks right now stay, and those asked lately.
                places.retain(|_, held| {
                    held.try_lock()
                        .map_or(true, |held| held.tried_at.is_some_and(|at| now.since(at) < FRESH))
                });
                if places.len() >= MOST {
                    tracing::warn!("too many places of keys are asked at once");
                    return None;
                }
            }
            Arc::clone(places.entry(place.clone()).or_default())
        };
        let mut held = held.lock().await;
        let is_enough = |(keys, at): &(Arc<JwkSet>, Instant)| now.since(*at) < FRESH && keys.has_key_for(jws);
        let may_try = held.tried_at.is_none_or(|at| now.since(at) >= PAUSE);
        if !held.keys.as_ref().is_some_and(is_enough) && may_try {
            held.tried_at = Some(now);
            match self.fetch(place).await {
                Ok(keys) => held.keys = Some((Arc::new(keys), now)),
                Err(error) => tracing::warn!(%place, error, "the keys of a client could not be fetched"),
            }
        }
        let (keys, at) = held.keys.as_ref()?;
        (now.since(*at) < STALE).then(|| Arc::clone(keys))
    }

    async fn fetch(&self, place: &HttpsUrl) -> Result<JwkSet, String> {
        let fetched = self
            .fetcher
            .get(place, BOUNDS)
            .await
            .map_err(|error| error.to_string())?;
        JwkSet::from_bytes(&fetched.body).map_err(|error| error.to_string())
    }
}
