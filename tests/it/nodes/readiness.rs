//! When a node wants no requests, and that it heals by itself.

use axum::http::StatusCode;
use postern::{base::time::Lifetime, jobs::poll::Poll};

use super::{by_hand, forget_ends, session, signed_in};
use crate::harness::{ALICE, Answer, Postern};

async fn ready(postern: &Postern) -> Answer {
    let live = postern.get("/health/live").await;
    assert_eq!(live.status, 200, "whatever happens");
    postern.get("/health/ready").await
}

#[track_caller]
fn not_ready(answer: &Answer, detail: &str) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("retry-after"), "2");
    let problem = serde_json::json!({
        "type": "about:blank", "title": "not ready", "status": 503, "detail": detail,
    });
    assert_eq!(answer.json(), problem);
}

const STALE: &str = "the database does not answer";
const UNCOMPARED: &str = "the database was lost and is not compared yet";

#[tokio::test]
async fn a_node_is_ready_as_long_as_its_polls_are_fresh() {
    let postern = Postern::start().await;
    not_ready(&ready(&postern).await, STALE);
    postern.poll().await;
    assert_eq!(ready(&postern).await.json()["status"], "ready");
    postern.advance("3s");
    assert_eq!(ready(&postern).await.status, 200);
    postern.advance("1ms");
    not_ready(&ready(&postern).await, STALE);
    postern.poll().await;
    assert_eq!(ready(&postern).await.status, 200);
}

#[tokio::test]
async fn a_poll_that_fails_makes_it_red_and_a_good_one_green() {
    let postern = Postern::start().await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the database answers");
    by_hand(&postern, "ALTER TABLE versions RENAME TO gone").await;
    poll.round().await.expect_err("the database fails");
    not_ready(&ready(&postern).await, UNCOMPARED);
    poll.round().await.expect_err("still");
    not_ready(&ready(&postern).await, UNCOMPARED);
    by_hand(&postern, "ALTER TABLE gone RENAME TO versions").await;
    not_ready(&ready(&postern).await, UNCOMPARED);
    poll.round().await.expect("the database is back");
    assert_eq!(ready(&postern).await.status, 200);
}

#[tokio::test]
async fn a_request_that_loses_the_database_is_told_to_come_back_and_the_node_compares_first() {
    let postern = Postern::start().await;
    let (mut browser, phone, tokens) = signed_in(&postern).await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the database answers");
    for (table, failing) in [("device_sessions", "/token"), ("browser_sessions", "/account")] {
        by_hand(&postern, &format!("ALTER TABLE {table} RENAME TO gone")).await;
        let answer = match failing {
            "/token" => phone.refresh(&tokens.refresh).await,
            _ => browser.open("/account").await.page().answer,
        };
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{failing}");
        assert_eq!(answer.header("retry-after"), "2", "{failing}");
        by_hand(&postern, &format!("ALTER TABLE gone RENAME TO {table}")).await;
        not_ready(&ready(&postern).await, UNCOMPARED);
        poll.round().await.expect("the database is back");
        assert_eq!(ready(&postern).await.status, 200);
    }
    assert_eq!(
        phone.refresh(&tokens.refresh).await.status,
        200,
        "nothing was lost"
    );
}

#[tokio::test]
async fn what_a_lost_database_forgot_is_written_before_the_node_is_ready() {
    let postern = Postern::start().await;
    let (_, phone, tokens) = signed_in(&postern).await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the database answers");
    postern.end_everything_of(ALICE).await;
    // Long enough ago that a poll that only catches up does not look there.
    postern.advance("10m");
    poll.round().await.expect("compares");
    by_hand(&postern, "ALTER TABLE versions RENAME TO gone").await;
    poll.round().await.expect_err("the database fails");
    forget_ends(&postern).await;
    by_hand(&postern, "ALTER TABLE gone RENAME TO versions").await;
    not_ready(&ready(&postern).await, UNCOMPARED);
    poll.round().await.expect("the database is back");
    assert_eq!(ready(&postern).await.status, 200);
    let stranger = postern.beside().await;
    assert_eq!(
        stranger.phone().refresh(&tokens.refresh).await.error(),
        "invalid_grant"
    );
    assert!(
        postern
            .revocations()
            .await
            .contains(&("session".to_owned(), session(&tokens).to_bytes().to_vec()))
    );
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_machine_whose_clock_is_far_off_is_not_ready_and_its_rows_have_the_databases_time() {
    let postern = Postern::start().await;
    postern.poll().await;
    let own = postern.clock.own();
    for (ahead, detail) in [
        (30_000, None),
        (-30_000, None),
        (30_001, Some("the clock of this machine is not the database's")),
        (-30_001, Some("the clock of this machine is not the database's")),
    ] {
        postern.clock.measure(ahead, Lifetime::from_millis(0));
        assert_eq!(postern.clock.now().millis(), own.millis() + ahead);
        match detail {
            None => assert_eq!(ready(&postern).await.status, 200, "{ahead}"),
            Some(detail) => not_ready(&ready(&postern).await, detail),
        }
    }
    // The embedded database has no clock of its own.
    postern.poll().await;
    assert_eq!(postern.clock.offset(), 0);
    assert_eq!(ready(&postern).await.status, 200);
}

#[tokio::test]
async fn a_node_that_stops_wants_no_requests() {
    let postern = Postern::start().await;
    postern.poll().await;
    postern.provider().readiness.stop();
    not_ready(&ready(&postern).await, "the server is stopping");
    postern.poll().await;
    not_ready(&ready(&postern).await, "the server is stopping");
}
