//! What a server, a cache or a configuration may do that is quietly wrong: nothing of it weakens a session or keeps it open.

use std::sync::{Mutex, atomic::Ordering};

use postern_mobile_core::{
    Action, AttestationPolicy, AuthorizeParams, ConfigError, Core, DpopPolicy, Effect, ErrorCode, Event,
    Header, Input, LogoutMode, Outcome, StoredTokens, Verdict, Want,
};
use postern_mobile_harness::{
    claims,
    device::{App, Kill, config, fresh},
    fake::{Fake, ISSUER, Rules, answer},
};
use serde_json::json;

#[test]
fn required_evidence_is_never_left_out_for_want_of_a_key() {
    for dpop in [DpopPolicy::Off, DpopPolicy::Preferred] {
        let mut config = config(ISSUER);
        config.attestation = AttestationPolicy::Required;
        config.dpop = dpop;
        assert_eq!(Core::new(config).err(), Some(ConfigError::Attestation));
    }
    // A bearer session from before the app required it.
    let server = Fake::new(Rules {
        bound: false,
        ..Rules::default()
    });
    let before = server.device_with(|config| config.dpop = DpopPolicy::Off);
    server.sign_in(&before.app());
    let device = server.device_with(|config| config.attestation = AttestationPolicy::Required);
    *device.store.records() = before.store.records().clone();
    let asked = server.asked("token");
    let app = device.app();
    let error = app.refresh().expect_err("no evidence");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::AttestationUnavailable, Action::ContactSupport)
    );
    assert_eq!(server.asked("token"), asked);
    assert_eq!(device.store.names("account/").len(), 1, "nothing is lost");
    // Nor is another SDK's taken over.
    let stored = StoredTokens {
        refresh_token: "of another SDK".into(),
        id_token: None,
    };
    let error = app.run(app.core.adopt(stored)).expect_err("no key");
    assert_eq!(error.code, ErrorCode::AttestationUnavailable);
}

#[test]
fn preferred_evidence_that_is_left_out_for_want_of_a_key_is_told() {
    let server = Fake::new(Rules {
        bound: false,
        attestation: false,
        ..Rules::default()
    });
    let device = server.device_with(|config| {
        config.dpop = DpopPolicy::Off;
        config.attestation = AttestationPolicy::Preferred;
    });
    server.sign_in(&device.app());
    // It takes evidence from now on, but does not insist.
    server.instead(|path, _| {
        (path == ".well-known/openid-configuration").then(|| {
            answer(
                200,
                &json!({
                    "issuer": ISSUER,
                    "authorization_endpoint": format!("{ISSUER}/authorize"),
                    "token_endpoint": format!("{ISSUER}/token"),
                    "pushed_authorization_request_endpoint": format!("{ISSUER}/par"),
                    "challenge_endpoint": format!("{ISSUER}/challenge"),
                    "code_challenge_methods_supported": ["S256"],
                }),
            )
        })
    });
    let app = device.app();
    server.sign_in(&app);
    assert!(app.heard(|event| *event == Event::AttestationSkipped));
    assert_eq!(server.asked("challenge"), 0);
}

#[test]
fn a_sign_out_follows_a_server_that_has_moved() {
    for status in [302, 404] {
        let server = Fake::default();
        let device = server.signed_in();
        let wire = device.wire.lock().expect("one thread").clone();
        // There the old host points elsewhere, in a page for people.
        let moved = "http://localhost:1/new";
        server.rules(|rules| moved.clone_into(&mut rules.base));
        server.instead(move |_, request| {
            let old = request.method == "POST" && !request.url.starts_with(moved);
            old.then(|| Input::Http {
                response: postern_mobile_core::HttpResponse {
                    status,
                    headers: Vec::new(),
                    body: "<html>".into(),
                },
            })
        });
        // Its issuer is not to be reached at first.
        device.wire(move |request| {
            if request.method == "GET" {
                return Input::HttpFailed {
                    failure: postern_mobile_core::HttpFailure::NotSent,
                };
            }
            wire(request)
        });
        let app = device.app();
        app.run(app.core.logout(None, LogoutMode::Session))
            .expect("signed out here");
        assert_eq!((server.ended(), device.store.names("logout/").len()), (0, 1));
        let behind = server.clone();
        device.wire(move |request| behind.send(request));
        let app = device.app();
        app.run(app.core.resume()).expect("told");
        assert_eq!(server.ended(), 1, "{status}");
        assert!(device.store.names("logout/").is_empty());
    }
}

#[test]
fn a_sign_out_that_nobody_takes_is_not_kept_for_ever() {
    let server = Fake::default();
    let device = server.signed_in();
    server.instead(|path, _| (path == "revoke").then(|| answer(404, &json!({}))));
    let app = device.app();
    app.run(app.core.logout(None, LogoutMode::Session))
        .expect("signed out here");
    for (days, left) in [(0, 1), (89, 1), (2, 0)] {
        device.passed.fetch_add(days * 86_400_000, Ordering::Relaxed);
        // Through a restart, too.
        device.boot.fetch_add(1, Ordering::Relaxed);
        let app = device.app();
        app.run(app.core.resume()).expect("tried");
        assert_eq!(device.store.names("logout/").len(), left, "{days}");
    }
}

#[test]
fn the_date_of_an_answer_from_a_cache_is_not_believed() {
    for (age, believed) in [(None, true), (Some("86400"), false)] {
        let server = Fake::default();
        let device = server.device();
        let behind = server.clone();
        device.wire(move |request| {
            let Input::Http { mut response } = behind.send(request) else {
                panic!("no answer")
            };
            if request.method == "GET" {
                let mut header = |name: &str, value: &str| {
                    response.headers.push(Header {
                        name: name.to_owned(),
                        value: value.into(),
                    });
                };
                header("Date", "Tue, 15 Nov 1994 08:12:31 GMT");
                if let Some(age) = age {
                    header("Age", age);
                }
            }
            Input::Http { response }
        });
        let app = device.app();
        app.begin();
        let skew = app.heard(|event| matches!(event, Event::ClockSkewDetected { .. }));
        assert_eq!(skew, believed, "{age:?}");
    }
}

/// What the server's clock said when a process of ours went to sleep, in s since 1970, and as its header says it.
const ASLEEP: (i64, &str) = (784_887_151, "Tue, 15 Nov 1994 08:12:31 GMT");
/// Ten minutes later.
const AWAKE: (i64, &str) = (ASLEEP.0 + 600, "Tue, 15 Nov 1994 08:22:31 GMT");

/// Refreshes with a token endpoint that says what time it is, in a process that is asleep for so long when the answer comes.
fn refresh_asleep(app: &App, server: &Fake, date: &'static str, asleep_ms: i64) {
    let refresh = app.core.access_token(None, fresh());
    let (done, _) = app.run_with(refresh, Kill::Never, |_, effect| {
        let Effect::Http { request } = effect else {
            return None;
        };
        let Input::Http { mut response } = server.send(request) else {
            panic!("no answer")
        };
        response.headers.push(header("Date", date));
        app.device.passed.fetch_add(asleep_ms, Ordering::Relaxed);
        Some(Input::Http { response })
    });
    assert!(done.is_ok(), "{done:?}");
}

/// When the proof of a request to an API says that it was made, in s since 1970.
fn proved_at(app: &App) -> i64 {
    let url = "https://api.example/".to_owned();
    let asked = app
        .core
        .authorize_request(None, "GET".into(), url, Want::default());
    let Ok(Outcome::Headers { headers }) = app.run(asked) else {
        panic!("no headers")
    };
    let proof = claims(&headers.headers).expect("a proof");
    proof["iat"].as_i64().expect("a number")
}

fn is_about(told: i64, right: i64) {
    assert!(told.abs_diff(right) < 60, "{} s off", told - right);
}

#[test]
fn an_answer_that_came_while_the_process_slept_does_not_turn_the_clock_back() {
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    refresh_asleep(&app, &server, ASLEEP.1, 0);
    refresh_asleep(&app, &server, ASLEEP.1, 600_000);
    is_about(proved_at(&app), AWAKE.0);
    // What is stored is no worse.
    is_about(proved_at(&device.app()), AWAKE.0);
}

#[test]
fn after_a_restart_of_the_device_only_its_clock_knows_how_much_has_passed() {
    let server = Fake::default();
    let device = server.signed_in();
    refresh_asleep(&device.app(), &server, ASLEEP.1, 0);
    device.boot.fetch_add(1, Ordering::Relaxed);
    device.wall_off.fetch_add(600_000, Ordering::Relaxed);
    is_about(proved_at(&device.app()), AWAKE.0);
}

#[test]
fn a_proof_that_is_refused_for_its_time_is_made_again_with_the_apis() {
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    // It is the first that is heard of the time: a late answer is better than none.
    refresh_asleep(&app, &server, ASLEEP.1, 600_000);
    is_about(proved_at(&app), ASLEEP.0);
    let no = [
        header("Date", AWAKE.1),
        header("WWW-Authenticate", "DPoP error=\"invalid_dpop_proof\""),
    ];
    let seen = |tries| {
        let api = "https://api.example/";
        app.core.response_seen(None, api, 401, &no, tries, &device.now())
    };
    assert_eq!(seen(0), Verdict::Retry);
    is_about(proved_at(&app), AWAKE.0);
    assert_eq!(seen(1), Verdict::Pass, "once");
    assert_eq!(seen(0), Verdict::Pass, "there is nothing to correct");
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.into(),
    }
}

#[test]
fn scopes_that_are_none_do_not_keep_a_session_from_being_stored() {
    let server = Fake::default();
    let device = server.signed_in();
    let scope = format!("read {}", "\u{1} ".repeat(8000));
    let tokens = json!({
        "access_token": "at", "token_type": "DPoP", "expires_in": 3600, "refresh_token": "rt", "scope": scope,
    });
    server.instead(move |path, _| (path == "token").then(|| answer(200, &tokens)));
    let app = device.app();
    let Ok(Outcome::Token { token }) = app.refresh() else {
        panic!("no token")
    };
    assert_eq!(token.scopes, ["read"]);
    assert!(!app.heard(|event| matches!(event, Event::StorageDegraded { .. })));
    assert_eq!(device.store.record("account/")["refresh_token"], "rt");
}

#[test]
fn no_part_of_an_echoed_token_is_in_what_an_error_tells() {
    let token = "s".repeat(200);
    for before in 0..300 {
        let server = Fake::default();
        let device = server.signed_in();
        let said = format!("{} {token} and {token}", "a ".repeat(before / 2));
        server.instead(move |path, _| {
            let no = json!({ "error": "invalid_request", "error_description": said });
            (path == "token").then(|| answer(400, &no))
        });
        let error = device.app().refresh().expect_err("no");
        let details = error.details.expect("said");
        assert!(
            !details.contains("ss") && details.len() <= 256,
            "{before}: {details}"
        );
    }
}

/// A server whose every value is as long as it is taken.
#[test]
fn the_longest_of_all_fits_into_a_record() {
    let server = Fake::default();
    let base = format!("{ISSUER}/{}", "x".repeat(1990));
    server.rules(|rules| rules.base.clone_from(&base));
    let device = server.device_with(|config| config.scopes = vec!["offline_access".to_owned()]);
    server.sign_in(&device.app());
    let count = Mutex::new(0);
    server.instead(move |path, _| {
        let mut count = count.lock().expect("one thread");
        *count += 1;
        let long = |name: &str| format!("{name}-{}-{}", *count, "z".repeat(16_300));
        let claims = json!({ "iss": ISSUER, "aud": "app", "sub": "alice", "more": "s".repeat(9000), "iat": 0, "exp": 9_999_999_999_u64 });
        let part = |text: &str| <base64ct::Base64UrlUnpadded as base64ct::Encoding>::encode_string(text.as_bytes());
        let id_token = format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(&claims.to_string()), "z".repeat(4000));
        let granted = json!({
            "access_token": long("access"), "token_type": "DPoP", "expires_in": 3600,
            "refresh_token": long("\"refresh"), "id_token": id_token, "device_secret": long("device"),
            "scope": "scope ".repeat(2700),
        });
        (path == "token").then(|| answer(200, &granted))
    });
    for _ in 0..3 {
        let app = device.app();
        assert!(app.refresh().is_ok());
        // In this process it is at hand.
        let asked = server.asked("token");
        assert!(app.run(app.core.access_token(None, Want::default())).is_ok());
        assert_eq!(server.asked("token"), asked);
        assert!(!app.heard(|event| matches!(event, Event::StorageDegraded { .. })));
    }
    let app = device.app();
    app.run(app.core.logout(None, LogoutMode::Session))
        .expect("signed out");
    assert!(device.store.names("logout/").is_empty());
}

#[test]
fn a_document_or_a_refresh_token_that_would_not_fit_is_refused() {
    let server = Fake::default();
    server.rules(|rules| rules.base = format!("{ISSUER}/{}", "x".repeat(2100)));
    let app = server.device().app();
    let error = app
        .run(app.core.begin(AuthorizeParams::default()))
        .expect_err("too long");
    assert_eq!(error.code, ErrorCode::DiscoveryMalformed);
    for token in ["\u{1}".repeat(9), "\"".repeat(9000), "é".to_owned()] {
        let server = Fake::default();
        let device = server.signed_in();
        let records = device.store.records().clone();
        let granted = json!({ "access_token": "a", "token_type": "DPoP", "refresh_token": token });
        server.instead(move |path, _| (path == "token").then(|| answer(200, &granted)));
        assert_eq!(
            device.app().refresh().expect_err("no token").code,
            ErrorCode::ServerUnavailable
        );
        assert_eq!(*device.store.records(), records, "the session lives");
    }
}
