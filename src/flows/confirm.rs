//! Waits until an end has reached every API that follows the revocation stream.
//!
//! It is one comparison. The end is committed; the database's clock is read. An API that refuses everything that was seen by a
//! poll which began later refuses this end too.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::{
    base::{
        id::ClientId,
        time::{Instant, Lifetime},
    },
    domain::instance::{Down, InstanceName},
    flows::{Provider, revocations::counted_since},
    store::{
        ending::revoked_until,
        error::{Result, StoreError},
        facts,
        instances::{self, AskAll, Instance},
        keys,
    },
};

/// How often the database is asked who has acknowledged.
const LOOK: Duration = Duration::from_millis(50);

/// How many may wait at a node at once: each asks the database so often.
pub const MOST: usize = 32;

/// The places of those who wait at this node.
#[derive(Debug)]
pub struct Waiting(Semaphore);

impl Default for Waiting {
    fn default() -> Self {
        Self(Semaphore::new(MOST))
    }
}

impl Waiting {
    /// How many places are free.
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}

/// There is no place for one more.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "{MOST} wait at this server already until what ended is refused everywhere, and no more may: nothing was done. Ask again \
     in a few seconds, or without waiting"
)]
pub struct TooMany;

/// A place to wait at, and for how long. It is taken before anything ends, so that who gets none can ask again.
#[derive(Debug)]
pub struct Wait<'a> {
    provider: &'a Provider,
    patience: Lifetime,
    _place: SemaphorePermit<'a>,
}

/// Takes a place to wait for so long.
pub fn wait(provider: &Provider, patience: Lifetime) -> std::result::Result<Wait<'_>, TooMany> {
    Ok(Wait {
        provider,
        patience,
        _place: provider.waiting.0.try_acquire().map_err(|_| TooMany)?,
    })
}

/// The same for who ends nothing and only asks how far an end has come: half of the places are for those who do, so that
/// nobody who may read only keeps them from it.
pub fn look(provider: &Provider, patience: Lifetime) -> std::result::Result<Wait<'_>, TooMany> {
    if provider.waiting.free() <= MOST / 2 {
        return Err(TooMany);
    }
    wait(provider, patience)
}

/// How far an end has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// How many copies of APIs were there.
    pub instances: usize,
    /// How many of them refuse what ended.
    pub confirmed: usize,
    /// Those that have not said so in time.
    pub missing: Vec<Missing>,
}

/// What was done, and how far it has come if somebody waited for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached<T> {
    /// What was done.
    #[serde(flatten)]
    pub done: T,
    /// Who refuses by now what ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
}

/// A copy that has not said that it refuses what ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Whose it is.
    pub client: ClientId,
    /// The name that it drew.
    pub instance: InstanceName,
    /// When it was seen last.
    pub seen_at: Instant,
    /// By when it refuses at the latest, if it keeps to what it said that it does when the stream is down.
    pub refuses_by: Instant,
}

impl Confirmation {
    /// Whether every copy refuses what ended.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }
}

impl<'a> Wait<'a> {
    /// Where it is waited.
    pub(super) fn provider(&self) -> &'a Provider {
        self.provider
    }

    /// How long may be waited.
    pub(super) fn patience(&self) -> Lifetime {
        self.patience
    }

    /// The same when a part of the time has gone by.
    #[must_use]
    pub(super) fn after(self, waited: Lifetime) -> Self {
        Self {
            patience: Lifetime::from_millis(self.patience.millis() - waited.millis()),
            ..self
        }
    }

    /// Waits until every copy that was seen lately refuses what was committed before this is called, or for so long.
    pub async fn confirm(&self) -> Result<Confirmation> {
        let provider = self.provider;
        let at = facts::look(&provider.db, &provider.clock).await?.at;
        // Another node may have let tokens live longer a moment ago.
        let longest = keys::longest_access_token(&provider.db).await?;
        let longest = longest.max(provider.longest_access_token());
        let counted = counted_since(longest, at);
        // Later than the end, so that whoever comes later is given it at once.
        let mut waiting = instances::seen_since(&provider.db, counted).await?;
        let all = waiting.len();
        let has_it = |instance: &Instance| instance.acknowledged_at.is_some_and(|seen| seen > at);
        waiting.retain(|instance| !has_it(instance));
        let mut left = 0;
        if !waiting.is_empty() {
            provider.db.write(AskAll).await?;
            let all_have_it = async {
                while !waiting.is_empty() {
                    tokio::time::sleep(LOOK).await;
                    let known = instances::seen_since(&provider.db, counted).await?;
                    waiting.retain(|one| {
                        let now = known
                            .iter()
                            .find(|known| (&known.client, &known.name) == (&one.client, &one.name));
                        // One that has stopped in order does not count.
                        left += usize::from(now.is_none());
                        now.is_some_and(|now| !has_it(now))
                    });
                }
                Ok::<(), StoreError>(())
            };
            if let Ok(failed) = timeout(self.patience.to_std(), all_have_it).await {
                failed?;
            }
        }
        let until = revoked_until(at, longest);
        let missing: Vec<_> = waiting.iter().map(|one| one.missing(at, until)).collect();
        Ok(Confirmation {
            instances: all - left,
            confirmed: all - left - missing.len(),
            missing,
        })
    }
}

impl Instance {
    fn missing(&self, at: Instant, until: Instant) -> Missing {
        let down: Down = self.down;
        Missing {
            client: self.client.clone(),
            instance: self.name.clone(),
            seen_at: self.seen_at,
            refuses_by: down.refuses_by(at, until),
        }
    }
}
