//! The refresh table for sessions that are bound to a key, row by row.

use postern::{
    base::{digest::Digest, time::Lifetime},
    store::db::Statement,
};

use super::{Prover, code, refused, row, set, signed_in, why};
use crate::harness::{Postern, Tokens};

#[tokio::test]
async fn a_session_is_bound_to_the_key_that_redeemed_its_code() {
    let postern = Postern::start().await;
    let app = Prover::new(&postern, "the phone's key");

    let first = app.signed_in().await;

    let jkt = row(&postern, &first).await.jkt;
    assert_eq!(jkt.as_deref(), Some(app.key.as_bytes().as_slice()));
    assert_eq!(first.claims()["cnf"]["jkt"], app.key.to_base64url());
    let second = app.refresh(&first.refresh).await.expect("proved");
    assert_eq!(second.claims()["cnf"]["jkt"], app.key.to_base64url());
    assert_eq!(row(&postern, &first).await.generation, 2);
}

#[tokio::test]
async fn a_key_that_the_request_named_must_be_the_one_that_redeems() {
    let postern = Postern::start().await;
    let app = Prover::new(&postern, "the phone's key");
    let thief = Prover::new(&postern, "another key");
    let (phone, code) = code(&postern).await;
    const NAME: Statement<(Digest,), ()> = Statement::new("UPDATE device_sessions SET jkt = $1");
    let named = postern.provider().db.execute(NAME, (app.key,)).await;
    named.expect("named");

    refused(&phone.redeem(&code).await, 400, "invalid_grant");
    assert_eq!(why(thief.redeem(&phone, &code).await), "invalid_grant");
    app.redeem(&phone, &code).await.expect("the named key");
    assert_eq!(why(thief.redeem(&phone, &code).await), "invalid_grant");
    refused(&phone.redeem(&code).await, 400, "invalid_grant");
    assert_eq!(
        postern.count_events("session.ended").await,
        0,
        "who has not the key ends nothing"
    );
    assert_eq!(why(app.redeem(&phone, &code).await), "invalid_grant");
    assert_eq!(
        postern.count_events("session.ended").await,
        1,
        "a second right redemption does"
    );
}

#[tokio::test]
async fn the_predecessor_gives_the_same_successor_without_time_limit() {
    let postern = Postern::start().await;
    let app = Prover::new(&postern, "the phone's key");
    let first = app.signed_in().await;
    let second = app.refresh(&first.refresh).await.expect("proved");

    for retry in 1..=3 {
        postern.advance("29d");
        let again = app
            .refresh(&first.refresh)
            .await
            .expect("the predecessor, proved");
        assert_eq!(again.refresh, second.refresh);
        assert_ne!(again.access, second.access);
        let row = row(&postern, &first).await;
        assert_eq!((row.generation, row.retries), (2, retry));
    }
}

#[tokio::test]
async fn an_old_token_with_an_old_proof_is_a_slow_process_and_the_session_lives() {
    let postern = Postern::start().await;
    let app = Prover::new(&postern, "the phone's key");
    let first = app.signed_in().await;
    let second = app.refresh(&first.refresh).await.expect("proved");
    let third = app.refresh(&second.refresh).await.expect("proved");
    let last_good = postern.clock.now().plus(Lifetime::from_secs(60));
    postern.advance("10d");

    assert_eq!(
        why(app.refresh_proved_at(&first.refresh, last_good).await),
        "invalid_grant"
    );

    assert_eq!(postern.count_events("refresh.slow_process").await, 1);
    let before = row(&postern, &first).await;
    assert_eq!(
        (before.state.as_str(), before.generation, before.retries),
        ("active", 3, 0)
    );
    app.refresh(&third.refresh).await.expect("it lives");
}

#[tokio::test]
async fn an_old_token_with_a_later_proof_ends_the_session() {
    let postern = Postern::start().await;
    let app = Prover::new(&postern, "the phone's key");
    let first = app.signed_in().await;
    let second = app.refresh(&first.refresh).await.expect("proved");
    let third = app.refresh(&second.refresh).await.expect("proved");
    let too_late = postern.clock.now().plus(Lifetime::from_millis(60_001));

    assert_eq!(
        why(app.refresh_proved_at(&first.refresh, too_late).await),
        "invalid_grant"
    );

    assert_eq!(
        row(&postern, &first).await.end_reason.as_deref(),
        Some("refresh_reuse")
    );
    assert_eq!(postern.count_events("refresh.slow_process").await, 0);
    assert_eq!(why(app.refresh(&third.refresh).await), "invalid_grant");
}

#[tokio::test]
async fn without_the_key_nothing_is_given_and_nothing_changes() {
    let postern = Postern::start().await;
    let app = Prover::new(&postern, "the phone's key");
    let thief = Prover::new(&postern, "another key");
    let phone = postern.phone();
    let first = app.signed_in().await;
    let second = app.refresh(&first.refresh).await.expect("proved");
    let third = app.refresh(&second.refresh).await.expect("proved");
    postern.advance("1h");
    let (before, events) = (row(&postern, &first).await, postern.events().await.len());

    for token in [&first.refresh, &second.refresh, &third.refresh] {
        refused(&phone.refresh(token).await, 400, "invalid_grant");
        assert_eq!(why(thief.refresh(token).await), "invalid_grant");
    }
    assert_eq!(row(&postern, &first).await, before);
    set(&postern, &first, "generation = 1").await;
    refused(&phone.refresh(&third.refresh).await, 400, "invalid_grant");
    assert_eq!(why(thief.refresh(&third.refresh).await), "invalid_grant");
    assert_eq!(
        row(&postern, &first).await.generation,
        1,
        "nobody without the key moves the row forward"
    );
    assert_eq!(postern.events().await.len(), events);

    app.refresh(&third.refresh).await.expect("the key does");
    assert_eq!(row(&postern, &first).await.generation, 4);
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 1);
}

#[tokio::test]
async fn a_proof_at_a_bearer_session_binds_only_that_access_token() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let app = Prover::new(&postern, "some key");

    let second = app.refresh(&first.refresh).await.expect("the newest");
    assert_eq!(
        second.claims()["cnf"]["jkt"],
        Digest::of(b"some key").to_base64url()
    );
    assert_eq!(
        row(&postern, &first).await.jkt,
        None,
        "a thief cannot bind what he stole"
    );

    let third = Tokens::of(&phone.refresh(&second.refresh).await);
    assert_eq!(third.claims().get("cnf"), None);
    postern.advance("61s");
    assert_eq!(why(app.refresh(&second.refresh).await), "invalid_grant");
    let ended = row(&postern, &first).await.end_reason;
    assert_eq!(
        ended.as_deref(),
        Some("refresh_reuse"),
        "and a proof opens no longer window"
    );
}
