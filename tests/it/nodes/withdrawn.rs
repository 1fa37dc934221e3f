//! A signing key that was taken back: what it signed is refused at once, on every node, whatever the database says later.

use postern::{
    base::id::KeyId,
    domain::{actor::Actor, key::Ring},
    flows::keys::rotate,
};

use super::{by_hand, signed_in};
use crate::harness::{Answer, Follower, Phone, Postern, Tokens};

/// Takes the key back that signs. Which that was.
async fn withdraw(postern: &Postern) -> KeyId {
    let withdrawn = rotate::withdraw(postern.provider(), &[Ring::SigningEs256], false, Actor::Operator).await;
    withdrawn.expect("another is ready")[0].withdrawn[0]
}

async fn hinted(phone: &Phone<'_>, postern: &Postern, tokens: &Tokens) -> Answer {
    let hint = tokens.answer["id_token"].as_str().expect("an ID token");
    let url = phone.authorize_url(&[("prompt", "none"), ("id_token_hint", hint)]);
    postern.get(&url).await
}

#[tokio::test]
async fn what_a_withdrawn_key_signed_is_refused_everywhere_and_stays_so() {
    let here = Postern::start().await;
    let there = here.beside().await;
    let (_, phone, tokens) = signed_in(&here).await;
    let follower = Follower::new(&here, "api").await;
    for node in [&here, &there] {
        assert_eq!(node.phone().userinfo(&tokens.access).await.status, 200);
        let hinted = hinted(&phone.at(node), node, &tokens).await;
        assert!(!hinted.location().contains("error=invalid_request"), "{hinted:?}");
    }
    let mut of_old_key = follower.copy("old").followed().await;

    let kid = withdraw(&here).await;
    of_old_key.ends().await;
    let mut with_new = follower.at(&here);
    with_new.token = with_new.new_token(&[]).await;
    let (revoked, _) = with_new.follow().await.beginning().await;
    assert!(
        revoked.contains(&("key".to_owned(), kid.to_string())),
        "{revoked:?}"
    );
    assert_eq!(here.phone().userinfo(&tokens.access).await.status, 401);
    here.poll().await;
    there.poll().await;
    assert_eq!(there.phone().userinfo(&tokens.access).await.status, 401);
    for node in [&here, &there] {
        let published = node.get("/jwks.json").await;
        assert!(!published.body.contains(&kid.to_string()), "{published:?}");
        let hinted = hinted(&phone.at(node), node, &tokens).await;
        assert!(hinted.location().contains("error=invalid_request"), "{hinted:?}");
    }
    let next = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(
        there.phone().userinfo(&next.access).await.status,
        200,
        "nobody is signed out"
    );

    // The public half comes back with a database that went back.
    by_hand(
        &here,
        "DELETE FROM revocations; UPDATE keys SET withdrawn_at = NULL",
    )
    .await;
    for node in [&here, &there] {
        node.poll().await;
        let hinted = hinted(&phone.at(node), node, &tokens).await;
        assert!(hinted.location().contains("error=invalid_request"), "{hinted:?}");
        assert_eq!(node.phone().userinfo(&tokens.access).await.status, 401);
    }
    let listed = here.revocations().await;
    assert!(
        listed.contains(&("key".to_owned(), kid.to_string().into_bytes())),
        "{listed:?}"
    );
}
