//! The walk over all device sessions, in the order of their ids: it counts the live ones by the versions of their apps, and
//! deletes those that no index finds because they were never redeemed, or not used for too long. A job of its own: it takes
//! minutes where there are ten million, one process does it for all, and most of the time it lets the others work.

use std::{collections::BTreeMap, time::Duration};

use super::{KEPT, LEASE, PAUSE};
use crate::{
    base::{
        id::{ClientId, DeviceSessionId},
        time::{Instant, Lifetime},
    },
    domain::{device_session::lives_until, policy::Lifetimes},
    flows::Provider,
    store::{
        app_versions::Walked,
        device_sessions::over::{self, WalkedSession},
        error::Result,
        jobs,
    },
};

/// The job's name.
const NAME: &str = "walk";
/// How many rows are read at once: a few milliseconds.
const STRIDE: i64 = 1000;
/// How many strides are taken before it is written how far it came.
const STRIDES: usize = 10;
/// With so many versions it is written earlier: with what the last stride adds, a change has fewer than 1,500 of them.
const VERSIONS: usize = 500;
/// How often it rests as long as a stride took: it has a third of one processor at most.
const REST: i64 = 2;
/// How long it rests at least when it has seen all.
const BETWEEN: Lifetime = Lifetime::from_secs(30);

/// Walks over all sessions once, from where it stopped if it did, unless another process has the job. How long to rest then:
/// as long as it took, so that the database does nothing else for half of the time at most.
pub async fn walk(provider: &Provider) -> Result<Duration> {
    let began = provider.clock.now();
    let Some(job) = claim(provider, began.plus(LEASE)).await? else {
        return Ok(BETWEEN.to_std());
    };
    let start = job.cursor.and_then(|cursor| cursor.try_into().ok());
    let mut walk = Walk {
        provider,
        after: DeviceSessionId::from_bytes(start.unwrap_or([0; 16])),
        is_new: start.is_none(),
        met: BTreeMap::new(),
    };
    let mut more = true;
    while more {
        for _ in 0..STRIDES {
            let before = provider.clock.now();
            more = walk.stride(before).await?;
            if !more {
                break;
            }
            let took = provider.clock.now().since(before).millis();
            let rest = Lifetime::from_millis(took.max(0).saturating_mul(REST)).to_std();
            tokio::time::sleep(rest.max(PAUSE)).await;
            if walk.met.len() >= VERSIONS {
                break;
            }
        }
        let is_ours = claim(provider, provider.clock.now().plus(LEASE)).await?.is_some();
        if !is_ours || !walk.remember(more).await? {
            return Ok(BETWEEN.to_std());
        }
    }
    let now = provider.clock.now();
    let rest = now.since(began).max(BETWEEN);
    // Nor does another process begin before that.
    claim(provider, now.plus(rest).plus(LEASE)).await?;
    Ok(rest.to_std())
}

async fn claim(provider: &Provider, until: Instant) -> Result<Option<jobs::Claimed>> {
    jobs::claim(&provider.db, NAME, provider.node, provider.clock.now(), until).await
}

#[derive(Debug)]
struct Walk<'a> {
    provider: &'a Provider,
    after: DeviceSessionId,
    /// Whether nothing of it has been written yet.
    is_new: bool,
    /// What it met since it wrote last.
    met: BTreeMap<(ClientId, String), i64>,
}

impl Walk<'_> {
    /// Looks at the next rows. Whether there are more.
    async fn stride(&mut self, now: Instant) -> Result<bool> {
        let (provider, kept) = (self.provider, now.minus(KEPT));
        let rows = over::after(&provider.db, self.after, STRIDE).await?;
        let more = i64::try_from(rows.len()).is_ok_and(|rows| rows == STRIDE);
        for row in rows {
            self.after = row.id;
            let lifetimes = provider.clients.lifetimes(&row.client_id, &provider.lifetimes);
            let over = over_since(&row, &lifetimes);
            if row.state == "active" && over.is_some_and(|since| since > now) {
                let version = row.app_version.clone().unwrap_or_default();
                *self.met.entry((row.client_id.clone(), version)).or_default() += 1;
            }
            if over.is_some_and(|since| since < kept) {
                over::delete(&provider.db, row).await?;
            }
        }
        Ok(more)
    }

    /// Writes what it met, and how far it came. False when another process has the job.
    async fn remember(&mut self, more: bool) -> Result<bool> {
        let walked = Walked {
            job: NAME,
            holder: self.provider.node,
            is_new: std::mem::take(&mut self.is_new),
            // Behind the last row the next walk begins anew.
            cursor: more.then(|| self.after.to_bytes().to_vec()),
            met: std::mem::take(&mut self.met),
            now: self.provider.clock.now(),
        };
        self.provider.db.write(walked).await
    }
}

/// Since when nothing can be done with a session any more; nothing while something can, and when its end was written.
fn over_since(row: &WalkedSession, lifetimes: &Lifetimes) -> Option<Instant> {
    match row.state.as_str() {
        "granted" => Some(row.rotated_at),
        "active" => Some(lives_until(
            row.rotated_at,
            lifetimes.device_session_idle,
            row.expires_at,
        )),
        _ => None,
    }
}
