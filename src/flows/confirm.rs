//! Waits until an end has reached every API that follows the revocation stream.
//!
//! It is one comparison. The end is committed; the database's clock is read. An API that refuses everything that was seen by a
//! poll which began later refuses this end too.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    base::{
        id::ClientId,
        time::{Instant, Lifetime},
    },
    domain::instance::{Down, InstanceName},
    flows::{Provider, end::revoked_until, revocations::counted_since},
    store::{
        error::{Result, StoreError},
        facts,
        instances::{self, AskAll, Instance},
    },
};

/// How often the database is asked who has acknowledged.
const LOOK: Duration = Duration::from_millis(50);

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

/// Waits until every copy that was seen lately refuses what was committed before this is called, or for so long.
pub async fn confirm(provider: &Provider, patience: Lifetime) -> Result<Confirmation> {
    let at = facts::look(&provider.db, &provider.clock).await?.at;
    let counted = counted_since(provider, at);
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
        if let Ok(failed) = timeout(patience.to_std(), all_have_it).await {
            failed?;
        }
    }
    let until = revoked_until(provider, at);
    let missing: Vec<_> = waiting.iter().map(|one| one.missing(at, until)).collect();
    Ok(Confirmation {
        instances: all - left,
        confirmed: all - left - missing.len(),
        missing,
    })
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
