//! A key that this node has not seen: it looks once, and invented ids cost the database nothing.

use base64ct::{Base64UrlUnpadded, Encoding};
use futures_util::future::join_all;
use postern::{domain::key::Ring, flows::keys::rotate::rotate};

use super::refresh_keys;
use crate::harness::{ALICE, Browser, Postern, Tokens};

/// A refresh token of a key that does not exist.
fn invented(token: &str, number: u8) -> String {
    let body = token.strip_prefix("pst_rt_").expect("a refresh token");
    let mut bytes = Base64UrlUnpadded::decode_vec(body).expect("base64url");
    bytes[1..9].fill(number);
    format!("pst_rt_{}", Base64UrlUnpadded::encode_string(&bytes))
}

#[tokio::test]
async fn what_another_node_made_with_a_newer_key_is_accepted() {
    let here = Postern::start().await;
    let mut browser = here.browser();
    let tokens = here.phone().signed_in(&mut browser, ALICE).await;
    let there = here.beside().await;
    // Two rotations within the time that the other node takes its ring for current.
    for _ in 0..2 {
        here.advance("31s");
        rotate(
            here.provider(),
            &[Ring::Mac, Ring::Seal],
            postern::domain::actor::Actor::Operator,
        )
        .await
        .expect("old enough");
    }
    let tokens = Tokens::of(&here.phone().refresh(&tokens.refresh).await);
    let (count, answer) = there.statements(there.phone().refresh(&tokens.refresh)).await;
    let newest = Tokens::of(&answer);
    assert_eq!(count, 3, "the version, the rings, the rotation");

    // The same for a page, and for userinfo with a new signing key.
    let there = here.beside().await;
    for _ in 0..2 {
        here.advance("11m");
        rotate(
            here.provider(),
            &Ring::ALL,
            postern::domain::actor::Actor::Operator,
        )
        .await
        .expect("old enough");
    }
    let phone = here.phone();
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let back = browser.at(&there).press(&page, "allow").await.app();
    phone.code(&back);
    let there = here.beside().await;
    for _ in 0..2 {
        here.advance("11m");
        rotate(
            here.provider(),
            &Ring::ALL,
            postern::domain::actor::Actor::Operator,
        )
        .await
        .expect("old enough");
    }
    let newest = Tokens::of(&here.phone().refresh(&newest.refresh).await);
    assert_eq!(there.phone().userinfo(&newest.access).await.status, 200);
}

#[tokio::test]
async fn revoking_what_another_node_made_ends_it() {
    let here = Postern::start().await;
    let tokens = here.phone().signed_in(&mut here.browser(), ALICE).await;
    let there = here.beside().await;
    for _ in 0..2 {
        here.advance("31s");
        rotate(
            here.provider(),
            &[Ring::Mac],
            postern::domain::actor::Actor::Operator,
        )
        .await
        .expect("old enough");
    }
    let tokens = Tokens::of(&here.phone().refresh(&tokens.refresh).await);
    assert_eq!(there.phone().revoke(&tokens.refresh).await.status, 200);
    assert_eq!(here.phone().refresh(&tokens.refresh).await.status, 400);
}

#[tokio::test]
async fn invented_key_ids_are_no_storm() {
    let postern = Postern::start().await;
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    let flood = async |numbers: std::ops::Range<u8>| {
        for number in numbers {
            let answer = postern.phone().refresh(&invented(&tokens.refresh, number)).await;
            assert_eq!(answer.status, 400);
        }
    };
    // A poll a moment ago: nothing at all.
    postern.advance("5s");
    let (count, ()) = postern.statements(flood(0..10)).await;
    assert_eq!(count, 0);
    // A poll that hangs: one look for all, and the next one some seconds later.
    postern.advance("1s");
    let (count, ()) = postern.statements(flood(10..20)).await;
    assert_eq!(count, 1);
    postern.advance("5s");
    let (count, ()) = postern.statements(flood(20..30)).await;
    assert_eq!(count, 0);
    refresh_keys(&postern).await;
    assert_eq!(postern.phone().refresh(&tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn neither_are_those_of_access_tokens_and_of_pages() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let tokens = postern.phone().signed_in(&mut browser, ALICE).await;
    let page = browser.open(&postern.phone().authorize_url(&[])).await.page();
    let claims_and_signature = tokens.access.split_once('.').expect("three parts").1;
    let sealed = page.form("/consent").field("request").to_owned();
    let flood = async |browser: &mut Browser<'_>, numbers: std::ops::Range<u8>| {
        for number in numbers {
            let header = format!(r#"{{"alg":"ES256","kid":"{number:016x}","typ":"at+jwt"}}"#);
            let header = Base64UrlUnpadded::encode_string(header.as_bytes());
            let token = format!("{header}.{claims_and_signature}");
            assert_eq!(postern.phone().userinfo(&token).await.status, 401);
            let mut bytes = Base64UrlUnpadded::decode_vec(&sealed).expect("base64url");
            bytes[1..9].fill(number);
            let sealed = Base64UrlUnpadded::encode_string(&bytes);
            let form = page
                .form("/consent")
                .with("request", &sealed)
                .with("decision", "allow");
            let said = browser.submit(&form).await.page();
            assert!(
                said.answer.body.contains("damaged or not ours"),
                "{}",
                said.answer.body
            );
        }
    };
    let (healthy, ()) = postern.statements(flood(&mut browser, 0..10)).await;
    postern.advance("6s");
    let (hanging, ()) = postern.statements(flood(&mut browser, 10..20)).await;
    assert_eq!(hanging, healthy + 1, "one look for all");
}

#[tokio::test]
async fn fifty_at_once_share_one_look() {
    let postern = Postern::start().await;
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.advance("10s");
    let phone = postern.phone();
    let forged: Vec<_> = (0..50).map(|number| invented(&tokens.refresh, number)).collect();
    let (count, ()) = postern
        .statements(async {
            for answer in join_all(forged.iter().map(|token| phone.refresh(token))).await {
                assert_eq!(answer.status, 400);
            }
        })
        .await;
    assert_eq!(count, 1);
}

#[tokio::test]
async fn while_the_database_is_away_nobody_is_told_that_a_token_is_bad() {
    let postern = Postern::start().await;
    let tokens = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    postern.advance("10s");
    postern.provider().db.clone().close().await;
    for _ in 0..2 {
        let answer = postern.phone().refresh(&invented(&tokens.refresh, 1)).await;
        assert_eq!(answer.status, 503, "it may be of a newer key: {}", answer.body);
        assert!(answer.headers.contains_key("retry-after"));
    }
    let answer = postern.phone().revoke(&invented(&tokens.refresh, 1)).await;
    assert_eq!(answer.status, 503, "revoking nothing is no success");
    // Verifiers go on with what this node holds.
    postern.advance("1m");
    assert_eq!(postern.get("/jwks.json").await.status, 200);
}
