//! One rotation of a ring: when it is due, and that it happens once.

use postern::{
    domain::key::Ring,
    flows::keys::rotate::{RotateError, rotate, rotate_due},
    jobs,
};

use super::{active, refresh_keys, ring, states, upkeep};
use crate::harness::{ALICE, Postern, Tokens};

#[tokio::test]
async fn keys_rotate_when_their_time_has_come_and_not_before() {
    let postern = Postern::start().await;
    let first = active(&postern, Ring::Mac).await;
    postern.advance("29d");
    upkeep(&postern).await;
    for of in Ring::ALL {
        assert_eq!(states(&postern, of).await, ["active", "next"], "{of:?}");
    }

    postern.advance("1d");
    upkeep(&postern).await;
    for of in Ring::ALL {
        assert_eq!(
            states(&postern, of).await,
            ["active", "next", "retiring"],
            "{of:?}"
        );
    }
    assert_ne!(active(&postern, Ring::Mac).await, first);
    for (kind, count) in [("key.activated", 3), ("key.retired", 3), ("key.created", 9)] {
        assert_eq!(postern.count_events(kind).await, count, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_who_rotate_at_once_make_one_new_key() {
    let here = Postern::start().await;
    let there = here.beside().await;
    here.advance("30d");
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let node = if task % 2 == 0 { &here } else { &there };
            let provider = node.app.provider.clone();
            tokio::spawn(async move { rotate_due(&provider).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("losing is no error");
    }
    for of in Ring::ALL {
        assert_eq!(states(&here, of).await, ["active", "next", "retiring"], "{of:?}");
    }
    assert_eq!(here.count_events("key.activated").await, 3);
    assert_eq!(here.count_events("key.created").await, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_operators_rotate_once() {
    let here = Postern::start().await;
    let there = here.beside().await;
    here.advance("11m");
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let node = if task % 2 == 0 { &here } else { &there };
            let provider = node.app.provider.clone();
            tokio::spawn(async move {
                rotate(
                    &provider,
                    &[Ring::SigningEs256],
                    postern::domain::actor::Actor::Operator,
                )
                .await
            })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(_) => winners += 1,
            // Beaten in the change itself, or there afterwards: the next key is new.
            Err(RotateError::Lost(_) | RotateError::TooEarly(..)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(here.count_events("key.activated").await, 1);
}

#[tokio::test]
async fn a_signing_key_is_used_only_when_every_verifier_has_it() {
    let postern = Postern::start().await;
    let before = active(&postern, Ring::SigningEs256).await;
    postern.advance("629s");
    let refused = rotate(
        postern.provider(),
        &Ring::ALL,
        postern::domain::actor::Actor::Operator,
    )
    .await;
    let Err(RotateError::TooEarly(Ring::SigningEs256, early)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(early.from.since(postern.clock.now()).millis(), 1000);
    for of in Ring::ALL {
        assert_eq!(
            states(&postern, of).await,
            ["active", "next"],
            "none or all: {of:?}"
        );
    }
    // Nobody but our own nodes needs the others.
    rotate(
        postern.provider(),
        &[Ring::Mac],
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("old enough");

    postern.advance("1s");
    rotate(
        postern.provider(),
        &[Ring::SigningEs256],
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("old enough");
    assert_ne!(active(&postern, Ring::SigningEs256).await, before);
}

#[tokio::test]
async fn rotating_on_and_on_never_fills_the_published_list() {
    let postern = Postern::start_with(|config| {
        config.lifetimes.access_token = "1d".parse().expect("a length of time");
    })
    .await;
    let mut refused = None;
    for _ in 0..40 {
        postern.advance("11m");
        upkeep(&postern).await;
        if let Err(error) = rotate(
            postern.provider(),
            &[Ring::SigningEs256],
            postern::domain::actor::Actor::Operator,
        )
        .await
        {
            refused = Some(error.to_string());
        }
    }
    let refused = refused.expect("at some time it is too much");
    assert!(refused.contains("verifiers may refuse the list"), "{refused}");
    assert_eq!(ring(&postern, Ring::SigningEs256).await.len(), 18);
    // It ends by itself.
    postern.advance("1d");
    upkeep(&postern).await;
    rotate(
        postern.provider(),
        &[Ring::SigningEs256],
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("the old ones are gone");
}

#[tokio::test]
async fn a_running_server_notices_by_itself() {
    let server = Postern::start().await;
    let tokens = server.phone().signed_in(&mut server.browser(), ALICE).await;
    let beside = server.beside().await;
    server.advance("11m");
    let jobs = tokio::spawn(jobs::run(server.app.provider.clone()));
    let rotated = rotate(
        beside.provider(),
        &[Ring::SigningEs256],
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("old enough");
    let next = rotated[0].next.to_string();
    let noticed = async {
        while !server.provider().keys.load().jwks.contains(&next) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, noticed)
        .await
        .expect("its poll saw it");
    jobs.abort();
    let tokens = Tokens::of(&server.phone().refresh(&tokens.refresh).await);
    let active = rotated[0].active.expect("a complete ring").to_string();
    assert_eq!(super::kid(&tokens.access), active);
    refresh_keys(&beside).await;
}
