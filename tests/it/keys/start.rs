//! A server that starts: after a year of standstill, with a ring that has no active key, with the wrong root secret.

use postern::{
    app::{App, Surroundings},
    base::entropy::Entropy,
    domain::key::Ring,
};

use super::{accepts, active, kid, published, states, upkeep};
use crate::harness::{ALICE, Postern};

#[tokio::test]
async fn after_a_year_of_standstill_every_ring_goes_on() {
    let before = Postern::start().await;
    let first = active(&before, Ring::SigningEs256).await;
    let stale = published(&before).await;
    before.advance("400d");
    let server = before.beside().await;
    // The first sign-in may come before the first upkeep.
    let token = server
        .phone()
        .signed_in(&mut server.browser(), ALICE)
        .await
        .access;
    assert!(accepts(&server, &stale, &token) && kid(&token) == first.to_string());

    upkeep(&server).await;
    for of in Ring::ALL {
        assert_eq!(
            states(&server, of).await,
            ["active", "next", "retiring"],
            "{of:?}"
        );
    }
    assert_ne!(active(&server, Ring::SigningEs256).await, first);
    let newer = server
        .phone()
        .signed_in(&mut server.browser(), ALICE)
        .await
        .access;
    assert!(accepts(&server, &published(&server).await, &token));
    for keys in [&stale, &published(&server).await] {
        assert!(accepts(&server, keys, &newer), "its key was published long ago");
    }
    server.advance("16m");
    upkeep(&server).await;
    assert_eq!(
        states(&server, Ring::SigningEs256).await,
        ["active", "gone", "next"]
    );
}

#[tokio::test]
async fn a_ring_without_an_active_key_makes_its_next_active_at_once() {
    let postern = Postern::start().await;
    postern.tamper("DELETE FROM keys WHERE state = 'active'").await;
    let server = postern.beside().await;
    for of in Ring::ALL {
        assert_eq!(states(&server, of).await, ["active", "next"], "{of:?}");
    }
    let token = server
        .phone()
        .signed_in(&mut server.browser(), ALICE)
        .await
        .access;
    assert!(accepts(&server, &published(&server).await, &token));
}

#[tokio::test]
async fn a_ring_that_is_new_gets_its_keys() {
    let postern = Postern::start().await;
    postern.tamper("DELETE FROM keys WHERE ring = 'seal'").await;
    let (one, other) = tokio::join!(postern.beside(), postern.beside());
    assert_eq!(states(&one, Ring::Seal).await, ["active", "next"]);
    let mut browser = one.browser();
    let page = browser.open(&one.phone().authorize_url(&[])).await.page();
    browser.at(&other).sign_in(&page, ALICE).await.page();
}

#[tokio::test]
async fn the_wrong_root_secret_makes_no_keys() {
    let postern = Postern::start().await;
    postern.tamper("DELETE FROM keys WHERE ring = 'seal'").await;
    let mut config = postern.config.clone();
    config.secrets.root = "env:OTHER".parse().expect("a source");
    let surroundings = Surroundings {
        clock: postern.clock.clone(),
        entropy: std::sync::Arc::new(Entropy::seeded(9)),
        environment: |_| Some(format!("pst_root_{}", "A".repeat(43))),
    };
    let error = App::open(&config, surroundings)
        .await
        .expect_err("another root secret");
    assert!(
        error.to_string().contains("is not the one that sealed"),
        "{error}"
    );
    assert!(states(&postern, Ring::Seal).await.is_empty());
}
