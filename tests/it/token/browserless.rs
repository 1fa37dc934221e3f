//! Browserless logout: what an app has to show before the browser session ends too.

use postern::domain::{
    binding::Proof,
    client::{Client, ClientSettings},
};

use super::{Prover, number, row, signed_in, why};
use crate::harness::{ALICE, Phone, Postern, ProofKey, Tokens};

/// The app `notes` as it is when it may do this.
fn trusted(postern: &Postern) -> Client {
    let notes = postern.provider().clients.find("notes").expect("a client");
    Client {
        settings: ClientSettings {
            may_end_browser_session: true,
            ..notes.settings.clone()
        },
        ..(*notes).clone()
    }
}

async fn log_out(
    postern: &Postern,
    client: &Client,
    token: &str,
    proof: Option<Proof>,
) -> Result<(), postern::flows::token::TokenError> {
    let address = Some("203.0.113.7".to_owned());
    postern::flows::browserless_logout::log_out(postern.provider(), client, token, proof, address).await
}

async fn open_browsers(postern: &Postern) -> i64 {
    number(
        postern,
        "SELECT COUNT(*) FROM browser_sessions WHERE ended_at IS NULL",
    )
    .await
}

#[tokio::test]
async fn the_apps_session_and_the_browser_session_that_it_came_from_end() {
    let postern = Postern::start().await;
    let (_, elsewhere) = signed_in(&postern, "notes").await;
    let prover = Prover::new(&postern, "the phone's key");
    let tokens = prover.signed_in().await;
    assert_eq!(open_browsers(&postern).await, 2);

    let proof = prover.proof(postern.clock.now());
    log_out(&postern, &trusted(&postern), &tokens.refresh, Some(proof))
        .await
        .expect("done");

    assert_eq!(
        row(&postern, &tokens).await.end_reason.as_deref(),
        Some("logged_out")
    );
    assert_eq!(
        row(&postern, &elsewhere).await.state,
        "active",
        "another browser's"
    );
    assert_eq!(open_browsers(&postern).await, 1);
    let events = postern.events().await;
    let ended: Vec<_> = events
        .iter()
        .filter(|(kind, _)| kind == "session.ended")
        .collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (&ended[0].1["browsers"], &ended[0].1["devices"]),
        (&1.into(), &1.into())
    );

    // Once more, as after a lost answer: there is nothing left to end.
    let proof = prover.proof(postern.clock.now());
    log_out(&postern, &trusted(&postern), &tokens.refresh, Some(proof))
        .await
        .expect("as good as done");
    assert_eq!(postern.count_events("session.ended").await, 1);
}

#[tokio::test]
async fn a_token_without_its_key_or_a_client_that_may_not_ends_nothing() {
    let postern = Postern::start().await;
    let (_, bearer) = signed_in(&postern, "notes").await;
    let (prover, thief) = (
        Prover::new(&postern, "the phone's key"),
        Prover::new(&postern, "a thief's key"),
    );
    let tokens = prover.signed_in().await;
    let now = postern.clock.now();
    let (right, wrong) = (Some(prover.proof(now)), Some(thief.proof(now)));
    let (client, notes) = (
        trusted(&postern),
        postern.provider().clients.find("notes").expect("a client"),
    );
    for (refresh, proof) in [
        (&tokens.refresh, None),
        (&tokens.refresh, wrong),
        // A bearer session has no key: whoever stole its token could prove one.
        (&bearer.refresh, right),
        (&bearer.refresh, None),
    ] {
        assert_eq!(
            why(log_out(&postern, &client, refresh, proof).await),
            "invalid_request"
        );
    }
    assert_eq!(
        why(log_out(&postern, &notes, &tokens.refresh, right).await),
        "invalid_request",
        "not registered for it"
    );
    postern.add_client("other", |_| {}).await;
    let other = Client {
        id: "other".parse().expect("an id"),
        ..client.clone()
    };
    assert_eq!(
        why(log_out(&postern, &other, &tokens.refresh, right).await),
        "invalid_grant"
    );
    for nothing in ["", "x", &tokens.access] {
        log_out(&postern, &client, nothing, right)
            .await
            .expect("as good as revoked");
    }
    assert_eq!(postern.count_events("session.ended").await, 0);
    assert_eq!(open_browsers(&postern).await, 2);
    prover.refresh(&tokens.refresh).await.expect("it lives");
}

#[tokio::test]
async fn over_http_the_proof_is_of_this_request_and_used_once() {
    let postern = Postern::start().await;
    let may = |settings: &mut ClientSettings| settings.may_end_browser_session = true;
    postern.add_client("other", may).await;
    let phone = Phone::with_key(&postern, "other");
    let mut browser = postern.browser();
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    let pairs = [
        ("client_id", "other"),
        ("token", &tokens.refresh),
        ("end_browser_session", "true"),
    ];
    let elsewhere = phone.draft("POST", "/token").sign();
    let foreign = phone.proving(Some(ProofKey::new()));
    let foreign = foreign.draft("POST", "/revoke").sign();
    for proof in [elsewhere.as_str(), &foreign, "x"] {
        let answer = phone.post_with_proofs("/revoke", &pairs, &[proof]).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(open_browsers(&postern).await, 1);

    let right = phone.draft("POST", "/revoke").sign();
    let answer = phone.post_with_proofs("/revoke", &pairs, &[&right]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(open_browsers(&postern).await, 0);
    let page = browser.open("/account").await.page();
    assert!(!page.forms("/sign-in").is_empty(), "signed out");
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    let again = phone.post_with_proofs("/revoke", &pairs, &[&right]).await;
    assert_eq!(again.error(), "invalid_dpop_proof", "used once");
}

#[tokio::test]
async fn the_parameter_is_true_or_false_and_asks_for_more_than_a_token() {
    let postern = Postern::start().await;
    let (phone, tokens) = signed_in(&postern, "notes").await;
    let revoke = async |value: &str| {
        let pairs = [
            ("client_id", "notes"),
            ("token", &tokens.refresh),
            ("end_browser_session", value),
        ];
        postern.post("/revoke", &pairs).await
    };
    for refused in ["true", "yes", "TRUE"] {
        assert_eq!(revoke(refused).await.error(), "invalid_request", "{refused}");
    }
    let next = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(open_browsers(&postern).await, 1);
    assert_eq!(revoke("false").await.status, 200);
    assert_eq!(phone.refresh(&next.refresh).await.error(), "invalid_grant");
    assert_eq!(open_browsers(&postern).await, 1, "only the session of the app");
}
