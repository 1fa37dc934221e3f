//! Callers who go away before they are answered: what they took is given back, and what they guessed is counted.

use futures_util::{StreamExt, poll, stream::FuturesUnordered};

use super::{limit, stand_still, stranger, with_one_hashing_thread};
use crate::harness::{ALICE, BOB, PASSWORD, Postern};

/// A server that takes three failures for an account, after two callers have gone away while these passwords for Alice's
/// were looked at.
async fn after_two_went_away_with(password: &'static str) -> Postern {
    let postern = Postern::start_with(|config| {
        (config.passwords.workers, config.passwords.queue) = (1, 1);
        config.limits.sign_in_account = limit(3, "1h");
    })
    .await;
    let go_on = stand_still();
    let mut callers: FuturesUnordered<_> = (0..3).map(|_| stranger(&postern, ALICE, password)).collect();
    // Once there is no place for one, the others are on their way.
    assert_eq!(callers.next().await.expect("three").status, 503);
    drop(callers);
    drop(go_on);
    postern
}

/// The answer once there is a place in the queue.
async fn looked_at(postern: &Postern, password: &str) -> u16 {
    loop {
        let answer = stranger(postern, ALICE, password).await;
        if answer.status != 503 {
            return answer.status.as_u16();
        }
    }
}

#[test]
fn a_wrong_password_counts_although_nobody_waited_for_the_answer() {
    with_one_hashing_thread(async {
        let postern = after_two_went_away_with("wrong password").await;
        assert_eq!(looked_at(&postern, "wrong password").await, 422);
        assert_eq!(looked_at(&postern, "wrong password").await, 429);
    });
}

#[test]
fn a_right_password_never_counts() {
    with_one_hashing_thread(async {
        let postern = after_two_went_away_with(PASSWORD).await;
        for _ in 0..3 {
            assert_eq!(looked_at(&postern, "wrong password").await, 422);
        }
        assert_eq!(looked_at(&postern, "wrong password").await, 429);
    });
}

#[test]
fn who_leaves_the_line_gives_back_what_they_had_taken() {
    with_one_hashing_thread(async {
        let postern = Postern::start_with(|config| {
            config.limits.sign_in_account = limit(1, "1m");
            config.limits.sign_in_address = limit(2, "10m");
        })
        .await;
        let go_on = stand_still();
        let mut second = Box::pin(stranger(&postern, ALICE, PASSWORD));
        // Its tries: the address's first, then the account's only one.
        while postern.number("SELECT COUNT(*) FROM attempts").await < 2 {
            assert!(poll!(&mut second).is_pending());
        }
        // The other waits for the account's, or is on its way there.
        let mut first = Box::pin(stranger(&postern, ALICE, "wrong password"));
        for _ in 0..20 {
            assert!(poll!(&mut first).is_pending());
            assert_eq!(postern.number("SELECT COUNT(*) FROM attempts").await, 2);
        }
        drop(second);
        drop(go_on);
        let (first, other) = tokio::join!(first, stranger(&postern, BOB, "wrong password"));
        assert_eq!(first.status, 422);
        assert_eq!(other.status, 422, "the address has one left");
        assert_eq!(stranger(&postern, "c@example.com", PASSWORD).await.status, 429);
    });
}
