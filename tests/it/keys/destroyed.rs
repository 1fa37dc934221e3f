//! The end of a key: its secret is destroyed when the last thing that it made has expired; its public half stays.

use postern::{base::time::Lifetime, domain::key::Ring, store};

use super::{accepts, active, published, states, upkeep};
use crate::harness::{ALICE, Postern};

#[tokio::test]
async fn a_key_that_has_gone_is_kept_without_its_secret_and_published_no_more() {
    let postern = Postern::start().await;
    let old = active(&postern, Ring::SigningEs256).await.to_string();
    postern.advance("30d");
    upkeep(&postern).await;
    assert!(
        postern.get("/jwks.json").await.body.contains(&old),
        "still accepted"
    );
    postern.advance("899s");
    upkeep(&postern).await;
    assert!(
        postern.get("/jwks.json").await.body.contains(&old),
        "a token's life and a grace"
    );

    postern.advance("1s");
    upkeep(&postern).await;
    assert!(!postern.get("/jwks.json").await.body.contains(&old));
    let keys = store::keys::all(&postern.provider().db).await.expect("read");
    let gone = keys
        .iter()
        .find(|key| key.info.id.to_string() == old)
        .expect("its row stays");
    assert!(gone.sealed.is_empty(), "nothing signs with it again");
    assert!(gone.public.as_ref().is_some_and(|jwk| jwk.contains(&old)));
    assert!(
        keys.iter()
            .filter(|key| key.info.id != gone.info.id)
            .all(|key| !key.sealed.is_empty())
    );
    assert_eq!(postern.count_events("key.destroyed").await, 1);
}

#[tokio::test]
async fn a_key_outlives_what_it_made_under_settings_of_before() {
    let day = |config: &mut postern::config::Config| config.lifetimes.access_token = Lifetime::from_days(1);
    let before = Postern::start_with(day).await;
    let token = before
        .phone()
        .signed_in(&mut before.browser(), ALICE)
        .await
        .access;
    upkeep(&before).await;
    // The operator shortens the life of tokens, and the server rotates soon after.
    let after = before
        .beside_with(|config| config.lifetimes.access_token = Lifetime::from_secs(300))
        .await;
    after.advance("11m");
    postern::flows::keys::rotate::rotate(
        after.provider(),
        &Ring::ALL,
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("old enough");
    after.advance("23h");
    upkeep(&after).await;
    assert!(accepts(&after, &published(&after).await, &token));

    after.advance("1d");
    upkeep(&after).await;
    assert_eq!(
        states(&after, Ring::SigningEs256)
            .await
            .iter()
            .filter(|s| **s == "gone")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_token_that_an_app_gets_for_longer_is_outlived_too() {
    let postern = Postern::start().await;
    postern
        .add_client("slow", |settings| {
            settings.lifetimes.access_token = Some(Lifetime::from_secs(7200));
        })
        .await;
    let phone = postern.phone_of("slow");
    postern.advance("11m");
    let token = phone.signed_in(&mut postern.browser(), ALICE).await.access;
    postern::flows::keys::rotate::rotate(
        postern.provider(),
        &Ring::ALL,
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("old enough");
    for _ in 0..8 {
        assert!(accepts(&postern, &published(&postern).await, &token));
        postern.advance("15m");
        upkeep(&postern).await;
    }
    postern.advance("6s");
    assert!(
        !accepts(&postern, &published(&postern).await, &token),
        "it has expired, also for a clock that is late"
    );
}
