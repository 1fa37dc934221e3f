//! The keys of an issuer on the network: discovered once, kept fresh, never waited for if it can be helped.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use reqwest::{Client, Url};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::clock;
use crate::fetch::{Fetched, fetch};
use crate::{DiscoverError, KeySet, Rejection};

/// How keys are fetched and how long they are relied on.
#[derive(Clone, Debug)]
pub struct KeyLimits {
    /// The longest that one fetch may take: 5 seconds.
    pub time_limit: Duration,
    /// The least time between two fetches, whatever tokens arrive: 10 seconds.
    pub between_fetches: Duration,
    /// How long keys are fresh if the issuer does not say it with `max-age`: 10 minutes.
    pub fresh_for: Duration,
    /// How long keys that are no longer fresh are used without waiting for newer ones, unless the issuer
    /// was asked and did not answer: 10 minutes.
    pub overdue_for: Duration,
    /// How long keys are relied on while the issuer cannot be reached: a day.
    pub stale_for: Duration,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(5),
            between_fetches: Duration::from_secs(10),
            fresh_for: Duration::from_mins(10),
            overdue_for: Duration::from_mins(10),
            stale_for: Duration::from_hours(24),
        }
    }
}

/// The keys of one issuer. Clones share them.
#[derive(Clone)]
pub(crate) struct RemoteKeys {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    jwks_uri: Url,
    limits: KeyLimits,
    held: ArcSwap<Held>,
    /// Whoever has it fetches; inside, when the last fetch began.
    turn: Arc<Mutex<Option<Instant>>>,
}

impl RemoteKeys {
    /// Reads the keys for the first time.
    pub(crate) async fn load(
        client: Client,
        jwks_uri: Url,
        limits: KeyLimits,
    ) -> Result<Self, DiscoverError> {
        let held = Held::load(&client, &jwks_uri, &limits).await?;
        let shared = Shared {
            client,
            jwks_uri,
            limits,
            held: ArcSwap::from_pointee(held),
            turn: Arc::new(Mutex::new(None)),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The keys to check a token with.
    ///
    /// The first request that finds them no longer fresh has them fetched in the background and goes on
    /// with what is there. One waits only for keys that nobody has asked for in a long time, so that a quiet
    /// API does not accept what has been withdrawn long ago.
    pub(crate) async fn current(&self) -> Result<Arc<KeySet>, Rejection> {
        let held = arc_swap::Guard::into_inner(self.held());
        match held.age(clock::monotonic(), &self.shared.limits) {
            Age::Fresh => {}
            Age::Due => self.refresh(),
            Age::Neglected => return Ok(self.reload(&held.keys).await.unwrap_or_else(|| held.keys.clone())),
            Age::Unreliable => return self.reload(&held.keys).await.ok_or(Rejection::KeysUnavailable),
        }
        Ok(held.keys.clone())
    }

    /// Other keys than those `seen`, for a token whose key is not among them; none if there are no others.
    ///
    /// All who ask at the same time share one fetch, and none is made if the last one was just now.
    pub(crate) async fn reload(&self, seen: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        let turn = self.shared.turn.clone().lock_owned().await;
        if Arc::ptr_eq(&self.held().keys, seen) && self.may_fetch(*turn) {
            // In a task: a caller that hangs up must not leave the fetch undone and its time spent.
            let fetched = tokio::spawn(self.clone().fetch(turn));
            if fetched.await.is_err() {
                tracing::error!("the fetch of the issuer's keys was cut off");
            }
        }
        let keys = &self.held().keys;
        (!Arc::ptr_eq(keys, seen)).then(|| keys.clone())
    }

    /// Fetches in the background, unless somebody does already.
    fn refresh(&self) {
        if let Ok(turn) = self.shared.turn.clone().try_lock_owned()
            && self.may_fetch(*turn)
        {
            tokio::spawn(self.clone().fetch(turn));
        }
    }

    fn may_fetch(&self, last: Option<Instant>) -> bool {
        last.is_none_or(|last| clock::monotonic().duration_since(last) >= self.shared.limits.between_fetches)
    }

    /// Replaces the keys; if that fails, the old ones stay.
    async fn fetch(self, mut turn: OwnedMutexGuard<Option<Instant>>) {
        *turn = Some(clock::monotonic());
        let Shared {
            client,
            jwks_uri,
            limits,
            held,
            ..
        } = &*self.shared;
        match Held::load(client, jwks_uri, limits).await {
            Ok(loaded) => held.store(Arc::new(loaded)),
            Err(error) => {
                self.held().failed.store(true, Ordering::Relaxed);
                tracing::warn!(error = &error as &dyn Error, %jwks_uri, "the issuer's keys stay as they were");
            }
        }
    }

    fn held(&self) -> arc_swap::Guard<Arc<Held>> {
        self.shared.held.load()
    }

    /// Whether they are young enough to be used.
    pub(crate) fn are_reliable(&self) -> bool {
        self.age() < self.shared.limits.stale_for
    }

    /// How long ago the keys were asked for.
    pub(crate) fn age(&self) -> Duration {
        clock::monotonic().saturating_duration_since(self.held().since)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("jwks_uri", &self.shared.jwks_uri.as_str())
            .finish_non_exhaustive()
    }
}

/// Keys and when they came.
struct Held {
    keys: Arc<KeySet>,
    since: Instant,
    fresh_for: Duration,
    /// The issuer has been asked for newer ones and did not answer.
    failed: AtomicBool,
}

/// What is to be done about the keys before they are used.
#[derive(Debug, PartialEq, Eq)]
enum Age {
    Fresh,
    /// Ask for newer ones, but use these.
    Due,
    /// Nobody has asked for newer ones although they have been due for long: ask before these are used.
    Neglected,
    /// The issuer has not answered for too long.
    Unreliable,
}

impl Held {
    async fn load(client: &Client, jwks_uri: &Url, limits: &KeyLimits) -> Result<Self, DiscoverError> {
        // What the answer says was true when it was asked for.
        let since = clock::monotonic();
        let Fetched { body, max_age } = fetch(client.get(jwks_uri.clone()))
            .await
            .map_err(DiscoverError::Keys)?;
        let keys = Arc::new(KeySet::from_jwks(body)?);
        let fresh_for = max_age.unwrap_or(limits.fresh_for).min(limits.stale_for);
        Ok(Self {
            keys,
            since,
            fresh_for,
            failed: AtomicBool::new(false),
        })
    }

    fn age(&self, now: Instant, limits: &KeyLimits) -> Age {
        let age = now.saturating_duration_since(self.since);
        let failed = self.failed.load(Ordering::Relaxed);
        if age < self.fresh_for {
            Age::Fresh
        } else if age >= limits.stale_for {
            Age::Unreliable
        } else if age >= self.fresh_for.saturating_add(limits.overdue_for) && !failed {
            Age::Neglected
        } else {
            Age::Due
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_age() {
        let limits = KeyLimits::default();
        let keys = Arc::new(KeySet::from_jwks(r#"{"keys":[]}"#).unwrap());
        let since = clock::monotonic();
        let held = Held {
            keys,
            since,
            fresh_for: limits.fresh_for,
            failed: AtomicBool::new(false),
        };
        let at = |minutes| held.age(since + Duration::from_mins(minutes), &limits);

        assert_eq!([at(0), at(9)], [Age::Fresh, Age::Fresh]);
        assert_eq!([at(10), at(19)], [Age::Due, Age::Due]);
        assert_eq!([at(20), at(1439)], [Age::Neglected, Age::Neglected]);
        assert_eq!(at(1440), Age::Unreliable);

        // Who has asked in vain need not ask again before each request.
        held.failed.store(true, Ordering::Relaxed);
        assert_eq!([at(10), at(20), at(1439)], [Age::Due, Age::Due, Age::Due]);
        assert_eq!(at(1440), Age::Unreliable);
    }
}
