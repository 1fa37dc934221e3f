//! Whether this node should be sent requests: what the poll last saw of the database, and whether it is stopping.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::{
    base::time::{Clock, Instant, Lifetime},
    store::db::Db,
};

/// A node whose last complete poll is older knows too little of what others ended.
const STALE: Lifetime = Lifetime::from_secs(3);
/// A node whose own clock is further from the database's has a machine that something is wrong with.
const MAX_OFFSET: Lifetime = Lifetime::from_secs(30);

/// What is known. A new one has polled nothing.
#[derive(Debug)]
pub struct Readiness {
    /// The machine's own time of the last complete poll.
    polled_at: AtomicI64,
    /// How many losses of the database there had been before the last comparison with it began.
    compared: AtomicU64,
    stopping: AtomicBool,
}

/// Why a node is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It has been told to stop.
    #[error("the server is stopping")]
    Stopping,
    /// The database was lost, and may be one that went back: what ended has not been compared with it since.
    #[error("the database was lost and is not compared yet")]
    Uncompared,
    /// There was no complete poll for too long.
    #[error("the database does not answer")]
    Stale,
    /// The clocks differ too much.
    #[error("the clock of this machine is not the database's")]
    Clock,
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            polled_at: AtomicI64::new(i64::MIN),
            compared: AtomicU64::new(u64::MAX),
            stopping: AtomicBool::new(false),
        }
    }
}

impl Readiness {
    /// Whether the node can serve. Asks nobody, so it may be asked as often as somebody likes.
    pub fn judge(&self, clock: &Clock, db: &Db) -> Result<(), NotReady> {
        let age = clock
            .own()
            .millis()
            .saturating_sub(self.polled_at.load(Ordering::SeqCst));
        if self.stopping.load(Ordering::SeqCst) {
            Err(NotReady::Stopping)
        } else if age > STALE.millis() {
            Err(NotReady::Stale)
        } else if self.must_compare(db.losses()) {
            Err(NotReady::Uncompared)
        } else if clock.offset().unsigned_abs() > MAX_OFFSET.millis().unsigned_abs() {
            Err(NotReady::Clock)
        } else {
            Ok(())
        }
    }

    /// How long ago the last complete poll was; nothing when there was none.
    pub fn poll_age(&self, clock: &Clock) -> Option<Lifetime> {
        let polled = self.polled_at.load(Ordering::SeqCst);
        (polled != i64::MIN).then(|| clock.own().since(Instant::from_millis(polled)))
    }

    /// Whether the database has been lost since it was last compared.
    pub fn must_compare(&self, losses: u64) -> bool {
        self.compared.load(Ordering::SeqCst) != losses
    }

    /// What is remembered has been compared; there had been so many losses when that began.
    pub fn compared(&self, losses: u64) {
        self.compared.store(losses, Ordering::SeqCst);
    }

    /// A poll was complete.
    pub fn polled(&self, clock: &Clock) {
        self.polled_at.store(clock.own().millis(), Ordering::SeqCst);
    }

    /// From now on the node only finishes what is under way.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}
