//! The audit trail that can prove that it was not changed. One process for all takes what was committed into a chain, and
//! signs once a minute what it came to; no request waits for it. `docs/audit.md` says what that proves.

mod failures;
pub mod retention;
pub mod verify;

pub use self::failures::count_failure;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::time::{Instant, Lifetime},
    domain::{
        actor::Actor,
        audit::{Checkpoint, Head, StoredEvent},
        event::{Event, Subject},
    },
    flows::{Provider, keys::KeysError},
    ports::signer::{BadKey, TokenType},
    store::{
        audit::{self, CheckpointRow, GoOn, KeepCheckpoint, Link},
        error::StoreError,
        jobs,
    },
};

/// The job's name.
const NAME: &str = "audit";
/// How long a process has the job, and when it asks for it again.
const LEASE: Lifetime = Lifetime::from_secs(30);
const RENEWED: Lifetime = Lifetime::from_secs(15);
/// How long it does not ask again when another process has it.
const PATIENCE: Lifetime = Lifetime::from_secs(5);
/// How many events one change takes: a few milliseconds of the one writer of the embedded database.
const BATCH: i64 = 200;
/// How many changes one round makes; the rest waits for the next.
const BATCHES: usize = 50;
/// How long requests have the database for themselves after one.
const PAUSE: Duration = Duration::from_millis(5);
/// How often it is signed what the chain came to.
const EVERY: Lifetime = Lifetime::from_secs(60);
const HOUR: i64 = 3_600_000;

/// Why the job could not go on. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys'.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The signing key's.
    #[error(transparent)]
    Sign(#[from] BadKey),
}

/// What this process knows of the chain.
#[derive(Debug, Default)]
pub struct Chain {
    /// Until when the job is its own.
    held_until: Option<Instant>,
    /// When another process had it.
    refused_at: Option<Instant>,
    /// How far the chain was when it looked last.
    known: Option<Head>,
    /// When it signed last, or looked whether there was anything to sign.
    signed_at: Option<Instant>,
}

impl Chain {
    /// Does what is due, unless another process has the job. True when there is more.
    pub async fn round(&mut self, provider: &Provider) -> Result<bool, AuditError> {
        let now = provider.clock.now();
        let is_due = self.signed_at.is_none_or(|at| now.since(at) >= EVERY);
        let failures = failures::over(provider, now).await?;
        let mut waiting = audit::waiting(&provider.db, BATCH).await?;
        if waiting.is_empty() && failures.is_empty() && !(is_due && is_unsigned(provider).await?) {
            // Who has nothing to do writes nothing, and looks once a minute whether there is anything to sign.
            self.signed_at = self.signed_at.filter(|_| !is_due).or(Some(now));
            return Ok(false);
        }
        if !self.hold(provider, now).await? {
            return Ok(false);
        }
        let more = failures::tell(provider, failures).await?;
        if more.is_some() {
            waiting = audit::waiting(&provider.db, BATCH).await?;
        }
        for _ in 0..BATCHES {
            if waiting.is_empty() {
                break;
            }
            if !self.link(provider, &waiting).await? {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
            waiting = audit::waiting(&provider.db, BATCH).await?;
        }
        if is_due {
            self.sign(provider).await?;
            self.signed_at = Some(now);
        }
        Ok(!waiting.is_empty() || more == Some(true))
    }

    /// Whether the job is this process's; asks for it when that is not sure for long any more.
    async fn hold(&mut self, provider: &Provider, now: Instant) -> Result<bool, StoreError> {
        let is_sure = |until: Instant| until > now.plus(RENEWED);
        if !self.held_until.is_some_and(is_sure) {
            if self.refused_at.is_some_and(|at| now.since(at) < PATIENCE) {
                return Ok(false);
            }
            let until = now.plus(LEASE);
            let claimed = jobs::claim(&provider.db, NAME, provider.node, now, until).await?;
            self.refused_at = claimed.is_none().then_some(now);
            self.held_until = claimed.map(|_| until);
        }
        Ok(self.held_until.is_some())
    }

    /// Takes events into the chain. Who lost the job a moment ago finds that the chain has moved on, and changes nothing:
    /// false.
    async fn link(&mut self, provider: &Provider, waiting: &[StoredEvent]) -> Result<bool, AuditError> {
        let from = self.look(provider).await?;
        let (mut to, mut links, mut counts) = (from, Vec::new(), BTreeMap::new());
        for event in waiting {
            to = to.and(event);
            links.push((event.id, to.seq, to.hash));
            let (hour, many) = counted(event);
            *counts.entry((hour, event.kind.clone())).or_insert(0) += many;
        }
        let link = Link {
            from,
            to,
            links,
            counts,
        };
        match provider.db.write(link).await {
            Ok(()) => {
                self.known = Some(to);
                Ok(true)
            }
            // Another process has the job by now; what is in the chain is looked at anew.
            Err(StoreError::Conflict(why)) => {
                tracing::warn!(%why, "events were not taken into the chain; it is tried again");
                (self.held_until, self.known) = (None, None);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How far the chain is. When it is not as far as this process has seen it, the database went back.
    async fn look(&mut self, provider: &Provider) -> Result<Head, AuditError> {
        let head = audit::head(&provider.db).await?;
        let Some(known) = self.known.filter(|known| *known != head) else {
            return Ok(head);
        };
        let kept = audit::kept(&provider.db).await?;
        let goes_on = if known.seq < kept.seq {
            // What it knows was deleted by age, or somebody who writes the database says so.
            verify::is_vouched(provider, &kept).await?
        } else {
            known.seq <= head.seq
                && (known.seq == 0 || audit::hash_at(&provider.db, known.seq).await? == Some(known.hash))
        };
        if !goes_on {
            tracing::error!(
                known = known.seq,
                found = head.seq,
                "the chain of events is not as far as it was, or another one: the database went back. It goes on from there"
            );
            let event = Event::AuditWentBack {
                known: known.seq,
                found: head.seq,
            };
            let event = provider.event(provider.clock.now(), Subject::default(), event);
            let event = event.by(Actor::System);
            let found = head.seq;
            provider.db.write(GoOn { found, event }).await?;
        }
        self.known = Some(head);
        Ok(head)
    }

    /// Signs what the chain came to, unless that is signed already.
    async fn sign(&mut self, provider: &Provider) -> Result<(), AuditError> {
        let head = self.look(provider).await?;
        let newest = audit::newest_checkpoint(&provider.db).await?;
        if newest.map_or(0, |newest| newest.seq) >= head.seq {
            return Ok(());
        }
        provider.keys.ensure_recent(&provider.db, &provider.clock).await?;
        let checkpoint = Checkpoint::new(&provider.issuer, &head, provider.clock.now());
        let signed = provider
            .keys
            .load()
            .signer
            .sign(TokenType::Checkpoint, &checkpoint)?;
        let row = CheckpointRow {
            seq: head.seq,
            hash: head.hash,
            latest: head.latest,
            signed,
        };
        provider.db.write(KeepCheckpoint(row)).await?;
        Ok(())
    }
}

/// Whether the chain has come further than what is signed.
async fn is_unsigned(provider: &Provider) -> Result<bool, StoreError> {
    let signed = audit::newest_checkpoint(&provider.db).await?;
    Ok(audit::head(&provider.db).await?.seq > signed.map_or(0, |signed| signed.seq))
}

/// In which hour an event counts, and how often.
fn counted(event: &StoredEvent) -> (Instant, i64) {
    let mut at = event.at;
    let mut many = 1;
    if event.kind == "user.sign_in_failed"
        && let Ok(data) = serde_json::from_str::<serde_json::Value>(&event.data)
    {
        many = data["count"].as_i64().unwrap_or(1);
        at = data["minute"].as_i64().map_or(at, Instant::from_millis);
    }
    (Instant::from_millis(at.millis().div_euclid(HOUR) * HOUR), many)
}

/// The newest checkpoint, signed: what an admin keeps elsewhere.
pub async fn newest_checkpoint(provider: &Provider) -> Result<Option<String>, StoreError> {
    let newest = audit::newest_checkpoint(&provider.db).await?;
    Ok(newest.map(|newest| newest.signed))
}
