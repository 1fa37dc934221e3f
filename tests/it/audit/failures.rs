//! Failed sign-ins: counted, not listed.

use postern::domain::limit::Limit;
use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, Postern};

const ROWS: &str = "SELECT COUNT(*) FROM sign_in_failures";

async fn guess_from(postern: &Postern, address: [u8; 4], email: &str) -> u16 {
    let mut browser = postern.browser();
    browser.address = address.into();
    let page = browser.open("/account").await.page();
    let form = page
        .form("/sign-in")
        .with("email", email)
        .with("password", "a wrong guess");
    let answer = browser.post(&form, &[("sec-fetch-site", "same-origin")]).await;
    answer.status.as_u16()
}

/// What is told of failed sign-ins when their minute is over: data and address.
async fn told(postern: &Postern) -> Vec<(Value, Option<String>)> {
    postern.advance("3m");
    postern.chains().await;
    let rows = postern
        .texts("SELECT data || '@' || COALESCE(address, '') FROM events WHERE kind = 'user.sign_in_failed' ORDER BY data, address")
        .await;
    let read = rows.into_iter().map(|row| {
        let (data, address) = row.rsplit_once('@').expect("both");
        let data = serde_json::from_str(data).expect("JSON");
        (
            data,
            Some(address.to_owned()).filter(|address| !address.is_empty()),
        )
    });
    read.collect()
}

fn failed(account: &str, count: i64, minute: i64) -> Value {
    json!({ "kind": "user.sign_in_failed", "account": account, "count": count, "minute": minute })
}

#[tokio::test]
async fn those_to_one_account_from_one_block_within_a_minute_are_one_event() {
    let postern = Postern::start().await;
    let minute = postern.clock.now().millis().div_euclid(60_000) * 60_000;
    for host in [7, 8, 9] {
        assert_eq!(guess_from(&postern, [203, 0, 113, host], ALICE).await, 422);
    }
    assert_eq!(guess_from(&postern, [198, 51, 100, 1], ALICE).await, 422);
    assert_eq!(guess_from(&postern, [203, 0, 113, 7], BOB).await, 422);
    assert_eq!(postern.number(ROWS).await, 3);
    assert_eq!(
        postern.count_events("user.sign_in_failed").await,
        0,
        "not before it is over"
    );
    let (near, far) = (
        Some("203.0.113.0/24".to_owned()),
        Some("198.51.100.0/24".to_owned()),
    );
    let expected = vec![
        (failed("known", 1, minute), far),
        (failed("known", 1, minute), near.clone()),
        (failed("known", 3, minute), near),
    ];
    assert_eq!(told(&postern).await, expected);
    assert_eq!(postern.number(ROWS).await, 0);
    let alice = postern.user(ALICE).await.id;
    let filter = postern::domain::event_filter::EventFilter {
        user: Some(alice),
        kind: "user.sign_in_failed".parse().ok(),
        ..Default::default()
    };
    let hers = postern::flows::events::list(postern.provider(), &filter, None, 10).await;
    assert_eq!(hers.expect("answered").items.len(), 2);
}

#[tokio::test]
async fn a_password_typed_into_the_wrong_field_is_nowhere() {
    let postern = Postern::start().await;
    let minute = postern.clock.now().millis().div_euclid(60_000) * 60_000;
    for typed in ["hunter2@secret.example", "correct-horse@battery.example"] {
        assert_eq!(guess_from(&postern, [203, 0, 113, 7], typed).await, 422);
    }
    assert_eq!(
        told(&postern).await,
        [(failed("unknown", 2, minute), Some("203.0.113.0/24".to_owned()))]
    );
    let all = postern.texts("SELECT data FROM events").await.join("\n");
    assert!(!all.contains("hunter2") && !all.contains("battery"));
}

#[tokio::test]
async fn a_right_password_counts_nothing_and_a_refused_try_writes_nothing() {
    let postern = Postern::start_with(|config| {
        config.limits.sign_in_account = Limit {
            burst: 2,
            every: "1h".parse().expect("a length of time"),
        };
    })
    .await;
    postern.phone().signed_in(&mut postern.browser(), BOB).await;
    assert_eq!(postern.number(ROWS).await, 0);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(guess_from(&postern, [203, 0, 113, 7], ALICE).await);
    }
    assert_eq!(statuses, [422, 422, 429, 429]);
    assert_eq!(postern.number("SELECT MAX(count) FROM sign_in_failures").await, 2);
}

#[tokio::test]
async fn strangers_from_everywhere_fill_so_many_rows_and_the_rest_is_one() {
    let postern = Postern::start().await;
    let guess = async |a: u8, b: u8| {
        let address = format!("198.{a}.{b}.1");
        let counted = postern::flows::audit::count_failure(postern.provider(), None, &address).await;
        counted.expect("counted");
    };
    for n in 0..250u8 {
        guess(18, n).await;
    }
    // Who has a row goes on in it.
    guess(18, 0).await;
    assert_eq!(postern.number(ROWS).await, 201);
    let events = told(&postern).await;
    assert_eq!(events.len(), 201);
    let many: Vec<_> = events
        .iter()
        .filter(|(data, _)| data["account"] == "many")
        .collect();
    assert!(
        matches!(many[..], [(data, None)] if data["count"] == 50),
        "{many:?}"
    );
    assert_eq!(events.iter().filter(|(data, _)| data["count"] == 2).count(), 1);
    assert_eq!(
        events
            .iter()
            .filter_map(|(data, _)| data["count"].as_i64())
            .sum::<i64>(),
        251,
        "each is counted"
    );
}
