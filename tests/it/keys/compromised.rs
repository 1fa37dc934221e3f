//! A key that others may know: what it made is refused at once, and nobody is signed out.

use postern::{
    domain::{actor::Actor, key::Ring},
    flows::keys::rotate::{Withdrawn, rotate, withdraw},
};

use super::{accepts, active, kid, published, refresh_keys, ring, states};
use crate::harness::{ALICE, Postern, Tokens};

async fn compromised(postern: &Postern, all: bool) -> Vec<Withdrawn> {
    withdraw(postern.provider(), &Ring::ALL, all, Actor::Operator)
        .await
        .expect("withdrawn")
}

#[tokio::test]
async fn what_a_withdrawn_key_signed_is_refused_and_every_session_lives() {
    for postern in Postern::on_each().await {
        let there = postern.beside().await;
        let phone = postern.phone();
        let mut browser = postern.browser();
        let tokens = phone.signed_in(&mut browser, ALICE).await;
        let old = kid(&tokens.access);
        assert_eq!(phone.userinfo(&tokens.access).await.status, 200);

        // Not even old enough for an ordinary rotation.
        assert!(
            rotate(postern.provider(), &Ring::ALL, Actor::Operator)
                .await
                .is_err()
        );
        let withdrawn = compromised(&postern, false).await;
        let signing = withdrawn
            .iter()
            .find(|one| one.ring == Ring::SigningEs256)
            .expect("it");
        assert_eq!(
            signing
                .withdrawn
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            std::slice::from_ref(&old)
        );
        assert!(
            signing.known_everywhere_at.is_some(),
            "the next one was published a moment ago"
        );

        assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
        refresh_keys(&there).await;
        assert_eq!(phone.at(&there).userinfo(&tokens.access).await.status, 401);
        assert!(!postern.get("/jwks.json").await.body.contains(&old));
        let revoked = postern.revocations().await;
        assert_eq!(revoked, [("key".to_owned(), old.clone().into_bytes())]);
        let hint = tokens.answer["id_token"].as_str().expect("an ID token");
        let page = browser
            .open(&format!("/logout?id_token_hint={hint}"))
            .await
            .page();
        assert_eq!(
            page.heading(),
            "This sign-out link does not work",
            "whoever has the key could sign one"
        );

        let next = Tokens::of(&phone.refresh(&tokens.refresh).await);
        assert!(accepts(&postern, &published(&postern).await, &next.access));
        assert_eq!(phone.userinfo(&next.access).await.status, 200);
        browser.open("/account").await.page().form("/sign-out");
        assert_eq!(
            postern.count_events("key.withdrawn").await,
            2,
            "one that signs, one that seals"
        );
        assert_eq!(postern.count_events("session.ended").await, 0);
    }
}

#[tokio::test]
async fn with_all_every_key_that_lay_beside_it_goes_but_refresh_tokens_stay_good() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    postern.advance("11m");
    rotate(postern.provider(), &Ring::ALL, Actor::Operator)
        .await
        .expect("old enough");
    let lay_there: Vec<_> = ring(&postern, Ring::SigningEs256).await;
    assert_eq!(lay_there.len(), 3);
    compromised(&postern, true).await;
    for of in [Ring::SigningEs256, Ring::Seal] {
        assert_eq!(
            states(&postern, of).await,
            ["active", "gone", "gone", "gone", "next"]
        );
        let now = active(&postern, of).await;
        assert!(lay_there.iter().all(|key| key.id != now));
    }
    assert_eq!(
        states(&postern, Ring::Mac).await,
        ["active", "gone", "next", "retiring", "retiring"],
        "a handle protects each refresh token"
    );
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
    assert_eq!(postern.revocations().await.len(), 3);
}
