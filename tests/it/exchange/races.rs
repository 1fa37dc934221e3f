//! Opening against ending (64 apps that sign in by another), on both back ends.

use futures_util::future::join_all;
use postern::flows::account;

use super::apps::{Shared, mail, register, sign_in_by};
use crate::harness::{ALICE, BOB, Postern};

const ALIVE: &str = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_lives_that_was_opened_while_everything_of_its_person_ended() {
    for postern in Postern::on_each().await {
        register(&postern).await;
        let chat = postern.phone_of("chat");
        let mut opened = 0;
        for _ in 0..3 {
            let first = mail(&postern).signed_in(&mut postern.browser(), ALICE).await;
            let shared = Shared::of(&first);
            let open = async |_: usize| sign_in_by(&postern, &chat, &shared, &[]).await.status == 200;
            let ending = async {
                postern.end_everything_of(ALICE).await;
                assert_eq!(postern.number(ALIVE).await, 0, "when it was acknowledged");
            };
            let (early, late) = (join_all((0..32).map(&open)), join_all((32..64).map(&open)));
            let (early, (), late) = tokio::join!(early, ending, late);
            opened += early.into_iter().chain(late).filter(|opened| *opened).count();
            assert_eq!(postern.number(ALIVE).await, 0);
        }
        assert!(opened > 0, "the race was one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_lives_that_was_opened_while_its_person_was_disabled() {
    for postern in Postern::on_each().await {
        register(&postern).await;
        let chat = postern.phone_of("chat");
        let first = mail(&postern).signed_in(&mut postern.browser(), BOB).await;
        let shared = Shared::of(&first);
        let opened = sign_in_by(&postern, &chat, &shared, &[]).await;
        assert_eq!(opened.status, 200, "the door is open: {}", opened.body);
        let open = async |_: usize| {
            sign_in_by(&postern, &chat, &shared, &[]).await;
        };
        let bob = postern.user(BOB).await.id;
        let disabling = async {
            let ended =
                account::disable(postern.provider(), bob, postern::domain::actor::Actor::Operator).await;
            assert!(ended.expect("disabled").is_some());
            assert_eq!(postern.number(ALIVE).await, 0, "when it was acknowledged");
        };
        let (early, late) = (join_all((0..32).map(&open)), join_all((32..64).map(&open)));
        tokio::join!(early, disabling, late);
        assert_eq!(postern.number(ALIVE).await, 0);
    }
}
