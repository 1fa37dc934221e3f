//! Sessions that come from no redirect, and the browser's way out. Against the real server.

use std::sync::{Arc, atomic::Ordering};

use postern_mobile_core::{
    Action, AuthorizeParams, Config, Core, DpopPolicy, Effect, ErrorCode, ExchangeParams, LogoutMode,
    NativeSso, Operation, Outcome, StoredTokens, Want,
};
use postern_mobile_harness::{
    device::{Device, Kill, config, signed_in},
    server::Server,
};

const SCOPE: &str = "openid profile offline_access";
const TV: (&str, &str, &str) = (
    "tv",
    SCOPE,
    "--grant-type urn:ietf:params:oauth:grant-type:device_code --grant-type refresh_token --dpop required",
);
/// Two apps of one maker.
const MAIL: (&str, &str, &str) = (
    "mail",
    "openid profile offline_access device_sso",
    "--redirect-uri http://127.0.0.1/callback --dpop required --sso-group acme",
);
const CHAT: (&str, &str, &str) = (
    "chat",
    SCOPE,
    "--redirect-uri http://127.0.0.1/callback --dpop required --sso-group acme --grant-type authorization_code \
     --grant-type refresh_token --grant-type urn:ietf:params:oauth:grant-type:token-exchange",
);

type Begin = fn(&Core) -> Operation;

/// A device with the app of this id.
fn with_app(server: &Server, client_id: &str, change: impl FnOnce(&mut Config)) -> Arc<Device> {
    let mut config = config(&server.issuer);
    client_id.clone_into(&mut config.client_id);
    change(&mut config);
    Device::new(config)
}

#[test]
fn a_television_signs_in_with_a_code_though_it_is_killed_while_it_waits() {
    let server = Server::start_with(&[TV]);
    let device = with_app(&server, "tv", |_| {});
    let app = device.app();
    let ready = match app.run(app.core.begin_device(AuthorizeParams::default())) {
        Ok(Outcome::DeviceReady { ready }) => ready,
        other => panic!("{other:?}"),
    };
    let link = ready.verification_uri_complete.expect("a link");
    assert!(link.ends_with(&ready.user_code), "{link}");
    for number in 0..6 {
        let app = device.app();
        let _killed = app.run_until(app.core.poll_device(ready.flow_id.clone()), Kill::After(number));
    }
    let app = device.app();
    let mut waited = Vec::new();
    let (done, _) = app.run_with(
        app.core.poll_device(ready.flow_id.clone()),
        Kill::Never,
        |_, effect| {
            if let Effect::Sleep { ms } = effect {
                waited.push(*ms);
                if waited.len() == 3 {
                    let page = server.browser().allow_device(&link);
                    assert!(page.contains("Your device is connected"), "{page}");
                }
            }
            None
        },
    );
    assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{done:?}");
    // No clock passes at the server here: it asked for patience.
    assert!(waited[0] >= 5000 && waited.is_sorted(), "{waited:?}");
    assert!(app.refresh().is_ok());
    assert_eq!(device.keys.count(), 1);
    let again = app.run(app.core.poll_device(ready.flow_id));
    assert_eq!(
        again,
        done.map_err(|_| unreachable!("signed in")),
        "the same account"
    );
}

#[test]
fn a_code_that_nobody_types_in_runs_out_and_leaves_nothing() {
    let server = Server::start_with(&[TV]);
    let device = with_app(&server, "tv", |_| {});
    let app = device.app();
    let Ok(Outcome::DeviceReady { ready }) = app.run(app.core.begin_device(AuthorizeParams::default()))
    else {
        panic!("no code")
    };
    let error = app.run(app.core.poll_device(ready.flow_id)).expect_err("nobody");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::DeviceCodeExpired, Action::ShowLogin)
    );
    assert!(device.store.records().is_empty());
    assert_eq!(device.keys.count(), 0);
}

#[test]
fn a_kill_at_any_effect_of_a_beginning_leaves_no_key_an_hour_later() {
    let server = Server::start_with(&[TV]);
    let beginnings: [(&str, Begin); 2] = [
        ("app", |core| core.begin(AuthorizeParams::default())),
        ("tv", |core| core.begin_device(AuthorizeParams::default())),
    ];
    for (client_id, begin) in beginnings {
        let whole = with_app(&server, client_id, |_| {}).app();
        let (done, effects) = whole.run_until(begin(&whole.core), Kill::Never);
        assert!(done.is_ok(), "{done:?}");
        for number in 0..effects {
            for kill in [Kill::Before(number), Kill::After(number)] {
                let device = with_app(&server, client_id, |_| {});
                let app = device.app();
                let _killed = app.run_until(begin(&app.core), kill);
                device.passed.fetch_add(3_600_001, Ordering::Relaxed);
                let app = device.app();
                app.run(app.core.resume()).expect("tidied");
                assert!(device.store.records().is_empty(), "{client_id} {kill:?}");
                assert_eq!(device.keys.count(), 0, "{client_id} {kill:?}");
            }
        }
    }
}

/// Mail, where Alice is signed in, and what it shares.
fn mail(server: &Server) -> (Arc<Device>, NativeSso) {
    let mail = with_app(server, "mail", |config| {
        config.scopes.push("device_sso".to_owned());
    });
    let app = mail.app();
    app.sign_in(&mut server.browser());
    match app.run(app.core.share(None)) {
        Ok(Outcome::Shared { sso }) => (mail, sso),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_app_signs_in_by_another_of_its_maker_and_ends_with_it() {
    let server = Server::start_with(&[MAIL, CHAT]);
    let (mail, sso) = mail(&server);
    let chat = with_app(&server, "chat", |_| {});
    let app = chat.app();
    let done = app.run(app.core.native_sso(sso.clone()));
    assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{done:?}");
    assert!(app.refresh().is_ok());
    assert_eq!(chat.keys.count(), 1, "a key of its own");
    let shared = app.run(app.core.share(None)).expect_err("it lets nobody in");
    assert_eq!(shared.code, ErrorCode::NotSupported);

    // Its own end reaches nothing above; the other's reaches it.
    app.run(app.core.logout(None, LogoutMode::Session))
        .expect("signed out");
    assert!(mail.app().refresh().is_ok());
    app.run(app.core.native_sso(sso.clone()))
        .expect("signed in again");
    let notes = mail.app();
    notes
        .run(notes.core.logout(None, LogoutMode::Session))
        .expect("signed out");
    assert_eq!(app.refresh().expect_err("over").code, ErrorCode::SessionRevoked);
    let refused = app.run(app.core.native_sso(sso)).expect_err("mail is signed out");
    assert_eq!(refused.action, Action::ShowLogin, "{refused:?}");
    assert_eq!(chat.keys.count(), 0);
}

#[test]
fn a_kill_at_any_effect_of_native_sso_leaves_a_session_or_nothing() {
    let server = Server::start_with(&[MAIL, CHAT]);
    let (_mail, sso) = mail(&server);
    let whole = with_app(&server, "chat", |_| {});
    let app = whole.app();
    let (_, effects) = app.run_until(app.core.native_sso(sso.clone()), Kill::Never);
    for number in 0..effects {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let chat = with_app(&server, "chat", |_| {});
            let app = chat.app();
            let _killed = app.run_until(app.core.native_sso(sso.clone()), kill);
            chat.passed.fetch_add(4_200_001, Ordering::Relaxed);
            let app = chat.app();
            app.run(app.core.resume()).expect("tidied");
            assert!(chat.store.names("pending/").is_empty(), "{kill:?}");
            let accounts = chat.store.names("account/").len();
            assert_eq!(chat.keys.count(), accounts, "{kill:?}");
            assert_eq!(app.refresh().is_ok(), accounts == 1, "{kill:?}");
        }
    }
}

#[test]
fn what_another_sdk_has_stored_is_taken_over_once() {
    let server = Server::start_with(&[(
        "old",
        SCOPE,
        "--redirect-uri http://127.0.0.1/callback --dpop allowed",
    )]);
    let before = with_app(&server, "old", |config| config.dpop = DpopPolicy::Off);
    before.app().sign_in(&mut server.browser());
    let record = before.store.record("account/");
    let text = |name: &str| record[name].as_str().expect("text").into();
    let tokens = StoredTokens {
        refresh_token: text("refresh_token"),
        id_token: Some(text("id_token")),
    };

    let device = with_app(&server, "old", |_| {});
    for _ in 0..2 {
        // The second time after refreshes: what is there is newer and stays.
        let app = device.app();
        let done = app.run(app.core.adopt(tokens.clone()));
        assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{done:?}");
        for _ in 0..2 {
            let Ok(Outcome::Token { token }) = app.refresh() else {
                panic!("no token")
            };
            assert_eq!(token.token_type, "Bearer", "as it was");
        }
        let accounts = app.run(app.core.accounts());
        assert!(matches!(accounts, Ok(Outcome::Accounts { accounts, .. }) if accounts.len() == 1));
    }
    assert_eq!(server.count("session.ended"), 0);
}

#[test]
fn the_tokens_of_another_app_are_not_taken_over() {
    let server = Server::start_with(&[MAIL, CHAT]);
    let device = with_app(&server, "app", |_| {});
    let app = device.app();
    let (_mail, sso) = mail(&server);
    let tokens = StoredTokens {
        refresh_token: "pst_rt_of_mail".into(),
        id_token: Some(sso.id_token),
    };
    let error = app.run(app.core.adopt(tokens)).expect_err("for mail");
    assert_eq!(error.code, ErrorCode::IdTokenAudience);
    assert!(device.store.records().is_empty());
}

#[test]
fn an_exchange_that_the_server_refuses_costs_no_session() {
    // Postern exchanges the tokens of APIs, not of apps.
    let server = Server::start();
    let device = signed_in(&server);
    let app = device.app();
    let params = ExchangeParams {
        audience: Some("https://stock.example".to_owned()),
        resource: None,
        scopes: None,
    };
    let error = app.run(app.core.exchange(None, params)).expect_err("an app");
    assert_eq!(error.action, Action::FixConfiguration, "{error:?}");
    assert!(app.refresh().is_ok());
    assert_eq!(server.count("session.ended"), 0);
}

#[test]
fn the_browser_signs_the_person_out_and_comes_back() {
    let server = Server::start_with(&[(
        "notes",
        SCOPE,
        "--redirect-uri http://127.0.0.1/callback --dpop required \
         --post-logout-redirect-uri http://127.0.0.1/bye",
    )]);
    let device = with_app(&server, "notes", |_| {});
    let app = device.app();
    let mut browser = server.browser();
    app.sign_in(&mut browser);
    let url = app.run(app.core.end_session_url(
        None,
        Some("http://127.0.0.1/bye".into()),
        Some("a b".into()),
    ));
    let Ok(Outcome::Url { url }) = url else {
        panic!("{url:?}")
    };
    assert_eq!(browser.allow(&url), "http://127.0.0.1/bye?state=a+b");
    assert_eq!(app.refresh().expect_err("over").code, ErrorCode::SessionRevoked);
    assert_eq!(
        app.run(app.core.access_token(None, Want::default()))
            .expect_err("once")
            .code,
        ErrorCode::NoSuchAccount
    );
}
