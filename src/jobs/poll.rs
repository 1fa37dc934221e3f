//! The poll: what this node holds in memory is compared with the database, which is all that nodes share. A command
//! beside the server is a node, too.

use std::time::Duration;

use crate::{
    base::time::{Instant, Lifetime},
    flows::{
        Provider, keys,
        nodes::{self, look::Looks},
    },
    jobs::every,
    store::{error::Result, facts, instances},
};

/// How often.
const POLL: Duration = Duration::from_millis(250);
/// How often everything that is remembered is compared, and not only what is new.
const COMPARE: Lifetime = Lifetime::from_secs(60);
/// A clock that differs from the database's by more milliseconds than this is worth a warning; and so is each further
/// change by as much.
const ODD_OFFSET: u64 = 1000;

/// Polls until the process ends: a few times a second, and at once when a bell rings.
pub(super) async fn run(provider: &Provider) {
    let mut timer = every(POLL);
    let mut poll = Poll::new(provider);
    let mut failing = false;
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = provider.bell.notified() => {}
        }
        let polled = poll.round().await;
        match &polled {
            Ok(()) if failing => tracing::info!("the database answers again, and is compared"),
            Err(error) if !failing => tracing::warn!(%error, "the database could not be polled: not ready"),
            _ => {}
        }
        failing = polled.is_err();
    }
}

/// A poll with what it knows from round to round.
#[derive(Debug)]
pub struct Poll<'a> {
    provider: &'a Provider,
    compared_at: Option<Instant>,
    looks: Looks,
    /// Up to which number everybody has been asked who follows the revocation stream.
    confirmations: i64,
    warned_of: i64,
}

impl<'a> Poll<'a> {
    /// A poll whose first round compares everything.
    pub fn new(provider: &'a Provider) -> Self {
        Self {
            provider,
            compared_at: None,
            looks: Looks::new(provider),
            confirmations: 0,
            warned_of: 0,
        }
    }

    /// One round: the clock, the versions of what is in memory, what ended. Whatever fails makes the node not ready.
    pub async fn round(&mut self) -> Result<()> {
        let Provider {
            polled: db,
            clock,
            clients,
            readiness,
            ends,
            ..
        } = self.provider;
        let number = ends.announcements.begin_poll();
        // Before anything is asked: what is lost while this goes on is for the next round.
        let losses = db.losses();
        let versions = facts::look(db, clock).await?;
        self.warn_of_clock();
        let now = clock.now();
        let was_lost = readiness.must_compare(losses);
        if was_lost {
            // By one of the connections that requests use.
            facts::prove_writable(&self.provider.db).await?;
        }
        let is_due = was_lost || self.is_due(now);
        // A client may be the first that needs a ring.
        keys::again::follow(self.provider, &versions, is_due).await?;
        clients.follow(db, &versions, is_due).await?;
        let wanted = versions.of(instances::CONFIRMATIONS);
        let asks = wanted != self.confirmations;
        let known = || {
            readiness.polled(clock);
            ends.announcements
                .complete_poll(number, versions.at, clock.own(), asks);
        };
        if is_due {
            nodes::compare(self.provider, &mut self.looks, known).await?;
            self.compared_at = Some(now);
            readiness.compared(losses);
            readiness.polled(clock);
        } else if self.looks.catch_up(self.provider).await? {
            known();
        } else {
            return Ok(());
        }
        self.confirmations = wanted;
        Ok(())
    }

    fn is_due(&self, now: Instant) -> bool {
        self.compared_at
            .is_none_or(|at| now < at || now.since(at) >= COMPARE)
    }

    fn warn_of_clock(&mut self) {
        let offset = self.provider.clock.offset();
        let odd = if offset.unsigned_abs() > ODD_OFFSET {
            offset
        } else {
            0
        };
        if odd.abs_diff(self.warned_of) <= ODD_OFFSET {
            return;
        }
        self.warned_of = odd;
        if odd != 0 {
            tracing::warn!(
                offset_ms = odd,
                "the clock of this machine is not the database's: set both by the same time server (NTP)"
            );
        }
    }
}
