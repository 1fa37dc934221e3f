//! Events are deleted by age, and what is left is verified as before.

use postern::{base::time::Lifetime, flows::sweep::sweep};

use super::{checkpoint, findings, findings_against, verified};
use crate::harness::{ALICE, Postern};

async fn kept_for_days(days: i64) -> Postern {
    Postern::start_with(|config| config.retention.events = Some(Lifetime::from_days(days))).await
}

#[tokio::test]
async fn what_is_deleted_ends_at_a_signed_checkpoint_and_is_told_of() {
    let postern = kept_for_days(3).await;
    let mut first = None;
    for day in 0..8 {
        postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        postern.chains().await;
        if day == 0 {
            first = Some(checkpoint(&postern).await);
        }
        postern.advance("1d");
        sweep(postern.provider()).await.expect("swept");
        postern.chains().await;
    }
    let report = verified(&postern).await;
    assert_eq!(report.findings, []);
    assert!(report.first > 10 && report.vouched == report.last, "{report:?}");
    assert_eq!(postern.number("SELECT MIN(seq) FROM events").await, report.first);
    assert!(postern.count_events("audit.deleted").await >= 2);
    // What was kept of before says that there is nothing to compare with, and one of now is right.
    let old = findings_against(&postern, &first.expect("kept")).await;
    assert!(
        matches!(
            old[..],
            [postern::flows::audit::verify::Finding::KeptTooOld { .. }]
        ),
        "{old:?}"
    );
    assert_eq!(findings_against(&postern, &checkpoint(&postern).await).await, []);
    // Counts go with them, and the checkpoints of before.
    let hours = postern
        .number("SELECT COUNT(DISTINCT hour) FROM event_counts")
        .await;
    assert!(hours <= 5, "{hours}");
    assert_eq!(
        postern.number("SELECT MIN(seq) FROM audit_checkpoints").await,
        report.first - 1
    );
}

#[tokio::test]
async fn what_is_not_signed_yet_is_not_deleted_however_old_it_is() {
    let postern = kept_for_days(1).await;
    let rows = postern.number("SELECT COUNT(*) FROM events").await;
    postern.advance("9d");
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(postern.number("SELECT COUNT(*) FROM events").await, rows);
    postern.chains().await;
    sweep(postern.provider()).await.expect("swept");
    postern.chains().await;
    assert_eq!(findings(&postern).await, []);
    assert_eq!(postern.count_events("user.created").await, 0);
}
