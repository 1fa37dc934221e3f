//! A signing key that was taken back: what it signed is refused at once, on every node, whatever the database says later.

use postern::{
    domain::{event::Event, event::Subject, key::Ring},
    flows::{end::revoked_until, keys::rotate::rotate},
    store::revocations::WithdrawKey,
};

use super::{by_hand, signed_in};
use crate::harness::{Answer, Follower, Phone, Postern, Tokens};

async fn withdraw(postern: &Postern, kid: postern::base::id::KeyId) -> bool {
    let provider = postern.provider();
    let now = provider.clock.now();
    let until = revoked_until(provider, now);
    let event = Event::KeyDestroyed {
        ring: Ring::SigningEs256,
        kid: kid.to_string(),
    };
    let event = provider.event(now, Subject::default(), event);
    let change = WithdrawKey {
        kid,
        now,
        until,
        event,
    };
    let withdrawn = provider.db.write(change).await.expect("the database answers");
    provider.ends.remember_key(kid, until, now);
    withdrawn
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
    let (_, phone, first) = signed_in(&here).await;
    here.advance("11m");
    let tokens = Tokens::of(&phone.refresh(&first.refresh).await);
    let follower = Follower::new(&here, "api").await;
    let rotated = rotate(here.provider(), &[Ring::SigningEs256])
        .await
        .expect("old enough");
    let kid = rotated[0].retiring.expect("the first key");
    there.poll().await;
    // The key retires, and what it signed is good.
    for node in [&here, &there] {
        assert_eq!(node.phone().userinfo(&tokens.access).await.status, 200);
        let hinted = hinted(&phone.at(node), node, &first).await;
        assert!(!hinted.location().contains("error=invalid_request"), "{hinted:?}");
    }
    let mut with_new = follower.at(&here);
    with_new.token = with_new.new_token(&[]).await;
    let mut stream = with_new.followed().await;
    let mut of_old_key = follower.copy("old").followed().await;

    assert!(withdraw(&here, kid).await);
    assert_eq!(stream.addition().await, [("key".to_owned(), kid.to_string())]);
    of_old_key.ends().await;
    assert_eq!(here.phone().userinfo(&tokens.access).await.status, 401);
    here.poll().await;
    there.poll().await;
    assert_eq!(there.phone().userinfo(&tokens.access).await.status, 401);
    for node in [&here, &there] {
        let published = node.get("/jwks.json").await;
        assert!(!published.body.contains(&kid.to_string()), "{published:?}");
        let hinted = hinted(&phone.at(node), node, &first).await;
        assert!(hinted.location().contains("error=invalid_request"), "{hinted:?}");
    }
    let next = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(
        there.phone().userinfo(&next.access).await.status,
        200,
        "nobody is signed out"
    );
    assert!(!withdraw(&here, kid).await, "once");

    // The public half comes back with a database that went back.
    by_hand(
        &here,
        "DELETE FROM revocations; UPDATE keys SET withdrawn_at = NULL",
    )
    .await;
    for node in [&here, &there] {
        node.poll().await;
        let hinted = hinted(&phone.at(node), node, &first).await;
        assert!(hinted.location().contains("error=invalid_request"), "{hinted:?}");
        assert_eq!(node.phone().userinfo(&tokens.access).await.status, 401);
    }
    let listed = here.revocations().await;
    assert!(
        listed.contains(&("key".to_owned(), kid.to_string().into_bytes())),
        "{listed:?}"
    );
}
