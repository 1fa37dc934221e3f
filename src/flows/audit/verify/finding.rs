//! What can be wrong with the trail.

use std::fmt;

use serde::Serialize;

use crate::base::{id::EventId, time::Instant};

/// Something that is wrong, with the number of the event where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// An event is not what it was when it came into the chain, or the one before it was replaced together with its hash.
    Changed {
        /// Its number.
        seq: i64,
        /// Its id.
        id: EventId,
    },
    /// Events are gone.
    Missing {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// An event says that it is of a time that was long signed when it came.
    Inserted {
        /// Its number.
        seq: i64,
        /// Its id.
        id: EventId,
        /// When it says that it happened.
        at: Instant,
    },
    /// An event tells of a restore which says what none ever says.
    RestoreForged {
        /// Its number.
        seq: i64,
        /// Its id.
        id: EventId,
        /// When the oldest event happened that was lost, as it says.
        since: Instant,
    },
    /// Events have numbers that the chain has not come to.
    Beyond {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// The chain was computed anew: it does not come to what was signed.
    Rewritten {
        /// Up to where the trail is as it was signed.
        after: i64,
        /// The number that the checkpoint says.
        to: i64,
    },
    /// A checkpoint is none that this server signed, or not what it signed.
    CheckpointForged {
        /// The number that its row says.
        seq: i64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No checkpoint that a key of this server signed vouches for anything here.
    Unsigned {
        /// How far the chain goes.
        to: i64,
    },
    /// The end is gone: somebody knows that there was more.
    Cut {
        /// The first that is gone.
        from: i64,
        /// The last that is known of.
        to: i64,
        /// The event that tells why, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        went_back: Option<EventId>,
    },
    /// What is deleted does not end at a checkpoint.
    StartUnsigned {
        /// The number of the last event that is said to be deleted.
        seq: i64,
    },
    /// The beginning is gone, and no event tells that it was deleted.
    DeletedUntold {
        /// The number of the last event that is gone.
        through: i64,
    },
    /// The trail is not the one that the checkpoint kept elsewhere is of.
    NotAsKept {
        /// The number that the checkpoint says.
        seq: i64,
        /// The event that tells why, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        went_back: Option<EventId>,
    },
    /// The checkpoint kept elsewhere is older than everything that is kept here.
    KeptTooOld {
        /// The number that it says.
        seq: i64,
        /// The number of the first event here.
        begins: i64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { seq, id } => write!(
                f,
                "row changed: event {seq} ({id}) is not what it was when it was recorded, or the one before it was \
                 replaced together with its hash"
            ),
            Self::Missing { from, to } if from == to => write!(f, "row missing: event {from} is gone"),
            Self::Missing { from, to } => write!(f, "rows missing: events {from} to {to} are gone"),
            Self::Inserted { seq, id, at } => write!(
                f,
                "row inserted: event {seq} ({id}) says that it happened at {}, but came when later events were long signed",
                at.to_rfc3339()
            ),
            Self::RestoreForged { seq, id, since } => write!(
                f,
                "restore forged: event {seq} ({id}) says that events were written again from {} on, which is before the trail \
                 begins; `postern restore` writes no such thing",
                since.to_rfc3339()
            ),
            Self::Beyond { from, to } => write!(
                f,
                "rows inserted: events {from} to {to} have numbers that the chain has not come to"
            ),
            Self::Rewritten { after, to } => write!(
                f,
                "trail rewritten: events {} to {to} do not come to what the checkpoint at {to} says; some of them were \
                 changed, inserted or removed, and the rest computed anew",
                after + 1
            ),
            Self::CheckpointForged { seq, why } => {
                write!(f, "checkpoint forged: the one at event {seq} {why}")
            }
            Self::Unsigned { to } => write!(
                f,
                "no checkpoint: nothing that a key of this server signed vouches for the events up to {to}"
            ),
            Self::Cut { from, to, went_back } => {
                write!(f, "tail cut off: events {from} to {to} are gone")?;
                told(f, *went_back)
            }
            Self::StartUnsigned { seq } => write!(
                f,
                "beginning cut off: no checkpoint says what the events up to {seq} came to, which are deleted"
            ),
            Self::DeletedUntold { through } => write!(
                f,
                "beginning cut off: no event tells that those up to {through} were deleted"
            ),
            Self::NotAsKept { seq, went_back } => {
                write!(
                    f,
                    "trail replaced: at event {seq} it is not the one that the checkpoint kept elsewhere is of"
                )?;
                told(f, *went_back)
            }
            Self::KeptTooOld { seq, begins } => write!(
                f,
                "nothing to compare: the checkpoint kept elsewhere is of event {seq}, and what is kept here begins with \
                 {begins}; keep a newer one"
            ),
        }
    }
}

fn told(f: &mut fmt::Formatter<'_>, went_back: Option<EventId>) -> fmt::Result {
    match went_back {
        Some(id) => write!(
            f,
            "; {id} tells that the database went back to an older state: if you know of that, keep a new checkpoint"
        ),
        None => Ok(()),
    }
}
