//! Revocation (RFC 7009): a refresh token ends its session, an access token only itself.

use postern::base::time::Lifetime;

use super::{FORM, Prover, number, raw_post, refused, revocations, row, session, signed_in};
use crate::harness::{Postern, Tokens};

#[tokio::test]
async fn a_refresh_token_of_any_generation_ends_the_session() {
    let postern = Postern::start().await;
    for back in 0..4 {
        let (phone, first) = signed_in(&postern, "notes").await;
        let mut all = vec![first.clone()];
        for _ in 0..3 {
            all.push(Tokens::of(&phone.refresh(&all[all.len() - 1].refresh).await));
        }
        postern.advance("1h");
        let newest = Tokens::of(&phone.refresh(&all[3].refresh).await);

        let answer = phone.revoke(&all[back].refresh).await;

        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(row(&postern, &first).await.end_reason.as_deref(), Some("revoked"));
        refused(&phone.refresh(&newest.refresh).await, 400, "invalid_grant");
        assert_eq!(phone.userinfo(&newest.access).await.status, 401);
        let (kind, data) = postern.events().await.remove(0);
        assert_eq!(
            (kind.as_str(), &data["reason"]),
            ("session.ended", &"revoked".into())
        );
        assert_eq!(data["id"], first.sid());
        let until = postern.clock.now().plus(Lifetime::from_secs(420));
        let id = session(&first).to_bytes().to_vec();
        assert!(
            revocations(&postern)
                .await
                .contains(&("session".to_owned(), id, until))
        );

        assert_eq!(
            phone.revoke(&newest.refresh).await.status,
            200,
            "again is as good"
        );
        assert_eq!(postern.count_events("session.ended").await, back + 1);
    }
}

#[tokio::test]
async fn a_token_newer_than_its_row_ends_the_session_too() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    super::set(&postern, &first, "generation = 1").await;

    assert_eq!(phone.revoke(&second.refresh).await.status, 200);

    assert_eq!(row(&postern, &first).await.end_reason.as_deref(), Some("revoked"));
}

#[tokio::test]
async fn a_bound_session_is_given_back_without_a_proof() {
    let postern = Postern::start().await;
    let first = Prover::new(&postern, "the phone's key").signed_in().await;

    assert_eq!(postern.phone().revoke(&first.refresh).await.status, 200);

    assert_eq!(row(&postern, &first).await.end_reason.as_deref(), Some("revoked"));
}

#[tokio::test]
async fn a_hint_never_filters() {
    let postern = Postern::start().await;
    for hint in ["access_token", "refresh_token", "id_token", "nonsense", ""] {
        let (phone, first) = signed_in(&postern, "notes").await;
        let with = |token: &str| {
            let body = format!("client_id=notes&token={token}&token_type_hint={hint}");
            postern.send(raw_post("/revoke", FORM, body))
        };
        assert_eq!(with(&first.access).await.status, 200);
        assert_eq!(phone.userinfo(&first.access).await.status, 401);
        assert_eq!(row(&postern, &first).await.state, "active");
        assert_eq!(with(&first.refresh).await.status, 200);
        assert_eq!(row(&postern, &first).await.state, "ended");
    }
}

#[tokio::test]
async fn an_unknown_token_is_as_good_as_revoked() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let id_token = first.answer["id_token"].as_str().expect("an ID token");
    let changed = format!("{}x", &first.access[..first.access.len() - 1]);
    for unknown in [
        "x",
        "pst_rt_",
        "pst_ac_x",
        "a.b.c",
        id_token,
        &changed,
        &first.refresh[..50],
        "\u{1F600}",
    ] {
        let answer = phone.revoke(unknown).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (200, ""),
            "{unknown}"
        );
    }
    postern.advance("301s");
    postern.advance("10m");
    assert_eq!(
        phone.revoke(&first.access).await.status,
        200,
        "an expired one needs nothing"
    );
    assert_eq!(number(&postern, "SELECT COUNT(*) FROM revocations").await, 0);
    Tokens::of(&phone.refresh(&first.refresh).await);
}

#[tokio::test]
async fn another_clients_tokens_are_refused_and_live() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let other = postern.phone_of("other");

    refused(&other.revoke(&first.refresh).await, 400, "invalid_grant");
    refused(&other.revoke(&first.access).await, 400, "invalid_grant");

    assert_eq!(phone.userinfo(&first.access).await.status, 200);
    assert_eq!(postern.count_events("session.ended").await, 0);
    assert!(revocations(&postern).await.is_empty());
    Tokens::of(&phone.refresh(&first.refresh).await);
}

#[tokio::test]
async fn an_access_token_goes_alone() {
    let postern = Postern::start().await;
    postern
        .add_client("api", |settings| {
            settings.resource = Some("https://api.example".parse().expect("valid"));
        })
        .await;
    for client in ["notes", "api"] {
        let (phone, first) = signed_in(&postern, client).await;
        let second = Tokens::of(&phone.refresh(&first.refresh).await);
        let listed = revocations(&postern).await.len();
        postern.advance("1s");

        for _ in 0..2 {
            assert_eq!(phone.revoke(&first.access).await.status, 200);
            assert_eq!(revocations(&postern).await.len(), listed + 1, "once is enough");
        }

        assert_eq!(phone.userinfo(&first.access).await.status, 401);
        assert_eq!(phone.userinfo(&second.access).await.status, 200);
        let (kind, data) = postern.events().await.remove(0);
        assert_eq!(kind, "token.revoked");
        assert_eq!(data["jti"], first.claims()["jti"]);
        let (kind, _, until) = revocations(&postern).await.remove(listed);
        assert_eq!(
            (kind.as_str(), until),
            ("token", postern.clock.now().plus(Lifetime::from_secs(420)))
        );
        Tokens::of(&phone.refresh(&second.refresh).await);
    }
    // Without openid the token is for the API alone, and its client may still take it back.
    let (phone, first) = signed_in(&postern, "api").await;
    let narrow = Tokens::of(&phone.refresh_with(&first.refresh, &[("scope", "email")]).await);
    let listed = revocations(&postern).await.len();
    assert_eq!(phone.revoke(&narrow.access).await.status, 200);
    assert_eq!(revocations(&postern).await.len(), listed + 1);
}

#[tokio::test]
async fn the_17th_single_token_ends_the_session() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let mut newest = first.clone();
    for count in 1..=16 {
        assert_eq!(phone.revoke(&newest.access).await.status, 200);
        assert_eq!(row(&postern, &first).await.state, "active", "after {count}");
        newest = Tokens::of(&phone.refresh(&newest.refresh).await);
    }

    assert_eq!(phone.revoke(&newest.access).await.status, 200);

    assert_eq!(
        row(&postern, &first).await.end_reason.as_deref(),
        Some("many_tokens_revoked")
    );
    refused(&phone.refresh(&newest.refresh).await, 400, "invalid_grant");
    assert_eq!(postern.count_events("token.revoked").await, 17);
    assert_eq!(postern.count_events("session.ended").await, 1);
    let id = session(&first).to_bytes().to_vec();
    assert!(
        revocations(&postern)
            .await
            .iter()
            .any(|(kind, listed, _)| kind == "session" && *listed == id)
    );
}

#[tokio::test]
async fn only_tokens_that_may_still_be_in_use_count_towards_the_17() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let mut newest = first.clone();
    for count in 1..=20 {
        assert_eq!(phone.revoke(&newest.access).await.status, 200);
        assert_eq!(row(&postern, &first).await.state, "active", "after {count}");
        postern.advance("1m");
        newest = Tokens::of(&phone.refresh(&newest.refresh).await);
    }
}
