//! Redeeming a code: what is refused and changes nothing, and the second redemption that ends the session.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::{code, number, refused, revocations};
use crate::harness::{ALICE, Postern, Tokens};

/// No refusal has changed the row: its code still works.
async fn still_granted(postern: &Postern) {
    assert_eq!(
        number(
            postern,
            "SELECT COUNT(*) FROM device_sessions WHERE state = 'granted'"
        )
        .await,
        1
    );
    assert_eq!(postern.count_events("session.opened").await, 0);
    assert_eq!(postern.count_events("session.ended").await, 0);
}

/// What an observer of the text alone would say that it holds, in bits.
fn shannon(text: &str) -> f64 {
    let length = u32::try_from(text.len()).expect("short");
    let distinct: BTreeSet<u8> = text.bytes().collect();
    let bits = distinct.into_iter().map(|byte| {
        let count = text.bytes().filter(|other| *other == byte).count();
        let count = f64::from(u32::try_from(count).expect("short"));
        count * (f64::from(length) / count).log2()
    });
    bits.sum()
}

#[tokio::test]
async fn what_is_given_out_is_long_random_and_in_plain_characters() {
    let postern = Postern::start().await;
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let (phone, code) = code(&postern).await;
        let tokens = Tokens::of(&phone.redeem(&code).await);
        for secret in [code, tokens.access, tokens.refresh] {
            assert!(shannon(&secret) > 96.0, "{secret}");
            // RFC 6749 appendix A: VSCHAR.
            assert!(secret.bytes().all(|byte| byte.is_ascii_graphic()), "{secret}");
            assert!(seen.insert(secret), "given out once");
        }
    }
}

#[tokio::test]
async fn a_wrong_or_missing_part_is_refused_and_the_code_stays_good() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let (phone, code) = code(&postern).await;
    let wrong = "w".repeat(43);
    let changes = [
        ("code_verifier", wrong.as_str()),
        ("code_verifier", &phone.verifier[..42]),
        (
            "code_verifier",
            "not ~ a ~ verifier ~ because ~ of ~ the ~ spaces",
        ),
        ("client_id", "other"),
        ("redirect_uri", "http://127.0.0.1:49153/callback"),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("redirect_uri", "http://127.0.0.1:49152/callback/"),
        ("redirect_uri", "http://127.0.0.1:49152/CALLBACK"),
    ];
    for change in changes {
        let answer = phone.redeem_with(&code, &[change]).await;
        refused(&answer, 400, "invalid_grant");
    }
    for missing in ["code_verifier", "code", "grant_type", "client_id"] {
        let answer = phone.redeem_with(&code, &[(missing, "")]).await;
        refused(&answer, 400, "invalid_request");
    }
    refused(
        &phone.redeem_with(&code, &[("client_id", "nobody")]).await,
        401,
        "invalid_client",
    );
    still_granted(&postern).await;

    Tokens::of(&phone.redeem(&code).await);
    assert_eq!(postern.count_events("session.opened").await, 1);
}

#[tokio::test]
async fn the_redirect_uri_may_be_left_out() {
    let postern = Postern::start().await;
    let (phone, code) = code(&postern).await;

    let tokens = Tokens::of(&phone.redeem_with(&code, &[("redirect_uri", "")]).await);

    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
}

#[tokio::test]
async fn a_code_is_good_for_less_than_a_minute() {
    let postern = Postern::start().await;
    let (phone, late) = code(&postern).await;
    postern.advance("60s");
    refused(&phone.redeem(&late).await, 400, "invalid_grant");
    still_granted(&postern).await;

    let (phone, early) = code(&postern).await;
    postern.advance("59999ms");
    Tokens::of(&phone.redeem(&early).await);
}

#[tokio::test]
async fn a_changed_code_is_refused() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 1000).await;
    let (phone, code) = code(&postern).await;
    assert_eq!(
        code.len(),
        "pst_ac_".len() + 43,
        "a code is 256 bits long, half of them secret"
    );

    for length in 0..code.len() {
        let error = if length == 0 {
            "invalid_request"
        } else {
            "invalid_grant"
        };
        refused(&phone.redeem(&code[..length]).await, 400, error);
    }
    for at in 0..code.len() {
        // The last character carries four bits; the flip of an unused one must be refused like any other.
        for bit in [1, 2, 4] {
            let mut flipped = code.clone().into_bytes();
            flipped[at] ^= bit;
            let flipped = String::from_utf8(flipped).expect("ASCII");
            refused(&phone.redeem(&flipped).await, 400, "invalid_grant");
        }
    }
    for other in [
        format!("{code}A"),
        format!("{code}="),
        format!(" {code}"),
        code.to_uppercase(),
    ] {
        refused(&phone.redeem(&other).await, 400, "invalid_grant");
    }
    still_granted(&postern).await;
    Tokens::of(&phone.redeem(&code).await);
}

#[tokio::test]
async fn a_code_of_another_request_is_refused() {
    let postern = Postern::start().await;
    let (phone, first) = code(&postern).await;
    let (other, second) = code(&postern).await;

    refused(&phone.redeem(&second).await, 400, "invalid_grant");
    refused(&other.redeem(&first).await, 400, "invalid_grant");

    // The id of one and the secret of the other.
    let crossed = format!("{}{}", &first[..29], &second[29..]);
    refused(&phone.redeem(&crossed).await, 400, "invalid_grant");
    refused(&other.redeem(&crossed).await, 400, "invalid_grant");
    assert_eq!(
        number(
            &postern,
            "SELECT COUNT(*) FROM device_sessions WHERE state = 'granted'"
        )
        .await,
        2
    );
    Tokens::of(&phone.redeem(&first).await);
    Tokens::of(&other.redeem(&second).await);
}

#[tokio::test]
async fn a_right_second_redemption_within_the_minute_ends_the_session() {
    let postern = Postern::start().await;
    let (phone, code) = code(&postern).await;
    let tokens = Tokens::of(&phone.redeem(&code).await);
    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
    postern.advance("59s");

    // Who has only a part of it ends nothing.
    let wrong = "w".repeat(43);
    refused(
        &phone.redeem_with(&code, &[("code_verifier", &wrong)]).await,
        400,
        "invalid_grant",
    );
    let elsewhere = [("redirect_uri", "http://127.0.0.1:1/callback")];
    refused(&phone.redeem_with(&code, &elsewhere).await, 400, "invalid_grant");
    postern.add_client("other", |_| {}).await;
    let another = [("client_id", "other")];
    refused(&phone.redeem_with(&code, &another).await, 400, "invalid_grant");
    assert_eq!(super::row(&postern, &tokens).await.state, "active");
    // Events of one moment have no order.
    postern.advance("1ms");

    refused(&phone.redeem(&code).await, 400, "invalid_grant");

    assert_eq!(
        super::row(&postern, &tokens).await.end_reason.as_deref(),
        Some("code_reuse")
    );
    assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
    refused(&phone.refresh(&tokens.refresh).await, 400, "invalid_grant");
    let (kind, data) = postern.events().await.remove(0);
    assert_eq!(
        (kind.as_str(), &data["reason"]),
        ("session.ended", &"code_reuse".into())
    );
    assert_eq!(revocations(&postern).await.len(), 1);
}

#[tokio::test]
async fn after_the_minute_an_old_redirect_is_only_refused() {
    let postern = Postern::start().await;
    let (phone, code) = code(&postern).await;
    let tokens = Tokens::of(&phone.redeem(&code).await);
    postern.advance("60s");

    refused(&phone.redeem(&code).await, 400, "invalid_grant");

    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
    Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(postern.count_events("session.ended").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_race_of_64_has_one_winner_and_a_dead_session() {
    for postern in Postern::on_each().await {
        let (phone, code) = code(&postern).await;

        let answers = join_all((0..64).map(|_| phone.redeem(&code))).await;

        let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        assert_eq!(statuses, BTreeSet::from([200, 400]));
        let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(winners.len(), 1);
        let tokens = Tokens::of(winners[0]);
        assert_eq!(super::row(&postern, &tokens).await.state, "ended");
        assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
        refused(&phone.refresh(&tokens.refresh).await, 400, "invalid_grant");
        assert_eq!(postern.count_events("session.opened").await, 1);
        assert_eq!(postern.count_events("session.ended").await, 1);
    }
}

#[tokio::test]
async fn an_end_before_the_redemption_makes_the_code_worthless() {
    let postern = Postern::start().await;
    let (phone, code) = code(&postern).await;
    let alice = postern.user(ALICE).await;
    postern::flows::account::disable(
        postern.provider(),
        alice.id,
        postern::domain::actor::Actor::Operator,
    )
    .await
    .expect("disabled");

    refused(&phone.redeem(&code).await, 400, "invalid_grant");

    assert_eq!(
        number(
            &postern,
            "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'"
        )
        .await,
        0
    );
    assert!(revocations(&postern).await.is_empty(), "it never had a token");
}
