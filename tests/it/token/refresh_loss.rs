//! Refreshing over a bad network: half of all requests or answers are lost and tried again at once.

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{number, row, signed_in};
use crate::harness::{Postern, Tokens};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_loss_never_signs_out_and_never_grows_the_database() {
    let refreshes: i64 = if soak() { 10_000 } else { 500 };
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let mut network = StdRng::seed_from_u64(11);
    let mut stored = first.refresh.clone();
    let (mut lost_requests, mut lost_answers) = (0, 0);
    let mut small = (0, 0);

    for count in 0..refreshes {
        loop {
            // Of four tries one loses the request, one the answer.
            match network.next_u32() % 4 {
                0 => lost_requests += 1,
                1 => {
                    Tokens::of(&phone.refresh(&stored).await);
                    lost_answers += 1;
                }
                _ => {
                    stored = Tokens::of(&phone.refresh(&stored).await).refresh;
                    break;
                }
            }
            postern.advance("1s");
        }
        postern.advance("280s");
        if count == 100 {
            small = size(&postern).await;
        }
    }

    assert!(lost_requests > refreshes / 4 && lost_answers > refreshes / 4);
    let row = row(&postern, &first).await;
    assert_eq!((row.state.as_str(), row.generation), ("active", refreshes + 1));
    assert_eq!(row.retries, lost_answers, "each lost answer is seen");
    assert_eq!(
        postern.count_events("session.ended").await,
        0,
        "no forced sign-in"
    );
    assert_eq!(size(&postern).await, small, "the database is as large as before");
}

/// Pages of an embedded database, and rows of everything that could grow.
async fn size(postern: &Postern) -> (i64, i64) {
    let rows = "SELECT (SELECT COUNT(*) FROM device_sessions) + (SELECT COUNT(*) FROM events)
                + (SELECT COUNT(*) FROM revocations) + (SELECT COUNT(*) FROM attempts)
                + (SELECT COUNT(*) FROM browser_sessions) + (SELECT COUNT(*) FROM consents)";
    let pages = match postern.database {
        None => number(postern, "PRAGMA page_count").await,
        // It grows until a vacuum; what grows there for good are rows.
        Some(_) => 0,
    };
    (pages, number(postern, rows).await)
}

/// Whether the full size is wanted (`tests/soak`).
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
pub(super) fn soak() -> bool {
    std::env::var_os("POSTERN_SOAK").is_some()
}
