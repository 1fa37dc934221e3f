//! The trail, event by event, as it is read.

use super::{Finding, Report, keys::Signed};
use crate::{
    base::{
        digest::Digest,
        id::EventId,
        time::{Instant, Lifetime},
    },
    domain::audit::{Head, StoredEvent, link},
    store::audit::CheckpointRow,
};

/// How much older than what was signed an event may be when it comes: transactions take seconds.
const LATE: Lifetime = Lifetime::from_secs(300);
/// More late events than these are not kept in memory; one more is a finding all the same.
const MOST_LATE: usize = 10_000;

/// What was read so far.
pub(super) struct Trail {
    pub(super) report: Report,
    seq: i64,
    /// The hash that the next one goes on from; nothing behind a gap.
    hash: Option<Digest>,
    /// What was signed last, as far as it is right.
    signed: i64,
    /// The newest time in what was signed.
    latest: Instant,
    late: Vec<(i64, EventId, Instant)>,
    /// Spans of time whose events were written again after a restore.
    restored: Vec<(Instant, Instant)>,
    /// Events that tell that the database went back, and when.
    went_back: Vec<(EventId, Instant)>,
    /// The numbers up to which events were deleted, as events tell.
    deleted: Vec<i64>,
}

impl Trail {
    pub(super) fn new(start: Head, report: Report) -> Self {
        Self {
            report: Report {
                first: start.seq + 1,
                last: start.seq,
                ..report
            },
            seq: start.seq,
            hash: Some(start.hash),
            signed: start.seq,
            latest: start.latest,
            late: Vec::new(),
            restored: Vec::new(),
            went_back: Vec::new(),
            deleted: Vec::new(),
        }
    }

    /// The number of the event that was read last.
    pub(super) fn at(&self) -> i64 {
        self.seq
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, seq: i64, hash: Option<Digest>, event: &StoredEvent) {
        if seq > self.seq + 1 {
            let (from, to) = (self.seq + 1, seq - 1);
            self.report.add(Finding::Missing { from, to });
            // What the next one goes on from is not known.
            self.hash = None;
        }
        let is_right = match (self.hash, hash) {
            (Some(before), Some(hash)) => link(before, seq, event) == hash,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if !is_right {
            self.report.add(Finding::Changed { seq, id: event.id });
        }
        if event.at < self.latest.minus(LATE) && self.late.len() < MOST_LATE {
            self.late.push((seq, event.id, event.at));
        }
        self.note(event);
        (self.seq, self.hash) = (seq, hash);
        self.report.last = seq;
        self.report.events += 1;
    }

    /// What an event says of the trail itself.
    fn note(&mut self, event: &StoredEvent) {
        let number = |name: &str| {
            let data: Option<serde_json::Value> = serde_json::from_str(&event.data).ok();
            data.and_then(|data| data[name].as_i64())
        };
        match event.kind.as_str() {
            "audit.deleted" => self.deleted.extend(number("through")),
            "audit.went_back" => self.went_back.push((event.id, event.at)),
            "database.restored" => {
                let since = number("since").map(Instant::from_millis);
                self.restored.extend(since.map(|since| (since, event.at)));
                self.went_back.push((event.id, event.at));
            }
            _ => {}
        }
    }

    /// Takes a checkpoint, when everything that it says was read.
    pub(super) fn check(&mut self, row: &CheckpointRow, signed: Result<Signed, &'static str>) {
        self.report.checkpoints += 1;
        let signed = match signed {
            Ok(signed) => signed,
            Err(why) => {
                self.report.add(Finding::CheckpointForged { seq: row.seq, why });
                return;
            }
        };
        if row.seq > self.seq {
            // One is enough: the end is as far as anybody knows.
            let from = self.seq + 1;
            let known = self.report.findings.iter_mut().find_map(|finding| match finding {
                Finding::Cut { to, .. } => Some(to),
                _ => None,
            });
            match known {
                Some(to) => *to = row.seq.max(*to),
                None => self.report.add(Finding::Cut {
                    from,
                    to: row.seq,
                    went_back: None,
                }),
            }
            return;
        }
        // Where the event itself is gone, that is said already.
        if row.seq == self.seq && self.hash != Some(signed.head.hash) {
            let (after, to) = (self.signed, row.seq);
            self.report.add(Finding::Rewritten { after, to });
        } else if row.seq == self.seq && signed.by_own_key {
            self.report.vouched = row.seq;
        }
        (self.signed, self.latest) = (row.seq, self.latest.max(signed.head.latest));
    }

    /// There is no event more, and the chain is said to go as far as `head`.
    pub(super) fn end(&mut self, head: &Head) {
        if self.seq < head.seq {
            self.report.add(Finding::Cut {
                from: self.seq + 1,
                to: head.seq,
                went_back: None,
            });
        }
        if self.seq > head.seq {
            let (from, to) = (head.seq + 1, self.seq);
            self.report.add(Finding::Beyond { from, to });
        }
        if self.report.events > 0 && self.report.vouched == 0 {
            self.report.add(Finding::Unsigned { to: self.seq });
        }
    }

    /// Whether an event tells that those up to a number were deleted; perhaps one that is not in the chain yet.
    pub(super) fn tells_of_deletion(&mut self, through: i64, waiting: &[StoredEvent]) -> bool {
        for event in waiting.iter().filter(|event| event.kind == "audit.deleted") {
            self.note(event);
        }
        self.deleted.contains(&through)
    }

    /// Events that came long after others of their time were signed: written again after a restore, or put in between.
    pub(super) fn judge_late(&mut self) {
        for (seq, id, at) in std::mem::take(&mut self.late) {
            let is_restored = self
                .restored
                .iter()
                .any(|(since, until)| *since <= at && at <= *until);
            if !is_restored {
                self.report.add(Finding::Inserted { seq, id, at });
            }
        }
    }

    /// The event that tells that the database went back after an instant, if there is one.
    pub(super) fn went_back_after(&self, at: Instant) -> Option<EventId> {
        let told = self.went_back.iter().find(|(_, told)| told.plus(LATE) >= at);
        told.map(|(id, _)| *id)
    }
}
