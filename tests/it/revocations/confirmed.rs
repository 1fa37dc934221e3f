//! Whether an end has arrived: who is waited for, who is not, and what is said of those who do not answer.

use postern::{
    base::time::Lifetime,
    flows::{
        confirm::{self, Confirmation},
        revocations,
    },
};

use super::{by_a_manual_clock, by_the_real_clock};
use crate::harness::{ALICE, Follower, Postern};

async fn wait(postern: &Postern, patience: &str) -> Confirmation {
    let patience: Lifetime = patience.parse().expect("a length of time");
    let wait = confirm::wait(postern.provider(), patience).expect("a place");
    wait.confirm().await.expect("the database answers")
}

#[tokio::test]
async fn nobody_is_waited_for_where_nobody_follows() {
    let postern = by_the_real_clock().await;
    postern.end_everything_of(ALICE).await;
    let confirmation = wait(&postern, "30s").await;
    assert_eq!((confirmation.instances, confirmation.confirmed), (0, 0));
    assert!(confirmation.is_whole());
}

#[tokio::test]
async fn every_copy_on_every_node_is_waited_for_and_asked_at_once() {
    let here = by_the_real_clock().await;
    let there = here.beside().await;
    let first = Follower::new(&here, "api").await;
    there.poll().await;
    let second = first.at(&there).copy("two");
    let (mut one, mut two) = (first.followed().await, second.followed().await);
    here.end_everything_of(ALICE).await;
    let confirmation = tokio::select! {
        confirmation = wait(&here, "30s") => confirmation,
        () = first.goes_on(&mut one) => unreachable!("it goes on"),
        () = second.goes_on(&mut two) => unreachable!("it goes on"),
    };
    assert_eq!((confirmation.instances, confirmation.confirmed), (2, 2));
    assert!(confirmation.is_whole());
}

#[tokio::test]
async fn who_does_not_acknowledge_is_named_with_when_it_refuses_at_the_latest() {
    let postern = by_a_manual_clock().await;
    let good = Follower::new(&postern, "good").await;
    let mute = Follower::new(&postern, "mute").await;
    let mut stream = good.followed().await;
    let mut ignored = mute.follow().await;
    let (_, complete) = ignored.beginning().await;
    // What it acknowledged before the end says nothing of the end.
    assert_eq!(mute.acknowledge(complete.polled_at()).await.status, 204);
    postern.advance("1s");
    postern.end_everything_of(ALICE).await;
    let ended_at = postern.clock.now();
    let ticking = async {
        // Polls begin after the end, by a clock that goes on.
        loop {
            postern.advance("1ms");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let confirmation = tokio::select! {
        confirmation = wait(&postern, "5s") => confirmation,
        () = good.goes_on(&mut stream) => unreachable!("it goes on"),
        () = ticking => unreachable!("it goes on"),
    };
    assert_eq!((confirmation.instances, confirmation.confirmed), (2, 1));
    let missing = &confirmation.missing[0];
    assert_eq!(
        (missing.client.as_str(), missing.instance.to_string()),
        ("mute", "one".to_owned())
    );
    let at_the_latest = missing.refuses_by.since(ended_at);
    assert_eq!(at_the_latest.seconds(), 36, "6 s under way, 30 s that it chose");
}

#[tokio::test]
async fn who_has_stopped_or_was_not_seen_for_long_is_not_waited_for() {
    let postern = by_a_manual_clock().await;
    let follower = Follower::new(&postern, "api").await;
    follower.followed().await;
    follower.copy("two").followed().await;
    assert_eq!(wait(&postern, "10ms").await.missing.len(), 2);
    assert_eq!(follower.leave().await.status, 204);
    assert_eq!(wait(&postern, "10ms").await.missing.len(), 1);
    postern.advance("299s");
    assert_eq!(wait(&postern, "10ms").await.missing.len(), 1);
    postern.advance("1s");
    assert_eq!(wait(&postern, "30s").await.instances, 0);
    postern.advance("1m");
    assert_eq!(postern.number("SELECT COUNT(*) FROM instances").await, 1);
    postern::flows::sweep::sweep(postern.provider())
        .await
        .expect("swept");
    assert_eq!(postern.number("SELECT COUNT(*) FROM instances").await, 0);
}

#[tokio::test]
async fn a_lease_is_at_least_as_long_as_copies_are_asked_in() {
    let postern = Postern::start_by(postern::base::time::Clock::system(), |config| {
        config.lifetimes.access_token = Lifetime::from_secs(1);
        config.lifetimes.retry_window = Lifetime::from_millis(100);
    })
    .await;
    let now = postern.clock.now();
    let counted = revocations::counted_since(postern.provider().longest_access_token(), now);
    assert!(now.since(counted) > revocations::LEASE);
}
