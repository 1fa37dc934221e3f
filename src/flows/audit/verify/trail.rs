//! The trail, event by event, as it is read.

use super::{Finding, Notice, Report, keys::Signed};
use crate::{
    base::{
        digest::Digest,
        id::EventId,
        time::{Instant, Lifetime},
    },
    domain::{
        actor::Actor,
        audit::{Head, StoredEvent, link},
    },
    store::audit::CheckpointRow,
};

/// How much older than what was signed an event may be when it comes, and how long a server may not have signed: transactions
/// take seconds, another process has the job half a minute later.
pub(super) const LATE: Lifetime = Lifetime::from_secs(300);
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
    /// What events tell of restores.
    restored: Vec<Restored>,
    /// When the oldest event happened of those that did not come late.
    oldest: Option<Instant>,
    /// When people were served, first and last, of what was not signed yet.
    served: Option<(Instant, Instant)>,
    /// Whether a restore wrote events again of what was not signed yet.
    is_restored: bool,
    /// Events that tell that the database went back, and when.
    went_back: Vec<(EventId, Instant)>,
    /// The numbers up to which events were deleted, as events tell.
    deleted: Vec<i64>,
}

/// That a restore put a backup in place.
struct Restored {
    seq: i64,
    id: EventId,
    at: Instant,
    /// When the oldest event happened that it wrote again.
    since: Option<Instant>,
    /// How many it wrote.
    lost: u64,
    /// How many of those came late.
    late: u64,
}

impl Restored {
    /// Takes a late event for one that it wrote again, if it may be: those come before it is told of, and are so many.
    fn explains(&mut self, seq: i64, at: Instant) -> bool {
        let is_within = self.since.is_some_and(|since| since <= at && at <= self.at);
        let explains = seq < self.seq && is_within && self.late < self.lost;
        self.late += u64::from(explains);
        explains
    }
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
            oldest: None,
            served: None,
            is_restored: false,
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
        if event.at >= self.latest.minus(LATE) {
            self.oldest = Some(self.oldest.map_or(event.at, |oldest| oldest.min(event.at)));
            if is_by_people(event) {
                let (first, last) = self.served.unwrap_or((event.at, event.at));
                self.served = Some((first.min(event.at), last.max(event.at)));
            }
        } else if self.late.len() < MOST_LATE {
            self.late.push((seq, event.id, event.at));
        }
        self.note(seq, event);
        (self.seq, self.hash) = (seq, hash);
        self.report.last = seq;
        self.report.events += 1;
    }

    /// What an event says of the trail itself.
    fn note(&mut self, seq: i64, event: &StoredEvent) {
        let (id, at) = (event.id, event.at);
        let number = |name| number(event, name);
        match event.kind.as_str() {
            DELETED => self.deleted.extend(number("through")),
            "database.went_back" => self.report.look(Notice::WentBack { seq, id, at }),
            "audit.went_back" => {
                self.went_back.push((id, at));
                self.report.look(Notice::WentBack { seq, id, at });
            }
            "database.restored" => {
                let since = number("since").map(Instant::from_millis);
                let lost = number("lost").and_then(|lost| u64::try_from(lost).ok());
                self.went_back.push((id, at));
                self.is_restored = true;
                // Nothing is written again that is older than everything which the backup has.
                let begins = self.oldest.filter(|_| self.report.first == 1);
                if let (Some(since), Some(begins)) = (since, begins)
                    && since < begins.minus(LATE)
                {
                    self.report.add(Finding::RestoreForged { seq, id, since });
                    return;
                }
                self.restored.push(Restored {
                    seq,
                    id,
                    at,
                    since,
                    lost: lost.unwrap_or(0),
                    late: 0,
                });
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
        if row.seq == self.seq {
            self.judge_span(row.seq, signed.at);
        }
        (self.signed, self.latest) = (row.seq, self.latest.max(signed.head.latest));
    }

    /// Whether a server ran all the time while nothing was signed: one that was down explains events that wait for long, but
    /// not people who are served meanwhile.
    fn judge_span(&mut self, to: i64, signed_at: Instant) {
        let (served, is_restored) = (self.served.take(), std::mem::take(&mut self.is_restored));
        if let Some((since, until)) = served
            && until.since(since) > LATE
            && !is_restored
        {
            self.report.look(Notice::SignedLate {
                from: self.signed + 1,
                to,
                since,
                until,
                signed_at,
            });
        }
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
        let waiting = waiting.iter().filter(|event| event.kind == DELETED);
        self.deleted
            .extend(waiting.filter_map(|event| number(event, "through")));
        self.deleted.contains(&through)
    }

    /// Events that came long after others of their time were signed: written again after a restore, or put in between.
    pub(super) fn judge_late(&mut self) {
        for (seq, id, at) in std::mem::take(&mut self.late) {
            if !self
                .restored
                .iter_mut()
                .any(|restored| restored.explains(seq, at))
            {
                self.report.add(Finding::Inserted { seq, id, at });
            }
        }
        for Restored {
            seq,
            id,
            at,
            since,
            late,
            ..
        } in std::mem::take(&mut self.restored)
        {
            self.report.look(Notice::Restored {
                seq,
                id,
                at,
                since,
                late,
            });
        }
    }

    /// The event that tells that the database went back after an instant, if there is one.
    pub(super) fn went_back_after(&self, at: Instant) -> Option<EventId> {
        let told = self.went_back.iter().find(|(_, told)| told.plus(LATE) >= at);
        told.map(|(id, _)| *id)
    }
}

/// The kind of event that tells of a deletion by age.
const DELETED: &str = "audit.deleted";

/// A number among the fields of an event.
fn number(event: &StoredEvent, name: &str) -> Option<i64> {
    let data: Option<serde_json::Value> = serde_json::from_str(&event.data).ok();
    data.and_then(|data| data[name].as_i64())
}

/// Whether a server was asked for it: what the command line and the server by itself do may happen while none runs.
fn is_by_people(event: &StoredEvent) -> bool {
    let actor = event.actor.as_deref();
    let actor = actor.and_then(|actor| serde_json::from_str(actor).ok());
    !matches!(actor, Some(Actor::Operator | Actor::System))
}
