//! What proves nothing, but is what somebody leaves behind who changed the trail and had it signed again.

use std::fmt;

use serde::Serialize;

use super::trail::LATE;
use crate::base::{id::EventId, time::Instant};

/// Something that has a harmless explanation, which somebody has to know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// People were served for long, and nothing of it was signed meanwhile.
    SignedLate {
        /// The number of the first event that the checkpoint vouches for.
        from: i64,
        /// The number of the last.
        to: i64,
        /// When the first person was served.
        since: Instant,
        /// When the last one was.
        until: Instant,
        /// When it was signed.
        signed_at: Instant,
    },
    /// An event tells that the database, or the trail in it, went back.
    WentBack {
        /// Its number.
        seq: i64,
        /// Its id.
        id: EventId,
        /// When.
        at: Instant,
    },
    /// An event tells that a backup was restored.
    Restored {
        /// Its number.
        seq: i64,
        /// Its id.
        id: EventId,
        /// When.
        at: Instant,
        /// When the oldest event happened that was written again, as it says.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Instant>,
        /// How many events came with it although others of their time were long signed.
        late: u64,
    },
}

impl Notice {
    /// The number of the last event that it is about.
    pub(super) fn last(&self) -> i64 {
        match self {
            Self::SignedLate { to, .. } => *to,
            Self::WentBack { seq, .. } | Self::Restored { seq, .. } => *seq,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedLate {
                from,
                to,
                since,
                until,
                signed_at,
            } => write!(
                f,
                "signed late: of events {from} to {to}, people made some from {} to {}, and they were signed only at {}. A server \
                 signs each minute; one that could not for over {} minutes explains it, or somebody changed them, took their \
                 checkpoints away and had them signed again",
                since.to_rfc3339(),
                until.to_rfc3339(),
                signed_at.to_rfc3339(),
                LATE.seconds() / 60,
            ),
            Self::WentBack { seq, id, at } => write!(
                f,
                "went back: event {seq} ({id}) tells that at {} the database was not as far as it had been. A backup or a \
                 replica that was behind explains it, or somebody changed the trail and had it signed again",
                at.to_rfc3339()
            ),
            Self::Restored {
                seq, id, at, since, ..
            } => {
                write!(
                    f,
                    "restored: event {seq} ({id}) tells that `postern restore` put a backup in place at {}",
                    at.to_rfc3339()
                )?;
                if let Some(since) = since {
                    write!(f, ", and wrote again what was lost since {}", since.to_rfc3339())?;
                }
                if let Self::Restored { late: 1.., .. } = self {
                    write!(f, "; some of it is older than what had been signed")?;
                }
                write!(f, ". If nobody of yours did that, somebody put these events in")
            }
        }
    }
}
