//! How far a long command is: one line, written again and again on a terminal, and nothing elsewhere.

use crate::{
    base::time::{Clock, Instant, Lifetime},
    cli::{
        output::{Output, Unwritable},
        words::took,
    },
    flows::seed::{Progress, Stage},
};

/// How long a line stands before the next one.
const STANDS: Lifetime = Lifetime::from_millis(200);

/// The line.
#[derive(Debug)]
pub(super) struct Bar<'a> {
    out: &'a mut Output,
    clock: Clock,
    stage: Option<Stage>,
    began: Instant,
    shown: Instant,
}

impl<'a> Bar<'a> {
    /// Shows on `out`, if lines can be written again there.
    pub(super) fn new(out: &'a mut Output, clock: Clock) -> Self {
        let now = clock.now();
        Self {
            out,
            clock,
            stage: None,
            began: now,
            shown: now,
        }
    }

    /// A line that stays.
    pub(super) fn note(&mut self, text: &str) -> Result<(), Unwritable> {
        self.out.line(text)
    }

    /// Shows how far it is.
    pub(super) fn show(&mut self, progress: Progress) -> Result<(), Unwritable> {
        let now = self.clock.now();
        let is_new = self.stage != Some(progress.stage);
        if is_new {
            self.stage = Some(progress.stage);
            self.began = now;
        }
        if !self.out.is_rich() || !is_new && now.since(self.shown) < STANDS {
            return Ok(());
        }
        self.shown = now;
        let line = line(progress, now.since(self.began));
        self.out.text(format!("\r\x1b[2K{line}"))
    }

    /// Takes the line away.
    pub(super) fn end(self) -> Result<(), Unwritable> {
        if self.out.is_rich() {
            self.out.text("\r\x1b[2K")?;
        }
        Ok(())
    }
}

/// `app sessions  1,200,000 of 10,000,000  95,000/s  2 min left`
fn line(Progress { stage, done, of }: Progress, passed: Lifetime) -> String {
    let what = match stage {
        Stage::Users => "people",
        Stage::BrowserSessions => "browser sessions",
        Stage::Sessions => "app sessions",
        Stage::Indexes => "indexes",
        Stage::Statistics => return "statistics".to_owned(),
    };
    let millis = u64::try_from(passed.millis()).unwrap_or(0);
    let mut parts = vec![format!("{what}  {} of {}", grouped(done), grouped(of))];
    if millis > 0 && done > 0 {
        if stage != Stage::Indexes {
            parts.push(format!("{}/s", grouped(done.saturating_mul(1000) / millis)));
        }
        let left = (of - done).saturating_mul(millis) / done;
        let left = Lifetime::from_millis(i64::try_from(left).unwrap_or(i64::MAX));
        parts.push(format!("{} left", took(left)));
    }
    parts.join("  ")
}

/// A number that can be read: `1,200,000`.
pub(super) fn grouped(number: u64) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1000), number % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rows_rate_and_time_left() {
        let progress = Progress {
            stage: Stage::Sessions,
            done: 1_200_000,
            of: 10_000_000,
        };
        let told = line(progress, Lifetime::from_secs(12));
        assert_eq!(
            told,
            "app sessions  1,200,000 of 10,000,000  100,000/s  88 s left"
        );
        let begun = Progress {
            stage: Stage::Indexes,
            done: 0,
            of: 9,
        };
        assert_eq!(line(begun, Lifetime::from_secs(1)), "indexes  0 of 9");
        assert_eq!(
            [0, 12, 1000, 12_345_678].map(grouped),
            ["0", "12", "1,000", "12,345,678"]
        );
    }
}
