//! Redirects that somebody else has made. No token request leaves for any of them.

use std::sync::atomic::Ordering;

use postern_mobile_core::{Action, Effect, ErrorCode, Event, HookError, HttpFailure, Input, Outcome};
use postern_mobile_harness::{
    device::{Device, End, Kill, config},
    fake::Fake,
    http,
    server::Server,
};

/// Parts of the redirect URI, and what another has in their place: scheme, userinfo, host, port, path, encoding.
const ANOTHER: [(&str, &str); 15] = [
    ("127.0.0.1", "127.0.0.1:81"),
    ("127.0.0.1", "user@127.0.0.1"),
    ("/callback", "/callback/"),
    ("/callback", "/c%61llback"),
    ("http:", "https:"),
    ("http:", "HTTP:"),
    ("127.0.0.1", "127.0.0.2"),
    ("127.0.0.1", "127.0.0.1.evil.example"),
    ("127.0.0.1", "127.0.0.1."),
    ("127.0.0.1", "127.0.0.1:80"),
    ("127.0.0.1", "127.0.0.1@evil.example"),
    ("127.0.0.1", "xn--127-0-0-1-qt3e"),
    ("/callback", "/Callback"),
    ("/callback", "/x/../callback"),
    ("/callback", "/callback/more"),
];

#[test]
fn no_forged_redirect_is_taken_and_the_right_one_still_is() {
    let server = Server::start();
    let device = Device::new(config(&server.issuer));
    let app = device.app();
    let right = server.browser().allow(&app.begin());
    let parameter = |name: &str| {
        let found = right
            .split(['?', '&'])
            .find(|pair| pair.starts_with(&format!("{name}=")));
        found.expect("a parameter").to_owned()
    };
    let (state, iss, code) = (parameter("state"), parameter("iss"), parameter("code"));
    let base = "http://127.0.0.1/callback";
    let mut cases: Vec<(String, ErrorCode)> = vec![
        (
            format!("{base}?{code}&{iss}&state=other"),
            ErrorCode::RedirectStateUnknown,
        ),
        (format!("{base}?{code}&{iss}"), ErrorCode::RedirectStateUnknown),
        (format!("{right}&{state}"), ErrorCode::RedirectDuplicateParam),
        (format!("{right}&code=x"), ErrorCode::RedirectDuplicateParam),
        (format!("{right}&{iss}"), ErrorCode::RedirectDuplicateParam),
        (
            format!("{right}&iss=https%3A%2F%2Fevil.example"),
            ErrorCode::RedirectDuplicateParam,
        ),
        (format!("{base}?{code}&{state}"), ErrorCode::RedirectIssMissing),
        (
            format!("{base}?{code}&{state}&{iss}%2F"),
            ErrorCode::RedirectIssMismatch,
        ),
        (
            format!("{base}?{code}&{state}&iss=https%3A%2F%2Fevil.example"),
            ErrorCode::RedirectIssMismatch,
        ),
        (
            format!(
                "{base}?{code}&{state}&{}",
                iss.to_uppercase().replace("ISS=", "iss=")
            ),
            ErrorCode::RedirectIssMismatch,
        ),
        (
            format!("{base}?{code}&{state}&{iss}&error=access_denied"),
            ErrorCode::RedirectMalformed,
        ),
        (format!("{base}?{state}&{iss}"), ErrorCode::RedirectMalformed),
        (format!("{right}#fragment"), ErrorCode::RedirectMalformed),
        (
            format!("{right}&x={}", "y".repeat(1 << 20)),
            ErrorCode::RedirectMalformed,
        ),
        (
            right.replace("/callback?", "/callback&"),
            ErrorCode::RedirectMalformed,
        ),
        (
            right.replace("127.0.0.1", "127.0.0.\u{661}"),
            ErrorCode::RedirectMalformed,
        ),
    ];
    let others = ANOTHER
        .iter()
        .map(|(from, to)| (right.replace(from, to), ErrorCode::RedirectWrongUri));
    cases.extend(others);
    device.wire(|request| panic!("{} was asked", request.url));
    for (forged, code) in cases {
        let error = app
            .run(app.core.handle_redirect(forged.as_str().into()))
            .expect_err("forged");
        assert_eq!(
            error.code,
            code,
            "{}",
            forged.chars().take(200).collect::<String>()
        );
    }
    device.wire(http::send);
    let signed_in = app.run(app.core.handle_redirect(right.as_str().into()));
    assert!(matches!(signed_in, Ok(Outcome::SignedIn { .. })), "{signed_in:?}");
    // And once only.
    let error = app
        .run(app.core.handle_redirect(right.as_str().into()))
        .expect_err("replayed");
    assert_eq!(error.code, ErrorCode::RedirectStateUnknown);
}

/// The query of the redirect URI is a part of it (RFC 6749 section 3.1.2): it comes first, and as it was.
#[test]
fn a_redirect_whose_query_is_another_is_not_taken() {
    let server = Fake::default();
    let uri = "https://app.example/cb?tenant=a%2Fb";
    let device = server.device_with(|config| config.redirect_uri = uri.to_owned());
    let app = device.app();
    let right = server.browse(&app.begin()).replace("?code=", "&code=");
    let (_, answer) = right.split_once("b&").expect("the answer follows");
    for (query, code) in [
        (answer.to_owned(), ErrorCode::RedirectWrongUri),
        (format!("tenant=b&{answer}"), ErrorCode::RedirectWrongUri),
        (format!("tenant=a/b&{answer}"), ErrorCode::RedirectWrongUri),
        (format!("tenant=a%2fb&{answer}"), ErrorCode::RedirectWrongUri),
        (format!("{answer}&tenant=a%2Fb"), ErrorCode::RedirectWrongUri),
        (format!("x=1&tenant=a%2Fb&{answer}"), ErrorCode::RedirectWrongUri),
        (format!("tenant=a%2Fb%26{answer}"), ErrorCode::RedirectMalformed),
        (format!("tenant=a%2Fbc&{answer}"), ErrorCode::RedirectWrongUri),
        (
            format!("tenant=a%2Fb&{answer}&tenant=b"),
            ErrorCode::RedirectDuplicateParam,
        ),
    ] {
        let forged = format!("https://app.example/cb?{query}");
        let error = app.run(app.core.handle_redirect(forged.as_str().into()));
        assert_eq!(error.expect_err("forged").code, code, "{query}");
    }
    let signed_in = app.run(app.core.handle_redirect(right.as_str().into()));
    assert!(matches!(signed_in, Ok(Outcome::SignedIn { .. })), "{signed_in:?}");
}

#[test]
fn a_redirect_that_comes_without_a_network_is_taken_when_there_is_one() {
    for failure in [HttpFailure::NotSent, HttpFailure::Ambiguous] {
        let server = Fake::default();
        let device = server.device();
        let app = device.app();
        let back = server.browse(&app.begin());
        let redirect = || app.core.handle_redirect(back.as_str().into());
        let wire = device.wire.lock().expect("one thread").clone();
        device.wire(move |_| Input::HttpFailed { failure });
        let error = app.run(redirect()).expect_err("no network");
        assert_eq!(error.action, Action::RetryLater, "{error:?}");
        *device.wire.lock().expect("one thread") = wire;
        let done = app.run(redirect());
        assert!(
            matches!(done, Ok(Outcome::SignedIn { .. })),
            "{failure:?}: {done:?}"
        );
        assert!(!app.heard(|event| matches!(event, Event::RedirectRejected { .. })));
        assert!(app.refresh().is_ok());
    }
}

#[test]
fn a_session_that_cannot_be_stored_is_given_back_and_the_sign_in_begins_anew() {
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let back = server.browse(&app.begin());
    let redirect = app.core.handle_redirect(back.as_str().into());
    let (done, _) = app.run_with(redirect, Kill::Never, |_, effect| {
        let stores = matches!(effect, Effect::Put { key, .. } if key.starts_with("account/"));
        stores.then_some(Input::Failed {
            error: HookError::Locked,
        })
    });
    let Err(End::Failed(error)) = done else {
        panic!("{done:?}")
    };
    let told = (error.code, error.action);
    assert_eq!(told, (ErrorCode::DeviceLocked, Action::ShowLogin));
    assert_eq!((server.open(), device.keys.count()), (0, 0));
    server.sign_in(&app);
    assert!(app.refresh().is_ok());
}

#[test]
fn an_error_is_tamed_and_ends_the_sign_in() {
    let server = Server::start();
    let device = Device::new(config(&server.issuer));
    let app = device.app();
    app.begin();
    let pending = device.store.record("pending/");
    let state = pending["state"].as_str().expect("text");
    let iss = postern_mobile_harness::browser::encode(&server.issuer);
    let url = format!(
        "http://127.0.0.1/callback?error=access_denied&state={state}&iss={iss}&error_description=a%0d%0ab%1b%E2%80%AEc"
    );
    let error = app
        .run(app.core.handle_redirect(url.as_str().into()))
        .expect_err("denied");
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert_eq!(error.details.as_deref(), Some("access_denied: abc"));
    assert!(device.store.names("pending/").is_empty());
    assert_eq!(device.keys.count(), 0);
}

#[test]
fn a_server_whose_document_is_not_safe_is_refused() {
    let server = Server::start();
    let cases: Vec<(&str, &str, ErrorCode)> = vec![
        ("\"S256\"", "\"plain\"", ErrorCode::DiscoveryNoPkce),
        (
            "code_challenge_methods_supported",
            "x",
            ErrorCode::DiscoveryNoPkce,
        ),
        (
            "\"issuer\":\"",
            "\"issuer\":\"x",
            ErrorCode::DiscoveryIssuerMismatch,
        ),
        (
            "\"token_endpoint\":\"http://localhost",
            "\"token_endpoint\":\"http://evil.example",
            ErrorCode::DiscoveryInsecureEndpoint,
        ),
        ("\"token_endpoint\"", "\"x\"", ErrorCode::DiscoveryMalformed),
        (
            "dpop_signing_alg_values_supported",
            "x",
            ErrorCode::DiscoveryNoDpop,
        ),
        (
            "pushed_authorization_request_endpoint",
            "x",
            ErrorCode::DiscoveryNoPar,
        ),
        ("{", "<html>", ErrorCode::DiscoveryMalformed),
    ];
    for (from, to, code) in cases {
        let device = Device::new(config(&server.issuer));
        device.wire(move |request| {
            let Input::Http { mut response } = http::send(request) else {
                panic!("no answer")
            };
            response.body = response.body.text().replace(from, to).into();
            Input::Http { response }
        });
        let app = device.app();
        let error = app
            .run(app.core.begin(postern_mobile_core::AuthorizeParams::default()))
            .expect_err("unsafe");
        assert_eq!(error.code, code, "{from}");
        assert!(device.store.records().is_empty());
    }
}

#[test]
fn a_redirect_that_comes_an_hour_later_is_refused_and_leaves_nothing() {
    let pass: [fn(&Device); 2] = [
        |device| {
            device.passed.fetch_add(3_600_001, Ordering::Relaxed);
        },
        // After a restart it is by the clocks that are left.
        |device| {
            device.passed.fetch_add(3_600_001, Ordering::Relaxed);
            device.boot.store(2, Ordering::Relaxed);
        },
    ];
    for pass in pass {
        let server = Fake::default();
        let device = server.device();
        let back = server.browse(&device.app().begin());
        assert_eq!(
            (device.store.names("pending/").len(), device.keys.count()),
            (1, 1)
        );
        pass(&device);
        device.wire(|request| panic!("{} was asked", request.url));
        let app = device.app();
        let error = app.run(app.core.handle_redirect(back.as_str().into()));
        let error = error.expect_err("an hour later");
        assert_eq!(
            (error.code, error.number, error.action),
            (ErrorCode::RedirectStateExpired, 1102, Action::ShowLogin)
        );
        assert!(app.heard(|event| *event
            == Event::RedirectRejected {
                code: ErrorCode::RedirectStateExpired
            }));
        assert!(device.store.records().is_empty());
        assert_eq!(device.keys.count(), 0);
        // The next one says only that it is unknown.
        let error = app.run(app.core.handle_redirect(back.as_str().into()));
        assert_eq!(error.expect_err("gone").code, ErrorCode::RedirectStateUnknown);
    }
}

#[test]
fn a_redirect_that_comes_within_the_hour_is_taken() {
    let server = Fake::default();
    let device = server.device();
    let back = server.browse(&device.app().begin());
    device.passed.fetch_add(3_590_000, Ordering::Relaxed);
    let app = device.app();
    let done = app.run(app.core.handle_redirect(back.as_str().into()));
    assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{done:?}");
}
