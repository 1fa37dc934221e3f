//! What a server, a cache or a configuration may do that is quietly wrong: nothing of it weakens a session or keeps it open.

use postern_mobile_core::{
    Action, AttestationPolicy, ConfigError, Core, DpopPolicy, ErrorCode, Event, Header, Input, StoredTokens,
};
use postern_mobile_harness::{
    device::config,
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
