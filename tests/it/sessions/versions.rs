//! How many live sessions each version of an app has, as the walk over all of them counts.

use postern::flows::{sessions::versions, sweep::walk::walk};

use super::more_like_it;
use crate::harness::{ALICE, BOB, Postern, Tokens};

async fn counts(postern: &Postern) -> Vec<(Option<String>, i64)> {
    let found = versions(postern.provider(), None).await.expect("answered");
    found
        .into_iter()
        .map(|count| (count.app_version, count.sessions))
        .collect()
}

#[tokio::test]
async fn a_flood_of_versions_is_written_in_parts_and_counted_whole() {
    for postern in Postern::on_each().await {
        postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        more_like_it(&postern, 2499).await;
        // Version 1 to 900, many of which come in more than one part.
        let number = "(SELECT COUNT(*) FROM device_sessions other WHERE other.id < device_sessions.id) % 900";
        let sql = format!("UPDATE device_sessions SET app_version = CAST({number} AS TEXT)");
        postern.tamper(Box::leak(sql.into_boxed_str())).await;
        let (statements, walked) = postern.statements(walk(postern.provider())).await;
        walked.expect("walked");
        // Each stride has so many versions that they are written before the next one: 900 of two of them, 500 of the last.
        assert!(
            statements >= 2300,
            "{statements}: in one part it would be 900 and a few"
        );
        let counted = counts(&postern).await;
        assert_eq!(counted.len(), 900);
        assert_eq!(counted.iter().map(|(_, sessions)| sessions).sum::<i64>(), 2500);
        walk(postern.provider()).await.expect("walked");
        assert_eq!(counts(&postern).await, counted);
    }
}

#[tokio::test]
async fn live_sessions_are_counted_by_version_and_ended_ones_leave_the_count() {
    for postern in Postern::on_each().await {
        let phone = postern.phone();
        phone.signed_in(&mut postern.browser(), ALICE).await;
        // More than one stride.
        more_like_it(&postern, 6000).await;
        let code = phone.allowed_code(&mut postern.browser(), BOB).await;
        let bob = Tokens::of(&phone.redeem_with(&code, &[("app_version", "2.0")]).await);
        assert_eq!(counts(&postern).await, [], "nothing is counted by who asks");
        walk(postern.provider()).await.expect("walked");
        let two = Some("2.0".to_owned());
        assert_eq!(counts(&postern).await, [(None, 6001), (two, 1)]);

        postern.phone().revoke(&bob.refresh).await;
        walk(postern.provider()).await.expect("walked");
        assert_eq!(counts(&postern).await, [(None, 6001)]);
    }
}
