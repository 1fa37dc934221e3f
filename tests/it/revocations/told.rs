//! What is told: everything that counts at the beginning, every addition, wherever and whenever it was written, and how old
//! that is.

use postern::{base::time::Lifetime, jobs::poll::Poll};

use super::{by_a_manual_clock, by_the_real_clock, ended, signed_in, write_by_hand};
use crate::harness::{ALICE, Follower, Stream};

/// The next heartbeat, before which nothing comes.
async fn heartbeat(stream: &mut Stream) -> (i64, bool) {
    let message = stream.next().await.expect("a heartbeat");
    assert_eq!(message.event, "heartbeat");
    (message.polled_at(), message.asks())
}

#[tokio::test]
async fn first_comes_all_that_counts_then_what_is_added_then_how_old_it_is() {
    let postern = by_a_manual_clock().await;
    let (phone, before) = signed_in(&postern).await;
    let (_, single) = signed_in(&postern).await;
    let follower = Follower::new(&postern, "api").await;
    assert_eq!(phone.revoke(&before.refresh).await.status, 200);
    let mut stream = follower.follow().await;
    let (revoked, complete) = stream.beginning().await;
    assert_eq!(revoked, ended(&before));
    assert_eq!(complete.polled_at(), postern.clock.now().millis());
    assert_eq!(stream.ready(), None);

    // This node's own ends are told at once, before any poll.
    assert_eq!(phone.revoke(&single.access).await.status, 200);
    let told = stream.next().await.expect("at once");
    let jti = single.claims()["jti"].as_str().expect("text").to_owned();
    assert_eq!(told.revoked(), [("token".to_owned(), jti)]);
    let end = postern.clock.now().seconds();
    let one = &told.data["revocations"][0];
    assert_eq!(one["issued_before"], end + 10);
    assert!(one["until"].as_i64() >= Some(end + 420), "{one}");

    postern.advance("250ms");
    let now = postern.clock.now().millis();
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the database answers");
    assert_eq!(heartbeat(&mut stream).await, (now, false), "with what it brought");
    poll.round().await.expect("the database answers");
    assert_eq!(heartbeat(&mut stream).await, (now, false), "and once more");
    poll.round().await.expect("the database answers");
    assert_eq!(stream.ready(), None, "nothing new");
    postern.advance("2s");
    poll.round().await.expect("the database answers");
    assert_eq!(heartbeat(&mut stream).await, (now + 2000, false));
    postern.advance("28s");
    poll.round().await.expect("the database answers");
    assert_eq!(
        heartbeat(&mut stream).await,
        (now + 30_000, true),
        "its lease is old"
    );
    postern.advance("2s");
    poll.round().await.expect("the database answers");
    assert_eq!(heartbeat(&mut stream).await, (now + 32_000, false));
}

#[tokio::test]
async fn an_end_on_one_node_is_told_by_the_other() {
    let here = by_the_real_clock().await;
    let there = here.beside().await;
    let follower = Follower::new(&here, "api").await;
    there.poll().await;
    let follower = follower.at(&there);
    let mut stream = follower.followed().await;
    let (_, tokens) = signed_in(&here).await;
    here.end_everything_of(ALICE).await;
    let after = here.clock.now();
    assert_eq!(stream.ready(), None, "it does not know");
    there.poll().await;
    assert_eq!(stream.addition().await, ended(&tokens));
    // By the database's clock: what a later poll saw is what was committed before.
    let told = stream.next().await.expect("a heartbeat");
    assert_eq!(told.event, "heartbeat");
    let polled_at = told.polled_at();
    assert!(
        (polled_at - after.millis()).abs() < 60_000,
        "{polled_at} {after:?}"
    );
}

#[tokio::test]
async fn what_is_committed_late_and_out_of_turn_is_told() {
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the first compares everything");
    let now = postern.clock.now();
    write_by_hand(&postern.provider().db, 1, "new", now).await;
    poll.round().await.expect("the database answers");
    assert_eq!(
        stream.addition().await,
        [("client".to_owned(), "new1".to_owned())]
    );
    // Recorded before the other one, committed after it.
    write_by_hand(
        &postern.provider().db,
        1,
        "late",
        now.minus(Lifetime::from_secs(20)),
    )
    .await;
    poll.round().await.expect("the database answers");
    assert_eq!(
        stream.addition().await,
        [("client".to_owned(), "late1".to_owned())]
    );
    // So late that only a comparison with everything finds it.
    write_by_hand(
        &postern.provider().db,
        1,
        "latest",
        now.minus(Lifetime::from_secs(200)),
    )
    .await;
    poll.round().await.expect("the database answers");
    postern.poll().await;
    assert_eq!(
        stream.addition().await,
        [("client".to_owned(), "latest1".to_owned())]
    );
}

#[tokio::test]
async fn a_great_end_is_told_whole_to_who_follows_and_to_who_comes() {
    const MANY: i64 = 20_000;
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the first compares everything");
    // All of the same millisecond: pages begin and end among them.
    write_by_hand(&postern.provider().db, MANY, "many", postern.clock.now()).await;
    poll.round().await.expect("the database answers");
    let mut told = Vec::new();
    while told.len() < 20_000 {
        let some = stream.addition().await;
        assert!(some.len() <= 500);
        told.extend(some);
    }
    // After it every further look, quick or complete, finds the newest.
    write_by_hand(&postern.provider().db, 1, "newest", postern.clock.now()).await;
    poll.round().await.expect("the database answers");
    assert_eq!(
        stream.addition().await,
        [("client".to_owned(), "newest1".to_owned())]
    );

    let mut expected: Vec<_> = (1..=MANY)
        .map(|n| ("client".to_owned(), format!("many{n}")))
        .collect();
    expected.sort();
    told.sort();
    assert!(told == expected, "each once");
    expected.push(("client".to_owned(), "newest1".to_owned()));
    let fresh = postern.beside().await;
    for node in [&postern, &fresh] {
        let (mut all, _) = follower.at(node).copy("two").follow().await.beginning().await;
        all.sort();
        assert!(all == expected, "{}", all.len());
    }
}

#[tokio::test]
async fn while_the_database_fails_there_is_no_heartbeat_and_ends_of_this_node_are_not_lost() {
    let postern = by_a_manual_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.followed().await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the database answers");
    postern
        .tamper("ALTER TABLE browser_sessions RENAME TO gone")
        .await;
    for _ in 0..5 {
        postern.advance("2s");
        poll.round()
            .await
            .expect_err("the last table that it reads is gone");
    }
    while let Some(message) = stream.ready() {
        let at = message.polled_at();
        assert!(
            at <= postern.clock.now().millis() - 10_000,
            "a poll that failed: {message:?}"
        );
    }
    let answer = follower.copy("two").try_follow_now().await;
    assert_eq!(answer.status, 503, "{answer:?}");
    postern
        .tamper("ALTER TABLE gone RENAME TO browser_sessions")
        .await;
    poll.round().await.expect("the database is back");
    assert_eq!(heartbeat(&mut stream).await.0, postern.clock.now().millis());
}

#[tokio::test]
async fn a_database_that_went_back_takes_nothing_off_the_set_and_what_is_rewritten_is_told_again() {
    let postern = by_a_manual_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let (_, tokens) = signed_in(&postern).await;
    let mut stream = follower.followed().await;
    postern.end_everything_of(ALICE).await;
    assert_eq!(stream.addition().await, ended(&tokens));
    let first = postern.clock.now();
    postern.advance("90s");
    postern.tamper("DELETE FROM revocations").await;
    postern.poll().await;
    postern.poll().await;
    let mut again = stream.next().await.expect("something");
    while again.event != "revoked" {
        again = stream.next().await.expect("it is told again");
    }
    assert_eq!(again.revoked(), ended(&tokens));
    let until = again.data["revocations"][0]["until"].as_i64().expect("a time");
    assert!(until >= first.seconds() + 90 + 420, "{until}");
    let (all, _) = follower.copy("two").follow().await.beginning().await;
    assert_eq!(all, ended(&tokens));
}
