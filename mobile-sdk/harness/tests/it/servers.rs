//! Servers that are not where they were, that have less than Postern, and those that are not the one that was asked.

use postern_mobile_core::{Action, DpopPolicy, ErrorCode, Event, Outcome};
use postern_mobile_harness::{
    device::Device,
    fake::{Fake, Rules, answer},
};
use serde_json::json;

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
    assert!(
        device
            .store
            .records()
            .keys()
            .all(|key| key.starts_with("default/"))
    );
}
