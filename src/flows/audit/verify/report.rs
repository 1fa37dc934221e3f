//! What was verified, and what came of it.

use serde::Serialize;

use super::{Finding, Notice};

/// More findings or notices than these are counted, not listed.
const MOST: usize = 100;

/// What it all comes to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is wrong.
    #[default]
    Good,
    /// Nothing is proven, but somebody has to say that they know why.
    Suspicious,
    /// It is not what it was.
    Wrong,
}

/// What was verified, and what is wrong.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What it all comes to.
    pub verdict: Verdict,
    /// The number of the first event that was read.
    pub first: i64,
    /// The number of the last one.
    pub last: i64,
    /// How many events were read.
    pub events: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// Up to which number a checkpoint vouches for the events, that a key of this server signed.
    pub vouched: i64,
    /// How many events are not in the chain yet (a thousand is a thousand or more).
    pub waiting: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How much more is wrong than is listed.
    pub more_findings: u64,
    /// What proves nothing, and has to be looked at.
    pub notices: Vec<Notice>,
    /// How much more of that there is than is listed.
    pub more_notices: u64,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }

    pub(super) fn look(&mut self, notice: Notice) {
        if self.notices.len() < MOST {
            self.notices.push(notice);
        } else {
            self.more_notices += 1;
        }
    }

    /// What a checkpoint vouches for that somebody kept, they have looked at.
    pub(super) fn has_been_seen(&mut self, through: i64) {
        self.notices.retain(|notice| notice.last() > through);
    }

    pub(super) fn judged(self) -> Self {
        let verdict = match (
            self.findings.is_empty(),
            self.notices.is_empty() && self.more_notices == 0,
        ) {
            (true, true) => Verdict::Good,
            (true, false) => Verdict::Suspicious,
            (false, _) => Verdict::Wrong,
        };
        Self { verdict, ..self }
    }
}
