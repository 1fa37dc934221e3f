//! Signing in and out, whole and cut off. Against the real server.

use std::sync::{Arc, Mutex, PoisonError};

use postern_mobile_core::{
    AuthorizeParams, ErrorCode, Event, HttpFailure, Input, LogoutMode, Outcome, parsers,
};
use postern_mobile_harness::{
    device::{App, Device, Kill, config, signed_in},
    fake::Fake,
    server::Server,
};

#[test]
fn the_whole_way_from_sign_in_to_logout() {
    let server = Server::start();
    let device = Device::new(config(&server.issuer));
    let mut browser = server.browser();
    let app = device.app();
    let account = app.sign_in(&mut browser);
    assert!(app.heard(|event| *event
        == Event::AccountAdded {
            account: account.clone()
        }));
    assert!(device.store.names("pending/").is_empty());
    // A request to an API: the server's own.
    let response = app.get(&format!("{}/userinfo", server.issuer));
    assert_eq!(response.status, 200, "{}", response.body.text());
    assert!(app.refresh().is_ok());
    assert_eq!(
        app.run(app.core.logout(None, LogoutMode::SessionAndBrowser)),
        Ok(Outcome::Done)
    );
    assert!(
        device
            .store
            .records()
            .keys()
            .all(|key| key.starts_with("default/"))
    );
    assert_eq!(device.keys.count(), 0);
    assert_eq!(server.count("logged_out"), 1, "{}", server.events());
}

#[test]
fn a_kill_at_any_effect_of_a_sign_in_leaves_a_session_or_a_clean_login_screen() {
    let server = Server::start();
    let mut browser = server.browser();
    let whole = Device::new(config(&server.issuer));
    let app = whole.app();
    let back = browser.allow(&app.begin());
    let (_, effects) = app.run_until(app.core.handle_redirect(back.as_str().into()), Kill::Never);
    for number in 0..effects {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let device = Device::new(config(&server.issuer));
            let back = browser.allow(&device.app().begin());
            let pending = device.store.record("pending/");
            let verifier = pending["verifier"].as_str().expect("text");
            let app = device.app();
            let _killed = app.run_until(app.core.handle_redirect(back.as_str().into()), kill);
            // A fresh process is handed the same redirect again.
            let app = device.app();
            match app.run(app.core.handle_redirect(back.as_str().into())) {
                Ok(Outcome::SignedIn { .. }) => {
                    app.refresh()
                        .unwrap_or_else(|error| panic!("{kill:?}: {error:?}"));
                }
                Ok(other) => panic!("{kill:?}: {other:?}"),
                Err(error) => assert!((1001..1200).contains(&error.number), "{kill:?}: {error:?}"),
            }
            // An hour later, and the grace of what was sent, no verifier is left, and no key without an account.
            device
                .passed
                .fetch_add(4_200_001, std::sync::atomic::Ordering::Relaxed);
            let app = device.app();
            app.run(app.core.resume()).expect("tidied");
            assert!(device.store.names("pending/").is_empty(), "{kill:?}");
            let left = |value: &Vec<u8>| String::from_utf8_lossy(value).contains(verifier);
            assert!(!device.store.records().values().any(left), "{kill:?}");
            let accounts = device.store.names("account/").len();
            assert_eq!(device.keys.count(), accounts, "{kill:?}");
        }
    }
}

/// As after a restore to a new device, or of a copy that somebody has made.
#[test]
fn a_record_that_comes_back_without_its_key_is_over_and_given_back() {
    let server = Server::start();
    let device = signed_in(&server);
    let copy = device.store.records().clone();
    let app = device.app();
    app.run(app.core.logout(None, LogoutMode::LocalOnly))
        .expect("gone here");
    assert_eq!(server.count("session.ended"), 0);
    assert_eq!(device.keys.count(), 0, "the key went with the account");
    *device.store.records() = copy;
    let app = device.app();
    assert_eq!(app.refresh().expect_err("no key").code, ErrorCode::KeyLost);
    assert_eq!(app.refresh().expect_err("over").code, ErrorCode::NoSuchAccount);
    assert_eq!(server.count("session.ended"), 1, "{}", server.events());
}

#[test]
fn a_session_that_an_operator_ends_is_over_once_and_nothing_of_it_is_left() {
    for ends in [
        "session end --user alice@example.com",
        "user disable alice@example.com",
    ] {
        let server = Server::start();
        let device = signed_in(&server);
        let (app, other) = (device.app(), device.app());
        assert!(app.refresh().is_ok() && other.refresh().is_ok());
        server.operator(ends);
        let error = app.refresh().expect_err("over");
        assert_eq!(error.code, ErrorCode::SessionRevoked, "{ends}");
        for app in [&app, &other, &device.app()] {
            let error = app.refresh().expect_err("over");
            assert_eq!(error.code, ErrorCode::NoSuchAccount, "{ends}");
        }
        let told = |app: &postern_mobile_harness::device::App| {
            app.heard(|event| matches!(event, Event::SessionEnded { .. }))
        };
        assert!(told(&app) && !told(&other));
        assert!(
            device
                .store
                .records()
                .keys()
                .all(|key| key.starts_with("default/"))
        );
        assert_eq!(device.keys.count(), 0);
    }
}

#[test]
fn who_signs_in_twice_is_one_account_and_the_first_session_ends() {
    let server = Server::start();
    let device = signed_in(&server);
    let app = device.app();
    app.sign_in(&mut server.browser());
    let accounts = app.run(app.core.accounts());
    assert!(matches!(accounts, Ok(Outcome::Accounts { accounts, .. }) if accounts.len() == 1));
    assert_eq!(device.keys.count(), 1);
    assert_eq!(server.count("session.ended"), 1);
    assert!(app.refresh().is_ok());
}

#[test]
fn who_signs_out_with_the_browser_hears_if_it_is_kept() {
    let scope = "openid profile offline_access";
    let server = Server::start_with(&[(
        "plain",
        scope,
        "--redirect-uri http://127.0.0.1/callback --dpop required",
    )]);
    let kept = |app: &App| app.heard(|event| matches!(event, Event::BrowserSessionKept { .. }));
    let sign_out = |client: &str, online: bool| {
        let mut config = config(&server.issuer);
        client.clone_into(&mut config.client_id);
        let device = Device::new(config);
        let app = device.app();
        app.sign_in(&mut server.browser());
        if !online {
            device.wire(|_| Input::HttpFailed {
                failure: HttpFailure::NotSent,
            });
        }
        let done = app.run(app.core.logout(None, LogoutMode::SessionAndBrowser));
        assert_eq!(done, Ok(Outcome::Done));
        assert!(device.store.names("account/").is_empty());
        kept(&app)
    };
    assert!(!sign_out("app", true));
    assert!(sign_out("plain", true), "it may not");
    assert!(sign_out("app", false), "nobody could be asked");
    assert_eq!(server.count("session.ended"), 2, "the sessions at least");
}

/// Parameters of the servers of others, and none of our own.
#[test]
fn what_an_app_adds_to_a_request_changes_nothing_of_it() {
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let begin = |name: &str| {
        let params = AuthorizeParams {
            extra: [(name.to_owned(), "a b&state=x".to_owned())].into(),
            ..AuthorizeParams::default()
        };
        app.run(app.core.begin(params))
    };
    let pushed = Arc::new(Mutex::new(Vec::new()));
    let (log, behind) = (Arc::clone(&pushed), server.clone());
    device.wire(move |request| {
        if request.url.ends_with("/par") {
            let body = parsers::query(request.body.text()).expect("a form");
            *log.lock().unwrap_or_else(PoisonError::into_inner) = body;
        }
        behind.send(request)
    });
    assert!(begin("audience").is_ok());
    let pushed = pushed.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(pushed.contains(&("audience".to_owned(), "a b&state=x".to_owned())));
    // Whatever the SDK sends itself is its own, and what would change how it is answered.
    let names = pushed.iter().map(|(name, _)| name.as_str());
    let ours = names.filter(|name| *name != "audience");
    for name in ours.chain(["request", "request_uri", "response_mode", "login_hint", ""]) {
        let error = begin(name).expect_err("ours");
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{name}");
    }
}

#[test]
fn the_server_is_told_which_version_the_app_is() {
    let server = Server::start();
    for (version, listed) in [
        (Some("4.2.1+77"), "4.2.1+77"),
        (Some("4.2 beta (ü)"), "4.2-beta----"),
        (Some(&"9".repeat(99)), &"9".repeat(32)[..]),
    ] {
        let mut config = config(&server.issuer);
        config.app_version = version.map(str::to_owned);
        let device = Device::new(config);
        let app = device.app();
        app.sign_in(&mut server.browser());
        assert!(app.refresh().is_ok());
        let sessions = server.operator("session list");
        assert!(sessions.contains(listed), "{sessions}");
    }
}
