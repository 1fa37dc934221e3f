//! What a list shows: sessions that fit, newest first, and never a long time.

use std::net::{IpAddr, Ipv4Addr};

use postern::flows::sessions;
use serde_json::json;

use super::{filter, found, more_like_it};
use crate::harness::{ALICE, BOB, Phone, Postern, Tokens};

/// Signs in, as an app that says its version.
async fn signed_in(phone: &Phone<'_>, postern: &Postern, email: &str, version: &str) -> Tokens {
    let code = phone.allowed_code(&mut postern.browser(), email).await;
    let answer = phone.redeem_with(&code, &[("app_version", version)]).await;
    Tokens::of(&answer)
}

#[tokio::test]
async fn each_filter_finds_its_sessions_and_no_others() {
    for postern in Postern::on_each().await {
        postern.add_client("mail", |_| {}).await;
        let (notes, mail) = (postern.phone(), postern.phone_of("mail"));
        let first = signed_in(&notes, &postern, ALICE, "1.0").await.sid();
        postern.advance("1h");
        let (middle, at) = (
            signed_in(&mail, &postern, ALICE, "2.0").await,
            postern.clock.now(),
        );
        postern.advance("1h");
        let last = signed_in(&notes, &postern, BOB, "2.0").await.sid();
        let middle_id = middle.sid();
        let alice = postern.user(ALICE).await.id;
        let all = [last.as_str(), &middle_id, &first];
        for (parts, expected) in [
            (json!({}), &all[..]),
            (json!({ "user": alice }), &all[1..]),
            (json!({ "client": "mail" }), &all[1..2]),
            (json!({ "client": "notes", "user": alice }), &all[2..]),
            (json!({ "app_version": "2.0" }), &all[..2]),
            (json!({ "app_version": "2" }), &[]),
            (json!({ "opened_since": at }), &all[..2]),
            (json!({ "opened_before": at }), &all[2..]),
            (json!({ "used_since": at }), &all[..2]),
            (json!({ "used_before": at }), &all[2..]),
            (json!({ "address": "203.0.113.0/24" }), &all[..]),
            (json!({ "address": "192.0.2.0/24" }), &[]),
            (json!({ "life": "with_browser" }), &[]),
            (json!({ "life": "own" }), &all[..]),
            (json!({ "device": "television" }), &[]),
        ] {
            assert_eq!(found(&postern, &filter(parts.clone())).await, expected, "{parts}");
        }

        // A refresh tells it anew, and moves the last use.
        postern.advance("1h");
        let answer = mail
            .refresh_with(&middle.refresh, &[("app_version", "3.0")])
            .await;
        assert_eq!(answer.status, 200);
        let three = filter(json!({ "app_version": "3.0", "used_since": postern.clock.now() }));
        assert_eq!(found(&postern, &three).await, [middle_id]);
    }
}

#[tokio::test]
async fn a_version_that_is_none_signs_nobody_out_and_changes_nothing() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut tokens = signed_in(&phone, &postern, ALICE, "1.0").await;
    for odd in ["", "4 2", "'; DROP TABLE users", &"9".repeat(33)] {
        let answer = phone.refresh_with(&tokens.refresh, &[("app_version", odd)]).await;
        assert_eq!(answer.status, 200, "{odd:?}");
        tokens = Tokens::of(&answer);
    }
    let one = filter(json!({ "app_version": "1.0" }));
    assert_eq!(found(&postern, &one).await, [tokens.sid()]);
}

#[tokio::test]
async fn an_app_that_moves_is_found_where_it_asked_last() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let form = crate::harness::encode(&phone.refreshing(&tokens.refresh));
    let request = http::Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into())
        .expect("a request");
    let cafe = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
    assert_eq!(postern.send_from(cafe, request).await.status, 200);
    let at = async |network: &str| found(&postern, &filter(json!({ "address": network }))).await;
    assert_eq!(at("198.51.100.0/24").await, [tokens.sid()]);
    assert_eq!(at("203.0.113.0/24").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_search_looks_at_so_many_and_says_that_there_is_more() {
    for postern in Postern::on_each().await {
        let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
        more_like_it(&postern, 5_000).await;
        // Nothing fits: a search without bounds would read every row.
        let none = filter(json!({ "app_version": "0.0" }));
        let (statements, first) = postern
            .statements(sessions::list(postern.provider(), &none, None, 50))
            .await;
        let first = first.expect("answered");
        assert!(first.page.items.is_empty() && first.page.next.is_some());
        assert!((4_000..5_000).contains(&first.looked_at), "{}", first.looked_at);
        assert!(statements < 9, "{statements}");
        let next = first.page.next.expect("more").parse().expect("an id");
        let rest = sessions::list(postern.provider(), &none, Some(next), 50)
            .await
            .expect("answered");
        assert_eq!((rest.page.next, first.looked_at + rest.looked_at), (None, 5_001));

        let mine = filter(json!({ "user": postern.user(ALICE).await.id }));
        let all = found(&postern, &mine).await;
        assert_eq!(all.len(), 5_001);
        assert!(
            all.windows(2).all(|two| two[0] > two[1]),
            "newest first, none twice"
        );
        assert!(all.contains(&tokens.sid()));
    }
}
