//! The refresh table for bearer sessions, row by row.

use postern::{
    base::time::Lifetime,
    domain::{
        client::ClientLifetimes,
        refresh_token::{Handle, RefreshToken},
    },
    flows::{account, clients},
};

use super::{Row, number, refused, revocations, row, session, set, signed_in};
use crate::harness::{ALICE, Phone, Postern, Tokens};

/// Refreshes `times`, each time with the newest token; all tokens from the oldest to the newest.
async fn refreshed(phone: &Phone<'_>, first: &Tokens, times: usize) -> Vec<String> {
    let mut all = vec![first.refresh.clone()];
    for _ in 0..times {
        let newest = all.last().expect("one at least");
        all.push(Tokens::of(&phone.refresh(newest).await).refresh);
    }
    all
}

#[tokio::test]
async fn the_newest_token_rotates() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    postern.advance("1h");

    let answer = phone.refresh(&first.refresh).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    let second = Tokens::of(&answer);
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(second.sid(), first.sid());
    assert_eq!(second.answer["token_type"], "Bearer");
    assert_eq!(second.answer["expires_in"], 300);
    assert_eq!(second.answer["scope"], "email offline_access openid profile");
    assert!(
        second.answer.get("id_token").is_none(),
        "a refresh gives no ID token"
    );
    let (before, after) = (first.claims(), second.claims());
    assert_ne!(before["jti"], after["jti"]);
    assert_eq!(before["auth_time"], after["auth_time"]);
    assert_eq!(after["iat"], postern.clock.now().seconds());
    assert_eq!(after["exp"], postern.clock.now().seconds() + 300);
    let expected = Row {
        state: "active".to_owned(),
        generation: 2,
        retries: 0,
        rotated_at: postern.clock.now().millis(),
        jkt: None,
        end_reason: None,
    };
    assert_eq!(row(&postern, &first).await, expected);
    assert_eq!(number(&postern, "SELECT COUNT(*) FROM device_sessions").await, 1);
}

#[tokio::test]
async fn a_lost_answer_is_repeated_for_a_minute_with_the_same_successor() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    let rotated_at = row(&postern, &first).await.rotated_at;

    let mut access = vec![second.access.clone()];
    for retry in 1..=4 {
        postern.advance("15s");
        let again = Tokens::of(&phone.refresh(&first.refresh).await);
        assert_eq!(again.refresh, second.refresh);
        assert!(!access.contains(&again.access), "each has a fresh access token");
        assert_eq!(again.claims()["iat"], postern.clock.now().seconds());
        access.push(again.access);
        let row = row(&postern, &first).await;
        assert_eq!((row.generation, row.retries), (2, retry));
        assert_eq!(
            row.rotated_at, rotated_at,
            "a retry does not prolong its own window"
        );
    }
    assert_eq!(
        phone.userinfo(&access[1]).await.status,
        200,
        "the earlier ones live on"
    );
}

#[tokio::test]
async fn the_predecessor_a_moment_too_late_ends_the_session() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    postern.advance("60s");
    postern.advance("1ms");

    refused(&phone.refresh(&first.refresh).await, 400, "invalid_grant");

    let row = row(&postern, &first).await;
    assert_eq!(
        (row.state.as_str(), row.end_reason.as_deref()),
        ("ended", Some("refresh_reuse"))
    );
    let (kind, data) = postern.events().await.remove(0);
    assert_eq!(kind, "session.ended");
    assert_eq!(data["reason"], "refresh_reuse");
    assert_eq!(data["node"], "device");
    assert_eq!(data["id"], first.sid());
    assert_eq!(data["devices"], 1);
    let until = postern.clock.now().plus(Lifetime::from_secs(300 + 120));
    let id = session(&first).to_bytes().to_vec();
    assert_eq!(revocations(&postern).await, [("session".to_owned(), id, until)]);
    let issued_before = number(&postern, "SELECT issued_before FROM revocations").await;
    assert_eq!(
        issued_before,
        postern.clock.now().plus(Lifetime::from_secs(10)).millis()
    );

    refused(&phone.refresh(&second.refresh).await, 400, "invalid_grant");
    assert_eq!(phone.userinfo(&second.access).await.status, 401);
    refused(&phone.refresh(&first.refresh).await, 400, "invalid_grant");
    assert_eq!(
        postern.count_events("session.ended").await,
        1,
        "an end is told once"
    );
}

#[tokio::test]
async fn an_older_token_ends_the_session_at_once() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let all = refreshed(&phone, &first, 2).await;

    refused(&phone.refresh(&all[0]).await, 400, "invalid_grant");

    assert_eq!(
        row(&postern, &first).await.end_reason.as_deref(),
        Some("refresh_reuse")
    );
    refused(&phone.refresh(&all[2]).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_token_newer_than_its_row_goes_on_from_the_token() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let all = refreshed(&phone, &first, 4).await;
    set(&postern, &first, "generation = 2").await;
    postern.advance("1h");

    let next = Tokens::of(&phone.refresh(&all[4]).await);

    let now = row(&postern, &first).await;
    assert_eq!((now.state.as_str(), now.generation), ("active", 6));
    assert_eq!(now.rotated_at, postern.clock.now().millis());
    let (kind, data) = postern.events().await.remove(0);
    assert_eq!(
        (kind.as_str(), &data["from"], &data["to"]),
        ("refresh.fast_forwarded", &2.into(), &6.into())
    );
    let again = Tokens::of(&phone.refresh(&all[4]).await);
    assert_eq!(again.refresh, next.refresh, "and its lost answer is repeated");
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 1);
    Tokens::of(&phone.refresh(&next.refresh).await);
    refused(&phone.refresh(&all[3]).await, 400, "invalid_grant");
    assert_eq!(
        row(&postern, &first).await.state,
        "ended",
        "what is older is reuse as ever"
    );
}

#[tokio::test]
async fn the_successor_of_the_row_fast_forwards_too() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    set(&postern, &first, "generation = 1").await;

    let third = Tokens::of(&phone.refresh(&second.refresh).await);

    assert_eq!(row(&postern, &first).await.generation, 3);
    let straight = Tokens::of(&phone.refresh(&third.refresh).await);
    assert_eq!(straight.sid(), first.sid());
}

#[tokio::test]
async fn nothing_revives_an_ended_row() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let all = refreshed(&phone, &first, 3).await;
    assert_eq!(phone.revoke(&all[3]).await.status, 200);
    set(&postern, &first, "generation = 2").await;

    for (generation, token) in all.iter().enumerate() {
        refused(&phone.refresh(token).await, 400, "invalid_grant");
        let row = row(&postern, &first).await;
        assert_eq!(
            (row.state.as_str(), row.generation),
            ("ended", 2),
            "after {generation}"
        );
        assert_eq!(row.end_reason.as_deref(), Some("revoked"));
    }
    assert_eq!(postern.count_events("session.ended").await, 1);
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 0);
}

#[tokio::test]
async fn a_row_that_is_absent_or_still_granted_refuses_and_is_not_touched() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    let events = postern.events().await.len();
    set(
        &postern,
        &first,
        "state = 'granted', generation = 0, handle_digest = NULL, activated_at = NULL",
    )
    .await;

    refused(&phone.refresh(&second.refresh).await, 400, "invalid_grant");
    refused(&phone.refresh(&first.refresh).await, 400, "invalid_grant");
    let now = row(&postern, &first).await;
    assert_eq!((now.state.as_str(), now.generation), ("granted", 0));

    postern.tamper("DELETE FROM device_sessions").await;
    refused(&phone.refresh(&second.refresh).await, 400, "invalid_grant");
    assert_eq!(postern.events().await.len(), events, "and nothing is told");
}

#[tokio::test]
async fn ninety_days_without_a_refresh_are_too_long() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    postern.advance("7775999s");
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    postern.advance("90d");

    refused(&phone.refresh(&second.refresh).await, 400, "invalid_grant");
    refused(&phone.refresh(&first.refresh).await, 400, "invalid_grant");
    assert_eq!(
        postern.count_events("session.ended").await,
        0,
        "what is over is not ended again"
    );
}

#[tokio::test]
async fn a_year_is_the_end_however_often_it_was_used() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let mut newest = first.refresh.clone();
    for _ in 0..4 {
        postern.advance("89d");
        newest = Tokens::of(&phone.refresh(&newest).await).refresh;
    }
    postern.advance("777599s");
    newest = Tokens::of(&phone.refresh(&newest).await).refresh;
    postern.advance("1s");

    refused(&phone.refresh(&newest).await, 400, "invalid_grant");
    set(&postern, &first, "generation = 2").await;
    refused(&phone.refresh(&newest).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_client_has_lifetimes_of_its_own() {
    let postern = Postern::start().await;
    let own = ClientLifetimes {
        access_token: Some(Lifetime::from_secs(600)),
        device_session_idle: Some(Lifetime::from_days(2)),
        device_session_absolute: Some(Lifetime::from_days(5)),
        ..ClientLifetimes::default()
    };
    postern
        .add_client("brief", |settings| settings.lifetimes = own)
        .await;
    let (phone, first) = signed_in(&postern, "brief").await;
    assert_eq!(first.answer["expires_in"], 600);
    let claims = first.claims();
    let life = claims["exp"].as_i64().expect("a time") - claims["iat"].as_i64().expect("a time");
    assert_eq!(life, 600);

    let mut newest = first.refresh.clone();
    for _ in 0..4 {
        postern.advance("1d");
        newest = Tokens::of(&phone.refresh(&newest).await).refresh;
    }
    postern.advance("1d");
    refused(&phone.refresh(&newest).await, 400, "invalid_grant");

    let (phone, first) = signed_in(&postern, "brief").await;
    postern.advance("2d");
    refused(&phone.refresh(&first.refresh).await, 400, "invalid_grant");

    let (phone, first) = signed_in(&postern, "notes").await;
    phone.revoke(&first.refresh).await;
    let until = postern.clock.now().plus(Lifetime::from_secs(600 + 120));
    assert_eq!(
        revocations(&postern).await[0].2,
        until,
        "the longest life of any client's tokens counts"
    );
}

#[tokio::test]
async fn another_clients_token_is_refused_and_nothing_ends() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let all = refreshed(&phone, &first, 3).await;
    let before = row(&postern, &first).await;
    let other = postern.phone_of("other");

    for token in &all {
        refused(&other.refresh(token).await, 400, "invalid_grant");
        let wide = other.refresh_with(token, &[("scope", "admin")]).await;
        refused(&wide, 400, "invalid_grant");
    }
    set(&postern, &first, "generation = 1").await;
    refused(&other.refresh(&all[3]).await, 400, "invalid_grant");
    set(&postern, &first, "generation = 4").await;

    assert_eq!(row(&postern, &first).await, before);
    assert_eq!(postern.count_events("session.ended").await, 0);
    Tokens::of(&phone.refresh(&all[3]).await);
}

#[tokio::test]
async fn a_right_mac_with_a_wrong_handle_is_refused_and_told_and_the_session_lives() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    let before = row(&postern, &first).await;
    let keys = postern.provider().keys.load();

    for token in [&first.refresh, &second.refresh] {
        let real = keys.mac.parse(token).expect("ours");
        let forged = RefreshToken {
            handle: Handle::new(&postern.provider().entropy),
            ..real
        };
        let forged = keys.mac.encode(&forged).expose().clone();
        refused(&phone.refresh(&forged).await, 400, "invalid_grant");
        assert_eq!(phone.revoke(&forged).await.status, 200, "it is no token of ours");
    }

    assert_eq!(postern.count_events("key.forgery_suspected").await, 2);
    assert_eq!(row(&postern, &first).await, before);
    Tokens::of(&phone.refresh(&second.refresh).await);
}

#[tokio::test]
async fn a_disabled_person_and_a_removed_client_get_nothing() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let (other, others) = signed_in(&postern, "other").await;

    let removed = clients::remove(postern.provider(), "other".parse().expect("an id"), None).await;
    assert_eq!(
        removed
            .expect("the database answers")
            .expect("there was one")
            .devices,
        1
    );
    refused(&other.refresh(&others.refresh).await, 401, "invalid_client");
    assert_eq!(
        row(&postern, &others).await.end_reason.as_deref(),
        Some("client_removed")
    );
    assert_eq!(other.userinfo(&others.access).await.status, 401);
    let second = Tokens::of(&phone.refresh(&first.refresh).await);

    let alice = postern.user(ALICE).await;
    let disabled = account::disable(
        postern.provider(),
        alice.id,
        postern::domain::actor::Actor::Operator,
    )
    .await;
    assert!(disabled.expect("the database answers").is_some());
    refused(&phone.refresh(&second.refresh).await, 400, "invalid_grant");
    assert_eq!(
        row(&postern, &first).await.end_reason.as_deref(),
        Some("user_disabled")
    );
    assert_eq!(phone.userinfo(&second.access).await.status, 401);
}

#[tokio::test]
async fn a_grant_that_does_not_read_is_a_fault_and_no_rush() {
    let postern = Postern::start().await;
    let (phone, tokens) = signed_in(&postern, "notes").await;
    set(&postern, &tokens, "grant_json = '{\"scope\":7}'").await;
    let answer = phone.refresh(&tokens.refresh).await;
    assert_eq!(
        (answer.status.as_u16(), answer.error()),
        (500, "server_error".to_owned())
    );
    assert_eq!(answer.header("retry-after"), "");
    assert!(
        !answer.body.contains("grant"),
        "the cause is for the log: {}",
        answer.body
    );
}
