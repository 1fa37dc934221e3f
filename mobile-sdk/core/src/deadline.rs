//! When something is over, also for processes that count from another start: after a restart of the device, or where the
//! host has no boot id and each process has its own.

use serde_json::{Map, Value};

use crate::{clock::Until, host::Host, json};

/// A point in time by all the clocks there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deadline {
    until: Until,
    wall_ms: i64,
    server_ms: Option<i64>,
}

impl Deadline {
    pub(crate) fn after(host: &Host, ms: i64) -> Self {
        let now = host.now();
        let anchor = host.memory().anchor.clone();
        Self {
            until: Until::after(&now, ms),
            wall_ms: now.wall_ms.saturating_add(ms),
            server_ms: anchor.map(|anchor| anchor.server_now(&now).saturating_add(ms)),
        }
    }

    /// How much is left, less than nothing when it is over: by the monotonic clock, else by the server's time, else by the
    /// device's clock.
    pub(crate) fn left(&self, host: &Host) -> i64 {
        let now = host.now();
        if self.until.boot_id == now.boot_id {
            return self.until.monotonic_ms.saturating_sub(now.monotonic_ms);
        }
        let anchor = host.memory().anchor.clone();
        match (self.server_ms, anchor) {
            (Some(until), Some(anchor)) => until.saturating_sub(anchor.server_now(&now)),
            _ => self.wall_ms.saturating_sub(now.wall_ms),
        }
    }

    /// What was stored. The first records had the monotonic clock only.
    pub(crate) fn read(members: &Map<String, Value>) -> Option<Self> {
        Some(Self {
            until: Until {
                monotonic_ms: json::number(members, "until_ms")?,
                boot_id: members.get("boot_id")?.as_str()?.to_owned(),
            },
            wall_ms: json::number(members, "until_wall_ms").unwrap_or(0),
            server_ms: json::number(members, "until_server_ms"),
        })
    }

    /// Into a record.
    pub(crate) fn write(&self, record: &mut Value) {
        record["until_ms"] = self.until.monotonic_ms.into();
        record["boot_id"] = self.until.boot_id.as_str().into();
        record["until_wall_ms"] = self.wall_ms.into();
        record["until_server_ms"] = self.server_ms.into();
    }
}
