//! Proofs and bound tokens: nonces without an end, and servers that forget the binding.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{Action, Effect, ErrorCode, ExchangeParams, Header, Input, Outcome, Verdict, Want};
use postern_mobile_harness::{
    claims,
    device::{App, Kill},
    fake::{Fake, answer_with, no},
};
use serde_json::json;
use sha2::{Digest, Sha256};

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
fn nonce_for(app: &App, url: &str) -> Option<String> {
    let headers = app.run(
        app.core
            .authorize_request(None, "GET".into(), url.into(), Want::default()),
    );
    let Ok(Outcome::Headers { headers }) = headers else {
        panic!("{headers:?}")
    };
    let claims = claims(&headers.headers).expect("a proof");
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

/// A server and an API, each with a nonce of its own that is good for one request: `None` where the proof has another.
#[test]
fn nonces_that_change_with_every_answer_cost_one_request_once() {
    let server = Fake::default();
    let device = server.device();
    // For each: how many answers there were to proofs, and how many of them were challenges.
    let seen = Arc::new(Mutex::new([(0, 0); 2]));
    let (counted, behind) = (Arc::clone(&seen), server.clone());
    device.wire(move |request| {
        let Some(claims) = claims(&request.headers) else {
            return behind.send(request);
        };
        let api = request.url.starts_with("https://api.example");
        let who = usize::from(api);
        let (answers, challenges) = &mut counted.lock().unwrap_or_else(PoisonError::into_inner)[who];
        let right = claims["nonce"] == format!("{who}-{answers}");
        *answers += 1;
        *challenges += i32::from(!right);
        let mut answer = match (right, api) {
            (true, false) => behind.send(request),
            (true, true) => answer_with(200, &[], &json!({})),
            (false, false) => no("use_dpop_nonce"),
            (false, true) => answer_with(
                401,
                &[("WWW-Authenticate", "DPoP error=\"use_dpop_nonce\"")],
                &json!({}),
            ),
        };
        if let Input::Http { response } = &mut answer {
            response
                .headers
                .push(header("DPoP-Nonce", &format!("{who}-{answers}")));
        }
        answer
    });
    let counts = || *seen.lock().unwrap_or_else(PoisonError::into_inner);
    let app = device.app();
    server.sign_in(&app);
    for _ in 0..3 {
        assert!(app.refresh().is_ok());
        assert_eq!(app.get("https://api.example/x").status, 200);
    }
    assert_eq!(counts(), [(5, 1), (4, 1)], "challenged once each");
    // A process that knows none is challenged once more.
    let app = device.app();
    assert!(app.refresh().is_ok());
    assert_eq!(app.get("https://api.example/x").status, 200);
    assert_eq!(counts(), [(7, 2), (6, 2)]);
}

/// A million of them with `POSTERN_SOAK`.
#[test]
#[expect(clippy::disallowed_methods, reason = "says how long it may take")]
fn a_proof_names_its_request_and_its_token_and_no_two_have_a_name_in_common() {
    let many = if std::env::var_os("POSTERN_SOAK").is_some() {
        1_000_000
    } else {
        2000
    };
    let device = Fake::default().signed_in();
    let app = device.app();
    let mut names = HashSet::new();
    for number in 0..many {
        let method = if number % 2 == 0 { "GET" } else { "delete" };
        let url = format!("https://api.example:8443/Items/{number}%20x?q=secret&{number}");
        let authorized = app
            .core
            .authorize_request(None, method.into(), url, Want::default());
        let mut drawn = Vec::new();
        let (headers, _) = app.run_with(authorized, Kill::Never, |_, effect| match effect {
            Effect::Random { .. } => {
                let input = device.perform(effect);
                if let Input::Random { bytes } = &input {
                    drawn.push(Base64UrlUnpadded::encode_string(bytes.bytes()));
                }
                Some(input)
            }
            // What is signed is looked at elsewhere.
            Effect::Sign { .. } => Some(Input::Signature {
                signature: vec![7; 64],
            }),
            _ => None,
        });
        let Ok(Outcome::Headers { headers }) = headers else {
            panic!("{headers:?}")
        };
        let claims = claims(&headers.headers).expect("a proof");
        let token = headers.headers[0].value.text().trim_start_matches("DPoP ");
        let digest = Base64UrlUnpadded::encode_string(&Sha256::digest(token));
        assert_eq!(
            [&claims["htm"], &claims["htu"], &claims["ath"]],
            [
                method,
                &format!("https://api.example:8443/Items/{number}%20x"),
                &digest
            ]
        );
        // All of the 256 bits that were drawn for it.
        assert_eq!([claims["jti"].as_str().expect("text")], [&drawn[0]][..]);
        assert_eq!(drawn.len(), 1);
        assert!(names.insert(drawn.remove(0)), "{number}");
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
    let error = app.refresh().expect_err("bearer");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::TokenTypeDowngrade, Action::Report)
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
