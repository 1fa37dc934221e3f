//! The server's time on a device whose clock may be wrong: the last `Date` of the server plus what has passed since on the
//! monotonic clock.

use crate::http_date;

/// What the host's clocks say. It comes with every step. The server's time is reckoned from its own `Date` (RFC 9110 section
/// 6.6.1) and the monotonic clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970 by the device's clock, which nobody trusts.
    pub wall_ms: i64,
    /// Milliseconds on a clock that never jumps, goes on in sleep and is the same in all processes of this boot.
    pub monotonic_ms: i64,
    /// Any text that changes when the monotonic clock begins anew: after a restart of the device. A host that has none gives
    /// each process its own.
    pub boot_id: String,
}

/// A difference in time from which on a proof may be refused, in ms: half of what the strictest server allows.
pub(crate) const NOTICEABLE: u64 = 5_000;

/// When the server's time was last heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) server_ms: i64,
    pub(crate) wall_ms: i64,
    pub(crate) monotonic_ms: i64,
    pub(crate) boot_id: String,
}

impl Anchor {
    /// What a header `Date` says.
    pub(crate) fn heard(date: &str, now: &Moment) -> Option<Self> {
        Some(Self {
            server_ms: http_date::date(date)?,
            wall_ms: now.wall_ms,
            monotonic_ms: now.monotonic_ms,
            boot_id: now.boot_id.clone(),
        })
    }

    /// The server's time now. After a restart of the device only its clock knows how much has passed.
    pub(crate) fn server_now(&self, now: &Moment) -> i64 {
        let passed = if self.boot_id == now.boot_id {
            now.monotonic_ms.saturating_sub(self.monotonic_ms)
        } else {
            now.wall_ms.saturating_sub(self.wall_ms)
        };
        self.server_ms.saturating_add(passed.max(0))
    }

    /// How wrong the device's clock was.
    pub(crate) fn offset(&self) -> i64 {
        self.server_ms.saturating_sub(self.wall_ms)
    }
}

/// A point in time by the monotonic clock of one boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Until {
    pub(crate) monotonic_ms: i64,
    pub(crate) boot_id: String,
}

impl Until {
    pub(crate) fn after(now: &Moment, ms: i64) -> Self {
        Self {
            monotonic_ms: now.monotonic_ms.saturating_add(ms),
            boot_id: now.boot_id.clone(),
        }
    }

    /// How much is left. Nothing after a restart: nobody knows.
    pub(crate) fn left(&self, now: &Moment) -> u64 {
        if self.boot_id != now.boot_id {
            return 0;
        }
        u64::try_from(self.monotonic_ms.saturating_sub(now.monotonic_ms)).unwrap_or(0)
    }
}
