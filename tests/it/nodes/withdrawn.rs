//! A signing key that was taken back: what it signed is refused at once, on every node, whatever the database says later.

use postern::{
    base::id::KeyId,
    domain::{actor::Actor, key::Ring},
    flows::keys::rotate,
};

use super::{
    asked, by_hand, signed_in,
    went_back::{backup, restore},
};
use crate::harness::{ALICE, Answer, Follower, Phone, Postern, Tokens};

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

/// The rows of these keys: their states.
async fn states(postern: &Postern, keys: &[KeyId]) -> Vec<String> {
    let mut states = Vec::new();
    for key in keys {
        let row = "SELECT state || CASE WHEN withdrawn_at IS NULL THEN '' ELSE ' withdrawn' END FROM keys WHERE id = ";
        states.extend(asked(postern, &format!("{row}'{key}'")).await);
    }
    states
}

#[tokio::test]
async fn a_withdrawn_key_that_comes_back_with_the_database_signs_nothing_and_is_withdrawn_again() {
    for all in [false, true] {
        let here = Postern::start().await;
        let there = here.beside().await;
        let (_, phone, old) = signed_in(&here).await;
        let copy = backup(&here).await;
        let done = rotate::withdraw(here.provider(), &Ring::ALL, all, Actor::Operator).await;
        let withdrawn: Vec<KeyId> = done
            .expect("withdrawn")
            .into_iter()
            .flat_map(|ring| ring.withdrawn)
            .collect();
        assert_eq!(withdrawn.len(), if all { 5 } else { 2 });
        for node in [&here, &there] {
            node.poll().await;
        }

        restore(&here, &copy).await;
        let alive = states(&here, &withdrawn).await;
        assert!(
            alive.iter().all(|state| state == "active" || state == "next"),
            "the database has forgotten: {alive:?}"
        );
        // A node that has just started believes it, until it hears better.
        let young = here.beside().await;
        tokio::join!(here.poll(), there.poll());
        young.poll().await;
        let gone = vec!["gone withdrawn"; withdrawn.len()];
        assert_eq!(states(&here, &withdrawn).await, gone);
        assert_eq!(
            here.count_events("key.withdrawn").await,
            withdrawn.len(),
            "those of before are lost, and nobody writes them twice"
        );
        let listed = here.revocations().await;
        for node in [&here, &there, &young] {
            node.poll().await;
            let jwks = node.get("/jwks.json").await.body;
            for kid in &withdrawn {
                assert!(!jwks.contains(&kid.to_string()), "{jwks}");
            }
            let phone = phone.at(node);
            assert_eq!(phone.userinfo(&old.access).await.status, 401);
            let new = phone.signed_in(&mut node.browser(), ALICE).await;
            assert_eq!(phone.userinfo(&new.access).await.status, 200);
        }
        assert_eq!(
            listed.iter().filter(|(kind, _)| kind == "key").count(),
            if all { 2 } else { 1 }
        );
    }
}

#[tokio::test]
async fn until_a_key_that_came_back_is_withdrawn_again_nothing_is_signed_by_it() {
    let postern = Postern::start().await;
    let (_, phone, tokens) = signed_in(&postern).await;
    let copy = backup(&postern).await;
    let kid = withdraw(&postern).await;
    let next = Tokens::of(&phone.refresh(&tokens.refresh).await);
    restore(&postern, &copy).await;
    // The poll hangs. What this node holds is good for a while, and the database's rings are not taken.
    let provider = postern.provider();
    let read = provider.keys.refresh(&provider.db, &provider.clock).await;
    assert!(
        read.is_err_and(|error| error.to_string().contains(&kid.to_string())),
        "it is refused"
    );
    let newer = Tokens::of(&phone.refresh(&next.refresh).await);
    assert_eq!(phone.userinfo(&newer.access).await.status, 200);
    postern.advance("16s");
    let later = phone.refresh(&newer.refresh).await;
    assert_eq!(later.status, 503, "{later:?}");
    postern.poll().await;
    let newest = Tokens::of(&phone.refresh(&newer.refresh).await);
    assert_eq!(phone.userinfo(&newest.access).await.status, 200);
}
