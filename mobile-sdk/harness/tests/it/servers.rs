//! Servers that do not what Postern does: without its rules, overloaded, moved, or hostile.

use std::sync::{Mutex, PoisonError, atomic::Ordering};

use postern_mobile_core::{
    Action, Answer, AuthorizeParams, DpopPolicy, Effect, EndReason, ErrorCode, Event, ExchangeParams, Header,
    HttpFailure, Input, Next, Outcome, Verdict, Want,
};
use postern_mobile_harness::{
    device::{Device, Kill, fresh},
    fake::{Fake, Rules, answer, answer_with, no},
};
use serde_json::json;

fn without_the_rule() -> Fake {
    Fake::new(Rules {
        predecessor: false,
        reuse_ends: true,
        ..Rules::default()
    })
}

/// The next request to the token endpoint is lost on its way there.
fn lose_one_request(server: &Fake) {
    let mut lost = false;
    server.instead(move |path, _| {
        let now = path == "token" && !std::mem::replace(&mut lost, true);
        now.then_some(Input::HttpFailed {
            failure: HttpFailure::Ambiguous,
        })
    });
}

#[test]
fn a_server_without_the_predecessor_rule_costs_one_sign_in_and_one_event() {
    let server = without_the_rule();
    let device = server.signed_in();
    // The answer is lost on the way back: the server has rotated.
    let app = device.app();
    let behind = server.clone();
    device.wire(move |request| {
        behind.send(request);
        Input::HttpFailed {
            failure: HttpFailure::Ambiguous,
        }
    });
    assert_eq!(app.refresh().expect_err("lost").code, ErrorCode::NoAnswer);
    let behind = server.clone();
    device.wire(move |request| behind.send(request));

    let error = app.refresh().expect_err("reuse, says the server");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::SessionRevoked, Action::SignIn)
    );
    let next = app.refresh().expect_err("no account");
    assert_eq!(
        (next.code, next.action),
        (ErrorCode::NoSuchAccount, Action::SignIn)
    );
    assert_eq!(ends(&app.events), 1);
    assert!(device.store.records().keys().all(|key| key == "default"));
    assert_eq!(device.keys.count(), 0);
    // And one sign-in later all is well.
    server.sign_in(&app);
    assert!(app.refresh().is_ok());
}

fn ends(events: &Mutex<Vec<Event>>) -> usize {
    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |event: &&Event| {
        matches!(
            event,
            Event::SessionEnded {
                reason: EndReason::Refused,
                ..
            }
        )
    };
    events.iter().filter(refused).count()
}

#[test]
fn a_request_that_never_arrived_costs_nothing_there_either() {
    let server = without_the_rule();
    let device = server.signed_in();
    lose_one_request(&server);
    let app = device.app();
    assert_eq!(app.refresh().expect_err("lost").code, ErrorCode::NoAnswer);
    assert!(app.refresh().is_ok());
    assert_eq!(server.ended(), 0);
}

/// A hundred callers whose operations all run at once: single flight is the driver's, and without it nothing goes wrong.
#[test]
fn a_hundred_waiters_hear_of_the_end_once() {
    let server = Fake::default();
    let device = server.signed_in();
    server.end_all();
    let app = device.app();
    let mut running: Vec<_> = (0..100)
        .map(|_| (app.core.access_token(None, fresh()), None))
        .collect();
    let mut failed = Vec::new();
    let mut events = Vec::new();
    while !running.is_empty() {
        // Each goes one effect further in turn.
        running.retain_mut(|(operation, answer)| {
            let step = operation.step(Option::take(answer), &device.now());
            events.extend(step.events);
            match step.next {
                Next::Need { id, effect } => {
                    *answer = Some(Answer {
                        id,
                        input: device.perform(&effect),
                    });
                    true
                }
                Next::Done { outcome } => panic!("{outcome:?}"),
                Next::Failed { error } => {
                    failed.push(error);
                    false
                }
            }
        });
    }
    assert_eq!(failed.len(), 100);
    assert!(
        failed.iter().all(|error| error.action == Action::SignIn),
        "{failed:?}"
    );
    assert_eq!(ends(&Mutex::new(events)), 1);
    assert!(device.store.records().keys().all(|key| key == "default"));
    assert_eq!(device.keys.count(), 0);
}

#[test]
fn the_end_of_a_session_is_told_once_though_its_process_is_killed_anywhere() {
    let effects = {
        let server = Fake::default();
        let device = server.signed_in();
        server.end_all();
        let app = device.app();
        app.run_until(app.core.access_token(None, fresh()), Kill::Never).1
    };
    for number in 0..effects {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let server = Fake::default();
            let device = server.signed_in();
            server.end_all();
            let app = device.app();
            let _killed = app.run_until(app.core.access_token(None, fresh()), kill);
            let again = device.app();
            again.run(again.core.resume()).expect("tidied");
            let error = again.refresh().expect_err("over");
            assert_eq!(error.action, Action::SignIn, "{kill:?}");
            let told = ends(&app.events) + ends(&again.events);
            // What a step tells is lost only with the process that takes it.
            assert!(told <= 1, "{kill:?}: {told}");
            assert!(
                device.store.records().keys().all(|key| key == "default"),
                "{kill:?}"
            );
            assert_eq!(device.keys.count(), 0, "{kill:?}");
        }
    }
}

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

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    // Seconds, a date that has passed, nonsense, and far too long.
    let hour = 3_600_000;
    let cases = [
        (429, "120", 120_000, 150_000),
        (503, "120", 120_000, 150_000),
        (429, "Sun, 06 Nov 1994 08:49:37 GMT", 1000, 1250),
        (429, "-1", 5000, 6250),
        (429, "soon", 5000, 6250),
        (429, "999999999999999999999", 5000, 6250),
        (429, "9999999999", hour, hour + hour / 4),
    ];
    for (status, says, least, most) in cases {
        let server = Fake::default();
        let device = server.signed_in();
        server.instead(move |path, _| {
            (path == "token").then(|| answer_with(status, &[("Retry-After", says)], &json!({})))
        });
        let app = device.app();
        let error = app.refresh().expect_err("patience");
        let code = if status == 429 {
            ErrorCode::RateLimited
        } else {
            ErrorCode::ServerUnavailable
        };
        assert_eq!((error.code, error.action), (code, Action::RetryLater), "{says}");
        let wait = error.retry_after_ms.expect("when");
        assert!((least..=most).contains(&wait), "{says}: {wait}");

        // Until then nobody asks, however often an app wants a token.
        server.as_ever();
        let asked = server.asked("token");
        for _ in 0..50 {
            let error = app.refresh().expect_err("still");
            assert_eq!(error.code, ErrorCode::RateLimited);
        }
        assert_eq!(server.asked("token"), asked, "{says}");
        // What is at hand is given all the same.
        assert!(app.run(app.core.access_token(None, Want::default())).is_ok());
        device
            .passed
            .fetch_add(i64::try_from(wait).expect("fits"), Ordering::Relaxed);
        assert!(app.refresh().is_ok(), "{says}");
    }
}

#[test]
fn three_processes_ask_a_busy_server_once_each() {
    let server = Fake::default();
    let device = server.signed_in();
    let asked = server.asked("token");
    server
        .instead(|path, _| (path == "token").then(|| answer_with(503, &[("Retry-After", "60")], &json!({}))));
    let apps = [device.app(), device.app(), device.app()];
    for _ in 0..20 {
        for app in &apps {
            assert!(app.refresh().is_err());
        }
    }
    assert_eq!(server.asked("token") - asked, 3);
}

#[test]
fn those_who_wait_do_not_come_back_at_once() {
    let server = Fake::default();
    let waits: Vec<u64> = (0..12)
        .map(|_| {
            let server = server.clone();
            server.as_ever();
            let device = server.signed_in();
            server.instead(|path, _| {
                (path == "token").then(|| answer_with(429, &[("Retry-After", "60")], &json!({})))
            });
            let error = device.app().refresh().expect_err("patience");
            error.retry_after_ms.expect("when")
        })
        .collect();
    let mut different = waits.clone();
    different.sort_unstable();
    different.dedup();
    assert!(different.len() > 3, "{waits:?}");
}

#[test]
fn what_is_no_answer_of_a_token_endpoint_ends_nothing() {
    // A hotel's page, an error page, JSON of somebody else's, an empty body, a byte order mark.
    let bodies = [
        "<html>Welcome</html>",
        "",
        "{}",
        "[]",
        "null",
        "{\"error\":7}",
        "\u{feff}{\"error\":\"invalid_grant\"}",
        "{\"access_token\":\"x\"}",
        "{\"access_token\":\"\",\"token_type\":\"DPoP\"}",
    ];
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    let records = device.store.records().clone();
    for status in [200, 204, 302, 400, 401, 403, 404, 418, 500, 502, 503, 599] {
        for body in bodies {
            server.instead(move |path, _| {
                (path == "token").then(|| Input::Http {
                    response: postern_mobile_core::HttpResponse {
                        status,
                        headers: Vec::new(),
                        body: body.into(),
                    },
                })
            });
            let error = app.refresh().expect_err("no token");
            assert_eq!(
                (error.code, error.action),
                (ErrorCode::ServerUnavailable, Action::RetryLater),
                "{status} {body}"
            );
        }
    }
    // Not even a well-formed no, of a proxy whose status is none of a token endpoint's.
    for status in [404, 500, 502] {
        server.instead(move |path, _| {
            (path == "token").then(|| answer(status, &json!({ "error": "invalid_grant" })))
        });
        assert_eq!(app.refresh().expect_err("no").code, ErrorCode::ServerUnavailable);
    }
    assert_eq!(*device.store.records(), records);
    server.as_ever();
    assert!(app.refresh().is_ok());
}

#[test]
fn a_server_that_has_moved_is_found_again() {
    let server = Fake::default();
    let device = server.signed_in();
    server.rules(|rules| rules.base = "http://localhost:2/new".to_owned());
    // A process that still remembers the old document, and a new one.
    let begun = device.app();
    assert!(begun.refresh().is_ok());
    let asked = server.asked(".well-known/openid-configuration");
    let app = device.app();
    assert!(app.refresh().is_ok());
    assert_eq!(
        server.asked(".well-known/openid-configuration"),
        asked,
        "it is stored where the server is now"
    );
    // Gone for good: it is looked for once, and nothing is lost.
    server.instead(|path, _| (path == "token").then(|| answer(404, &json!({}))));
    let error = app.refresh().expect_err("gone");
    assert_eq!(error.code, ErrorCode::ServerUnavailable);
    assert_eq!(server.asked(".well-known/openid-configuration"), asked + 1);
    server.as_ever();
    assert!(app.refresh().is_ok());
}

#[test]
fn the_endpoints_of_a_sign_in_are_those_that_it_began_with() {
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let back = server.browse(&app.begin());
    // Meanwhile somebody has swapped the document.
    server.instead(|path, request| {
        assert!(!request.url.contains("evil"), "{}", request.url);
        (path == ".well-known/openid-configuration").then(|| {
            answer(
                200,
                &json!({
                    "issuer": "http://localhost:1",
                    "authorization_endpoint": "http://localhost:9/evil/authorize",
                    "token_endpoint": "http://localhost:9/evil/token",
                    "code_challenge_methods_supported": ["S256"],
                    "dpop_signing_alg_values_supported": ["ES256"],
                    "pushed_authorization_request_endpoint": "http://localhost:9/evil/par",
                }),
            )
        })
    });
    let app = device.app();
    let done = app.run(app.core.handle_redirect(back.as_str().into()));
    assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{done:?}");
    assert!(app.refresh().is_ok());
}

#[test]
fn a_code_of_another_device_is_refused() {
    let server = postern_mobile_harness::server::Server::start();
    let config = postern_mobile_harness::device::config(&server.issuer);
    let (mine, thiefs) = (Device::new(config.clone()), Device::new(config));
    let (app, thief) = (mine.app(), thiefs.app());
    let stolen = server.browser().allow(&app.begin());
    let own = server.browser().allow(&thief.begin());
    let parameter = |url: &str, name: &str| {
        let found = url
            .split(['?', '&'])
            .find(|pair| pair.starts_with(&format!("{name}=")));
        found.expect("a parameter").to_owned()
    };
    // Alice's code in the thief's own redirect: it is bound to her verifier and her key.
    let injected = own.replace(&parameter(&own, "code"), &parameter(&stolen, "code"));
    let error = thief
        .run(thief.core.handle_redirect(injected.as_str().into()))
        .expect_err("another's code");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::CodeRefused, Action::ShowLogin)
    );
    assert!(thiefs.store.records().is_empty());
    assert_eq!(thiefs.keys.count(), 0);
    // Her state is not known on the thief's device.
    let error = thief
        .run(thief.core.handle_redirect(stolen.as_str().into()))
        .expect_err("another's redirect");
    assert_eq!(error.code, ErrorCode::RedirectStateUnknown);
}

#[test]
fn two_issuers_on_one_device_never_take_each_others_redirects() {
    let honest = Fake::default();
    let device = honest.device_with(|config| config.par = postern_mobile_core::ParPolicy::Off);
    let app = device.app();
    let back = honest.browse(&app.begin());
    // The app's other server: the same store, another issuer.
    let mut config = device.config.clone();
    config.issuer = "http://localhost:3".to_owned();
    let other = postern_mobile_harness::device::App {
        core: postern_mobile_core::Core::new(config).expect("a configuration"),
        ..device.app()
    };
    let error = other
        .run(other.core.handle_redirect(back.as_str().into()))
        .expect_err("of another issuer");
    assert_eq!(error.code, ErrorCode::RedirectStateUnknown);
    assert!(other.heard(|event| matches!(event, Event::RedirectRejected { .. })));
    assert!(app.run(app.core.handle_redirect(back.as_str().into())).is_ok());
}

#[test]
fn a_server_without_par_and_dpop_serves_too() {
    let server = Fake::new(Rules {
        bound: false,
        ..Rules::default()
    });
    server.instead(|path, _| {
        (path == ".well-known/openid-configuration").then(|| {
            answer(
                200,
                &json!({
                    "issuer": "http://localhost:1",
                    "authorization_endpoint": "http://localhost:1/authorize?tenant=a",
                    "token_endpoint": "http://localhost:1/token",
                    "end_session_endpoint": "http://localhost:1/end?tenant=a",
                    "code_challenge_methods_supported": ["plain", "S256"],
                }),
            )
        })
    });
    let device = server.device_with(|config| {
        config.dpop = DpopPolicy::Preferred;
        config.par = postern_mobile_core::ParPolicy::Preferred;
    });
    let app = device.app();
    let url = app.begin();
    assert!(
        url.starts_with("http://localhost:1/authorize?tenant=a&response_type=code"),
        "{url}"
    );
    assert!(url.contains("code_challenge_method=S256"));
    let back = server.browse(&url);
    assert!(app.run(app.core.handle_redirect(back.as_str().into())).is_ok());
    let Ok(Outcome::Token { token }) = app.refresh() else {
        panic!("no token")
    };
    assert_eq!(token.token_type, "Bearer");
    assert_eq!(device.keys.count(), 0);
    let url = app.run(app.core.end_session_url(None, None, None));
    assert!(
        matches!(url, Ok(Outcome::Url { url }) if url.starts_with("http://localhost:1/end?tenant=a&id_token_hint="))
    );
    // No revocation endpoint: signing out is local then, and leaves nothing behind.
    let mode = postern_mobile_core::LogoutMode::Session;
    assert_eq!(app.run(app.core.logout(None, mode)), Ok(Outcome::Done));
    assert!(device.store.records().keys().all(|key| key == "default"));
}

#[test]
fn nobody_waits_for_another_device_faster_than_the_clock() {
    // A sleep hook that fails must not become requests without a pause.
    let server = Fake::default();
    server.instead(|path, _| match path {
        ".well-known/openid-configuration" => Some(answer(
            200,
            &json!({
                "issuer": "http://localhost:1",
                "authorization_endpoint": "http://localhost:1/authorize",
                "token_endpoint": "http://localhost:1/token",
                "pushed_authorization_request_endpoint": "http://localhost:1/par",
                "device_authorization_endpoint": "http://localhost:1/device",
                "code_challenge_methods_supported": ["S256"],
                "dpop_signing_alg_values_supported": ["ES256"],
            }),
        )),
        "device" => Some(answer(
            200,
            &json!({ "device_code": "canary-device", "user_code": "ABCD", "verification_uri": "http://localhost:1/go" }),
        )),
        "token" => Some(no("authorization_pending")),
        _ => None,
    });
    let device = server.device();
    let app = device.app();
    let Ok(Outcome::DeviceReady { ready }) = app.run(app.core.begin_device(AuthorizeParams::default()))
    else {
        panic!("no code")
    };
    let (done, _) = app.run_with(app.core.poll_device(ready.flow_id), Kill::Never, |_, effect| {
        matches!(effect, Effect::Sleep { .. }).then_some(Input::Failed {
            error: postern_mobile_core::HookError::Unknown,
        })
    });
    let asked = server.asked("token");
    assert!(done.is_err());
    assert_eq!(asked, 0);
}
