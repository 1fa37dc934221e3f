//! What somebody leaves behind who changes the trail and has it signed again; and what is harmless, and not said.

use postern::{
    base::digest::Digest,
    flows::audit::{
        Chain,
        verify::{Finding, Notice, Verdict, verify},
    },
    store::{audit, db::Statement},
};
use serde_json::json;

use super::{checkpoint, computed_anew, findings_against, put_in, verified, with_a_trail};
use crate::harness::{ALICE, Postern};

/// A trail of a quarter of an hour, in which people sign in all the time and each minute is signed.
async fn with_a_busy_trail() -> Postern {
    let postern = with_a_trail().await;
    for _ in 0..8 {
        postern.advance("2m");
        postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        postern.chains().await;
    }
    postern
}

#[tokio::test]
async fn a_trail_that_was_changed_and_signed_again_was_signed_late() {
    let postern = with_a_busy_trail().await;
    assert_eq!(verified(&postern).await.verdict, Verdict::Good);
    let kept = checkpoint(&postern).await;
    postern
        .tamper("UPDATE events SET address = '198.51.100.1' WHERE seq = 5")
        .await;
    computed_anew(&postern, 4).await;
    postern.tamper("DELETE FROM audit_checkpoints").await;
    // A server that starts knows of nothing else.
    postern.advance("2m");
    postern.chains().await;

    let report = verified(&postern).await;
    assert_eq!(
        (&report.findings[..], report.verdict),
        (&[][..], Verdict::Suspicious)
    );
    let [
        Notice::SignedLate {
            from: 1,
            to,
            since,
            until,
            signed_at,
        },
    ] = report.notices[..]
    else {
        panic!("{report:?}");
    };
    assert_eq!(to, report.last);
    assert!(until.since(since).seconds() > 15 * 60, "{report:?}");
    assert!(signed_at.since(until).seconds() > 60, "{report:?}");
    // What the admin kept proves it.
    let against = verify(postern.provider(), None, Some(&kept))
        .await
        .expect("answered");
    assert_eq!(against.verdict, Verdict::Wrong);
    assert!(
        matches!(against.findings[..], [Finding::NotAsKept { .. }]),
        "{against:?}"
    );
    // Who has looked keeps a new one, and hears no more of what was before that.
    let seen = checkpoint(&postern).await;
    let against = verify(postern.provider(), None, Some(&seen))
        .await
        .expect("answered");
    assert_eq!(against.verdict, Verdict::Good, "{against:?}");
}

#[tokio::test]
async fn a_server_that_was_down_signs_late_and_nobody_is_alarmed() {
    let postern = with_a_trail().await;
    // It dies with a minute that was not signed, and the operator works beside it for hours.
    for wait in ["1s", "30s"] {
        postern.advance(wait);
        postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    }
    for email in ["carol@example.com", "dave@example.com"] {
        postern.advance("2h");
        postern.add_user(email).await;
    }
    postern.advance("1h");
    postern.chains().await;
    postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.chains().await;
    let report = verified(&postern).await;
    assert_eq!((report.verdict, &report.notices[..]), (Verdict::Good, &[][..]));
}

#[tokio::test]
async fn a_restore_that_nobody_did_lets_nothing_in() {
    let postern = with_a_busy_trail().await;
    let now = postern.clock.now();
    let long_ago = now.minus("30d".parse().expect("a length of time"));
    let forged = put_in(&postern, long_ago, "user.signed_in", json!({})).await;
    let data = json!({ "kind": "database.restored", "lost": 9, "since": 0 });
    let restored = put_in(&postern, now, "database.restored", data).await;
    postern.chains().await;
    let report = verified(&postern).await;
    let [
        Finding::RestoreForged { id: told, .. },
        Finding::Inserted { id: inserted, .. },
    ] = report.findings[..]
    else {
        panic!("{report:?}");
    };
    assert_eq!((told, inserted), (restored, forged));
    assert_eq!(report.verdict, Verdict::Wrong);
}

#[tokio::test]
async fn a_restore_explains_so_many_events_as_it_says_and_none_after_it_and_is_always_told() {
    let postern = with_a_busy_trail().await;
    let now = postern.clock.now();
    let ago = |time: &str| now.minus(time.parse().expect("a length of time"));
    put_in(&postern, ago("12m"), "user.signed_in", json!({})).await;
    let one_too_many = put_in(&postern, ago("11m"), "user.signed_in", json!({})).await;
    let data = json!({ "kind": "database.restored", "lost": 1, "since": ago("13m").millis() });
    let restored = put_in(&postern, now, "database.restored", data).await;
    postern.chains().await;
    let afterwards = put_in(&postern, ago("10m"), "user.signed_in", json!({})).await;
    postern.chains().await;
    let report = verified(&postern).await;
    let inserted: Vec<_> = report
        .findings
        .iter()
        .map(|finding| match finding {
            Finding::Inserted { id, .. } => *id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(inserted, [one_too_many, afterwards]);
    assert!(
        matches!(report.notices[..], [Notice::Restored { id, late: 1, .. }] if id == restored),
        "{report:?}"
    );
}

#[tokio::test]
async fn every_time_that_the_database_went_back_is_told() {
    let postern = with_a_busy_trail().await;
    let data = json!({ "kind": "database.went_back" });
    let told = put_in(&postern, postern.clock.now(), "database.went_back", data).await;
    postern.chains().await;
    let report = verified(&postern).await;
    assert_eq!(report.verdict, Verdict::Suspicious);
    assert!(
        matches!(report.notices[..], [Notice::WentBack { id, .. }] if id == told),
        "{report:?}"
    );
}

/// Who changes the past says that what the server knows of it was deleted by age.
#[tokio::test]
async fn what_is_said_to_be_deleted_is_believed_only_where_a_key_of_this_server_says_so() {
    const KEPT: Statement<(i64, Digest), ()> =
        Statement::new("UPDATE audit_heads SET seq = $1, hash = $2 WHERE name = 'kept'");
    let postern = with_a_trail().await;
    let mut chain = Chain::default();
    postern.add_user("carol@example.com").await;
    while chain.round(postern.provider()).await.expect("answered") {}
    let kept = checkpoint(&postern).await;
    postern
        .tamper("UPDATE events SET address = '198.51.100.1' WHERE seq = 5")
        .await;
    computed_anew(&postern, 4).await;
    postern.tamper("DELETE FROM audit_checkpoints").await;
    let db = &postern.provider().db;
    let head = audit::head(db).await.expect("read");
    let binds = (head.seq + 1, head.hash);
    let _: Option<()> = db.execute(KEPT, binds).await.expect("written");

    postern.advance("2m");
    postern.add_user("dave@example.com").await;
    for _ in 0..2 {
        while chain.round(postern.provider()).await.expect("answered") {}
    }
    assert_eq!(postern.count_events("audit.went_back").await, 1);
    assert!(!findings_against(&postern, &kept).await.is_empty());
}
