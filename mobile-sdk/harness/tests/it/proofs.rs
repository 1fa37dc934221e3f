//! Proofs and bound tokens: nonces without an end, and servers that forget the binding.

use postern_mobile_core::{Action, ErrorCode, ExchangeParams, Header, Outcome, Verdict, Want};
use postern_mobile_harness::fake::{Fake, answer_with};
use serde_json::json;

#[test]
fn endless_nonce_challenges_stop_after_one_more() {
    let server = Fake::default();
    let device = server.signed_in();
    let mut asked = 0;
    server.instead(move |path, _| {
        (path == "token").then(|| {
            asked += 1;
            let nonce = format!("nonce-{asked}");
            answer_with(
                400,
                &[("DPoP-Nonce", nonce.as_str())],
                &json!({ "error": "use_dpop_nonce" }),
            )
        })
    });
    let before = server.asked("token");
    let app = device.app();
    let error = app.refresh().expect_err("endless");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::ProofRejected, Action::Report)
    );
    assert_eq!(server.asked("token") - before, 2);
    server.as_ever();
    assert!(app.refresh().is_ok());

    // An API is asked twice too.
    let challenge = [
        header("DPoP-Nonce", "n"),
        header("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\""),
    ];
    let seen = |tries| {
        app.core.response_seen(
            None,
            "https://api.example/",
            401,
            &challenge,
            tries,
            &device.now(),
        )
    };
    assert_eq!((seen(0), seen(1)), (Verdict::Retry, Verdict::Pass));
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.into(),
    }
}

/// The nonce in the proof of a request to an API.
fn nonce_for(app: &postern_mobile_harness::device::App, url: &str) -> Option<String> {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let headers = app.run(
        app.core
            .authorize_request(None, "GET".into(), url.into(), Want::default()),
    );
    let Ok(Outcome::Headers { headers }) = headers else {
        panic!("{headers:?}")
    };
    let proof = headers.headers.iter().find(|header| header.name == "DPoP");
    let claims = proof
        .expect("a proof")
        .value
        .text()
        .split('.')
        .nth(1)
        .expect("claims");
    let claims = Base64UrlUnpadded::decode_vec(claims).expect("base64");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    claims["nonce"].as_str().map(str::to_owned)
}

#[test]
fn each_origin_has_its_own_nonce_and_none_is_longer_than_1_kib() {
    let device = Fake::default().signed_in();
    let app = device.app();
    let seen = |url: &str, nonce: &str| {
        app.core
            .response_seen(None, url, 200, &[header("dpop-nonce", nonce)], 0, &device.now())
    };
    let (one, two) = ("https://one.example/x", "https://two.example/x");
    assert_eq!(nonce_for(&app, one), None);
    seen("https://ONE.example:443/other", "first");
    seen(two, "second");
    assert_eq!(nonce_for(&app, one).as_deref(), Some("first"));
    assert_eq!(nonce_for(&app, two).as_deref(), Some("second"));
    // It changes with every answer.
    seen(one, "third");
    assert_eq!(nonce_for(&app, one).as_deref(), Some("third"));
    for bad in [
        "x".repeat(1025),
        "a b".to_owned(),
        "a\"b".to_owned(),
        String::new(),
    ] {
        seen(one, &bad);
        assert_eq!(nonce_for(&app, one).as_deref(), Some("third"));
    }
}

#[test]
fn a_bearer_token_where_a_bound_one_was_required_is_refused_and_given_back() {
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let back = server.browse(&app.begin());
    server.rules(|rules| rules.bound = false);
    let error = app
        .run(app.core.handle_redirect(back.as_str().into()))
        .expect_err("bearer");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::TokenTypeDowngrade, Action::ShowLogin)
    );
    assert_eq!(server.ended(), 1, "the refused session was given back");
    assert!(device.store.records().is_empty());
    assert_eq!(device.keys.count(), 0);

    // In a refresh it costs no session.
    server.rules(|rules| rules.bound = true);
    server.sign_in(&app);
    let records = device.store.records().clone();
    server.rules(|rules| rules.bound = false);
    assert_eq!(
        app.refresh().expect_err("bearer").code,
        ErrorCode::TokenTypeDowngrade
    );
    assert_eq!(*device.store.records(), records);
    server.rules(|rules| rules.bound = true);
    assert!(app.refresh().is_ok());
}

#[test]
fn a_token_is_exchanged_where_the_server_grants_it_and_stays_bound() {
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    let exchange = || {
        let params = ExchangeParams {
            audience: None,
            resource: Some("https://stock.example".to_owned()),
            scopes: Some(vec!["stock".to_owned()]),
        };
        app.run(app.core.exchange(None, params))
    };
    let Ok(Outcome::Token { token }) = exchange() else {
        panic!("no token")
    };
    assert!(token.value.text().starts_with("canary-exchanged"));
    assert_eq!(token.scopes, ["stock"]);
    server.rules(|rules| rules.bound = false);
    assert_eq!(
        exchange().expect_err("bearer").code,
        ErrorCode::TokenTypeDowngrade
    );
}
