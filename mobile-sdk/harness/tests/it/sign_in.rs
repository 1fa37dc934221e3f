//! Signing in and out, whole and cut off. Against the real server.

use postern_mobile_core::{ErrorCode, Event, LogoutMode, Outcome};
use postern_mobile_harness::{
    device::{Device, End, Kill, config, signed_in},
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
    assert!(device.store.records().keys().all(|key| key == "default"));
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

#[test]
fn the_session_that_the_server_has_ended_is_over_once() {
    let server = Server::start();
    let device = signed_in(&server);
    let stolen = device.store.records().clone();
    let app = device.app();
    app.run(app.core.logout(None, LogoutMode::LocalOnly))
        .expect("gone here");
    assert_eq!(server.count("session.ended"), 0);
    // A copy of store and key, used after the session was ended elsewhere.
    *device.store.records() = stolen;
    let app = device.app();
    let (end, _) = app.run_until(
        app.core
            .access_token(None, postern_mobile_harness::device::fresh()),
        Kill::Never,
    );
    // The key went with the account.
    assert!(matches!(end, Err(End::Failed(error)) if error.code == ErrorCode::KeyLost));
    assert_eq!(
        server.count("session.ended"),
        1,
        "the refused token was given back"
    );
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
        assert!(device.store.records().keys().all(|key| key == "default"));
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
