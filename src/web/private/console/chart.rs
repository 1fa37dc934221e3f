//! Charts, drawn here as numbers that a template sets into an inline picture: sign-ins stand above a line, failures hang
//! below it, so that nobody needs the colours.

use crate::{
    base::time::Instant,
    flows::admin::look::Counts,
    web::pages::{Chart, Column},
};

/// How wide the drawing is, in its own units.
const WIDTH: f64 = 720.0;
/// How high a column is at most, on either side of the line.
const HEIGHT: f64 = 100.0;
/// Between two columns.
const GAP: f64 = 6.0;

/// Each hour of the last day.
pub(super) fn of_hours(counts: &Counts) -> Chart {
    chart("hours", "The last 24 hours", counts, |at| at[11..16].to_owned())
}

/// Each day of the last month.
pub(super) fn of_days(counts: &Counts) -> Chart {
    chart("days", "The last 30 days", counts, |at| at[5..10].to_owned())
}

fn chart(id: &'static str, title: &'static str, counts: &Counts, label: impl Fn(&str) -> String) -> Chart {
    let numbers: Vec<(Instant, i64, i64)> = (0_i64..)
        .take(counts.steps)
        .map(|step| {
            let at = Instant::from_millis(counts.since.millis() + step * counts.step.millis());
            (
                at,
                count(counts, at, "user.signed_in"),
                count(counts, at, "user.sign_in_failed"),
            )
        })
        .collect();
    let most = numbers
        .iter()
        .map(|(_, good, bad)| *good.max(bad))
        .max()
        .unwrap_or(0);
    let columns = draw(&numbers, most, label);
    let sum = |of: fn(&Column) -> i64| columns.iter().map(of).sum::<i64>();
    let (good, bad) = (sum(|column| column.good), sum(|column| column.bad));
    let highest = columns
        .iter()
        .max_by_key(|column| column.good)
        .filter(|column| column.good > 0);
    let highest =
        highest.map(|column| format!(" The most sign-ins at once: {} at {}.", column.good, column.label));
    Chart {
        id,
        title,
        summary: format!("{good} sign-ins, {bad} failed.{}", highest.unwrap_or_default()),
        width: step_width(numbers.len()) - GAP,
        columns,
        most,
    }
}

fn count(counts: &Counts, at: Instant, kind: &str) -> i64 {
    let mut found = counts
        .counted
        .iter()
        .filter(|counted| counted.at == at && counted.kind == kind);
    found.next().map_or(0, |counted| counted.count)
}

#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn step_width(steps: usize) -> f64 {
    WIDTH / steps.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn draw(numbers: &[(Instant, i64, i64)], most: i64, label: impl Fn(&str) -> String) -> Vec<Column> {
    let step = step_width(numbers.len());
    // What happened once in a thousand is seen too.
    let height = |number: i64| match number {
        0 => 0.0,
        number => tenth((number as f64 / most.max(1) as f64 * HEIGHT).max(2.0)),
    };
    let column = |(place, (at, good, bad)): (usize, &(Instant, i64, i64))| Column {
        label: label(&at.to_rfc3339()),
        good: *good,
        bad: *bad,
        x: tenth(place as f64 * step + GAP / 2.0),
        up: height(*good),
        down: height(*bad),
    };
    numbers.iter().enumerate().map(column).collect()
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{base::time::Lifetime, flows::events::Counted};

    fn counts(numbers: &[(i64, &str, i64)]) -> Counts {
        let at =
            |hour: i64| Instant::from_millis(1_800_000_000_000 / 3_600_000 * 3_600_000 + hour * 3_600_000);
        let counted = numbers.iter().map(|(hour, kind, count)| Counted {
            at: at(*hour),
            kind: (*kind).to_owned(),
            count: *count,
        });
        Counts {
            since: at(0),
            step: Lifetime::from_secs(3600),
            steps: 24,
            counted: counted.collect(),
        }
    }

    #[test]
    fn sign_ins_stand_above_the_line_and_failures_hang_below_it() {
        let drawn = of_hours(&counts(&[
            (0, "user.signed_in", 50),
            (0, "user.sign_in_failed", 25),
            (23, "user.signed_in", 100),
            (3, "session.ended", 9),
        ]));
        let column = |at: usize| (drawn.columns[at].up, drawn.columns[at].down);
        assert_eq!(
            (column(0), column(3), column(23)),
            ((50.0, 25.0), (0.0, 0.0), (100.0, 0.0))
        );
        assert_eq!(
            (drawn.most, drawn.columns.len(), drawn.columns[23].x),
            (100, 24, 693.0)
        );
        assert_eq!(
            drawn.summary,
            "150 sign-ins, 25 failed. The most sign-ins at once: 100 at 07:00."
        );
    }

    #[test]
    fn nothing_at_all_is_a_flat_line() {
        let drawn = of_hours(&counts(&[]));
        assert!(
            drawn
                .columns
                .iter()
                .all(|column| column.up == 0.0 && column.down == 0.0)
        );
        assert_eq!(drawn.summary, "0 sign-ins, 0 failed.");
    }

    proptest! {
        #[test]
        fn whatever_happened_stays_in_the_picture(numbers in proptest::collection::vec((0_i64..24, 0_i64..i64::MAX / 64), 0..24)) {
            let numbers: Vec<_> = numbers.iter().map(|(hour, count)| (*hour, "user.signed_in", *count)).collect();
            let drawn = of_hours(&counts(&numbers));
            for column in &drawn.columns {
                prop_assert!((0.0..=HEIGHT).contains(&column.up) && column.x >= 0.0);
                prop_assert!(column.x + drawn.width <= WIDTH);
                prop_assert_eq!(column.up == 0.0, column.good == 0);
            }
        }
    }
}
