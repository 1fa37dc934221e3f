//! Reads the whole trail, computes it again, and says exactly what is wrong.
//!
//! Whoever can write the database can compute hashes too, so what counts are the checkpoints: their keys are sealed by the
//! root secret, which is not in the database. The newest one vouches for every event before it, whatever key signed the
//! older ones. What looks as if it had been signed again is said; and a checkpoint that the admin keeps elsewhere vouches
//! for what is here against whoever has the root secret.

mod finding;
mod keys;
mod notice;
mod report;
mod trail;

pub use self::{
    finding::Finding,
    notice::Notice,
    report::{Report, Verdict},
};
use self::{
    keys::{CheckpointKeys, Signed},
    trail::Trail,
};
use crate::{
    base::time::Instant,
    domain::audit::Head,
    flows::{Provider, audit::AuditError},
    store::{
        audit::{self, Chained},
        error::StoreError,
    },
};

/// How many events or checkpoints are read at once.
const PAGE: i64 = 500;

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The text that the admin kept is none.
    #[error("that is no checkpoint of this server: {0}")]
    NoCheckpoint(&'static str),
    /// There is none as old as that.
    #[error(
        "there is no checkpoint from before that time to begin at; leave --since out to verify everything"
    )]
    NothingBefore,
    /// The database's, or the keys'.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        Self::Audit(error.into())
    }
}

/// Verifies the trail: everything that is kept, or from the newest checkpoint on in which nothing happened at `since` or
/// later; against a checkpoint that was kept elsewhere, if one is given.
pub async fn verify(
    provider: &Provider,
    since: Option<Instant>,
    elsewhere: Option<&str>,
) -> Result<Report, VerifyError> {
    let db = &provider.db;
    let keys = CheckpointKeys::read(provider).await?;
    let elsewhere = elsewhere
        .map(|text| {
            keys.open(&provider.issuer, text)
                .map_err(VerifyError::NoCheckpoint)
        })
        .transpose()?;
    let kept = audit::kept(db).await?;
    let mut report = Report::default();
    let start = match since {
        None => {
            if kept.seq > 0 {
                check_start(provider, &keys, &kept, &mut report).await?;
            }
            kept
        }
        Some(since) => {
            let found = audit::checkpoint_before(db, since).await?;
            let found = found.ok_or(VerifyError::NothingBefore)?;
            if let Err(why) = keys.vouches(&provider.issuer, &found) {
                report.add(Finding::CheckpointForged { seq: found.seq, why });
            }
            found.head()
        }
    };
    let mut trail = Trail::new(start, report);
    let mut signed = Checkpoints::behind(start.seq);
    let (head, newest) = loop {
        let page = audit::chain(db, trail.at(), PAGE).await?;
        if let Some(last) = page.last().map(|last| last.seq) {
            for Chained { seq, hash, event } in page {
                trail.take(seq, hash, &event);
                while let Some(row) = signed.next_up_to(provider, seq, last).await? {
                    trail.check(&row, keys.vouches(&provider.issuer, &row));
                }
            }
            continue;
        }
        // What comes meanwhile is no end that was cut off.
        let head = audit::head(db).await?;
        let newest = audit::newest_checkpoint(db).await?.map_or(0, |newest| newest.seq);
        let at = trail.at();
        if head.seq.max(newest) <= at || audit::chain(db, at, 1).await?.is_empty() {
            break (head, newest);
        }
    };
    trail.end(&head);
    // Those that say more than there is.
    while let Some(row) = signed.next_up_to(provider, newest, newest).await? {
        trail.check(&row, keys.vouches(&provider.issuer, &row));
    }
    let waiting = audit::waiting(db, 1000).await?;
    if since.is_none() && kept.seq > 0 && !trail.tells_of_deletion(kept.seq, &waiting) {
        trail.report.add(Finding::DeletedUntold { through: kept.seq });
    }
    trail.judge_late();
    trail.report.waiting = waiting.len();
    if let Some(elsewhere) = elsewhere {
        compare(provider, &mut trail, &kept, &elsewhere).await?;
    }
    Ok(trail.report.judged())
}

/// Where events were deleted, a checkpoint says behind what the rest begins.
async fn check_start(
    provider: &Provider,
    keys: &CheckpointKeys,
    kept: &Head,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let row = audit::checkpoints(&provider.db, kept.seq - 1, 1).await?;
    let row = row.into_iter().find(|row| row.seq == kept.seq);
    let Some(row) = row else {
        report.add(Finding::StartUnsigned { seq: kept.seq });
        return Ok(());
    };
    match keys.vouches(&provider.issuer, &row) {
        Err(why) => report.add(Finding::CheckpointForged { seq: kept.seq, why }),
        Ok(_) if row.hash != kept.hash => report.add(Finding::StartUnsigned { seq: kept.seq }),
        Ok(_) => {}
    }
    Ok(())
}

/// Against what the admin kept elsewhere.
async fn compare(
    provider: &Provider,
    trail: &mut Trail,
    kept: &Head,
    elsewhere: &Signed,
) -> Result<(), VerifyError> {
    let head = elsewhere.head;
    let last = trail.report.last.max(trail.at());
    let went_back = trail.went_back_after(elsewhere.at);
    if head.seq > last {
        trail.report.add(Finding::Cut {
            from: last + 1,
            to: head.seq,
            went_back,
        });
        return Ok(());
    }
    if head.seq < kept.seq {
        trail.report.add(Finding::KeptTooOld {
            seq: head.seq,
            begins: kept.seq + 1,
        });
        return Ok(());
    }
    let found = if head.seq == kept.seq {
        Some(kept.hash)
    } else {
        audit::hash_at(&provider.db, head.seq).await?
    };
    if found == Some(head.hash) {
        trail.report.has_been_seen(head.seq);
    } else {
        trail.report.add(Finding::NotAsKept {
            seq: head.seq,
            went_back,
        });
    }
    Ok(())
}

/// Whether a checkpoint vouches for a head that a key signed whose secret is here: any other could be made by whoever writes the
/// database.
pub(super) async fn is_vouched(provider: &Provider, head: &Head) -> Result<bool, AuditError> {
    let rows = audit::checkpoints(&provider.db, head.seq - 1, 1).await?;
    let Some(row) = rows.into_iter().find(|row| row.seq == head.seq) else {
        return Ok(false);
    };
    let keys = CheckpointKeys::read(provider).await?;
    let signed = keys.vouches(&provider.issuer, &row);
    Ok(signed.is_ok_and(|signed| signed.by_own_key && signed.head.hash == head.hash))
}

/// The checkpoints in the order of their numbers, a page at a time.
struct Checkpoints {
    after: i64,
    page: std::vec::IntoIter<audit::CheckpointRow>,
    /// Up to which number it was looked.
    looked: i64,
}

impl Checkpoints {
    fn behind(seq: i64) -> Self {
        Self {
            after: seq,
            page: Vec::new().into_iter(),
            looked: seq,
        }
    }

    /// The next one whose number is at most `seq`. Nothing is looked for behind `last`: what comes meanwhile is not read.
    async fn next_up_to(
        &mut self,
        provider: &Provider,
        seq: i64,
        last: i64,
    ) -> Result<Option<audit::CheckpointRow>, VerifyError> {
        if self.page.as_slice().is_empty() && self.looked < last {
            let page = audit::checkpoints(&provider.db, self.after, PAGE).await?;
            // What comes meanwhile is of no interest.
            let is_full = i64::try_from(page.len()).is_ok_and(|rows| rows == PAGE);
            self.looked = page.last().filter(|_| is_full).map_or(last, |row| row.seq);
            self.page = page.into_iter();
        }
        let is_next = self.page.as_slice().first().is_some_and(|row| row.seq <= seq);
        let next = if is_next { self.page.next() } else { None };
        if let Some(row) = &next {
            self.after = row.seq;
        }
        Ok(next)
    }
}
