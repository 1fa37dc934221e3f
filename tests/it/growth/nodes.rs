//! Several processes on one database: one of them sweeps, whatever their clocks say.

use std::sync::Arc;

use postern::{
    app::{App, Surroundings},
    base::{
        entropy::Entropy,
        time::{Clock, Instant, Lifetime},
    },
    flows::sweep::{sweep, walk::walk},
};

use crate::harness::{ALICE, Postern, Tokens};

#[tokio::test]
async fn one_process_sweeps_and_another_takes_over_when_it_is_gone() {
    let postern = Postern::start().await;
    let other = postern.beside().await;
    let (one, other) = (postern.provider(), other.provider());
    assert_ne!(one.node, other.node);
    sweep(one).await.expect("swept");
    postern.browser().account(ALICE).await;
    postern.advance("8d");

    // The job is free by now, and the first to ask has it.
    sweep(one).await.expect("swept");
    assert_eq!(postern.count_events("session.ended").await, 1);
    postern.browser().account(ALICE).await;
    postern.tamper("UPDATE browser_sessions SET expires_at = 0").await;
    sweep(other).await.expect("nothing to do");
    assert_eq!(postern.count_events("session.ended").await, 1);
    postern.advance("121s");
    sweep(other).await.expect("swept");
    assert_eq!(postern.count_events("session.ended").await, 2);
    assert_eq!(
        postern
            .texts("SELECT holder FROM jobs WHERE name = 'sweep'")
            .await,
        [other.node.to_string()]
    );
}

#[tokio::test]
async fn a_clock_that_is_half_a_minute_ahead_deletes_nothing_that_another_clock_lets_live() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    // The last second of its idle life by the one clock, long over by the other.
    postern.advance("7775999s");
    let ahead = Instant::from_millis(postern.clock.now().millis()).plus(Lifetime::from_secs(30));
    let surroundings = Surroundings {
        clock: Clock::manual(ahead),
        entropy: Arc::new(Entropy::seeded(8)),
        environment: |_| None,
    };
    let ahead = App::open(&postern.config, surroundings).await.expect("opened");
    sweep(&ahead.provider).await.expect("swept");
    walk(&ahead.provider).await.expect("walked");
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_sessions").await, 1);
    let tokens = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
}
