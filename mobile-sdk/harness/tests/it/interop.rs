//! Another's server: node-oidc-provider, which knows nothing of ours. `check` installs it; without Node one line says that it is
//! not tested.

use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use postern_mobile_core::{
    Action, AuthorizeParams, DpopPolicy, ErrorCode, Event, LogoutMode, Outcome, ParPolicy,
};
use postern_mobile_harness::{
    browser::Browser,
    device::{App, Device, config, fresh, lost},
    http,
};

struct Other {
    process: Child,
    issuer: String,
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts it, where it is installed.
fn start(mode: &str) -> Option<Other> {
    let Some(folder) = installed() else {
        eprintln!("node-oidc-provider: not tested, it is not installed (mobile-sdk/check does that)");
        return None;
    };
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let mut process = Command::new("node")
        .arg(folder.join("server.mjs"))
        .args([&port.to_string(), mode])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("node");
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            process.try_wait().expect("a process").is_none(),
            "it did not start"
        );
        thread::sleep(Duration::from_millis(20));
    }
    Some(Other {
        process,
        issuer: format!("http://localhost:{port}"),
    })
}

#[expect(clippy::disallowed_methods, reason = "check says where it is")]
fn installed() -> Option<PathBuf> {
    let folder = std::env::var_os("POSTERN_INTEROP").map(PathBuf::from);
    let required = std::env::var_os("POSTERN_CLIENTS").is_some_and(|value| value == "required");
    assert!(
        folder.is_some() || !required,
        "POSTERN_CLIENTS=required, but node-oidc-provider is not installed"
    );
    folder
}

fn device(server: &Other, bound: bool) -> Arc<Device> {
    let mut config = config(&server.issuer);
    config.scopes = vec!["openid".to_owned(), "offline_access".to_owned()];
    if !bound {
        config.dpop = DpopPolicy::Preferred;
        config.par = ParPolicy::Preferred;
    }
    Device::new(config)
}

fn sign_in(server: &Other, app: &App) -> Browser {
    // OpenID Connect Core section 11: without it this server gives no refresh token.
    let params = AuthorizeParams {
        prompt: Some("consent".to_owned()),
        ..AuthorizeParams::default()
    };
    let Ok(Outcome::AuthorizationReady { ready }) = app.run(app.core.begin(params)) else {
        panic!("no URL")
    };
    let mut browser = Browser::new(&server.issuer);
    let back = browser.allow(&ready.url);
    let done = app.run(app.core.handle_redirect(back.as_str().into()));
    assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{done:?}");
    browser
}

/// What this server's own API says.
fn userinfo(server: &Other, app: &App) -> u16 {
    app.get(&format!("{}/me", server.issuer)).status
}

fn refresh_token(device: &Device) -> String {
    let record = device.store.record("account/");
    record["refresh_token"].as_str().expect("text").to_owned()
}

fn the_whole_way(mode: &str, bound: bool) {
    let Some(server) = start(mode) else { return };
    let device = device(&server, bound);
    let app = device.app();
    sign_in(&server, &app);
    assert_eq!(device.keys.count(), usize::from(bound));
    assert_eq!(userinfo(&server, &app), 200);
    let mut seen = vec![refresh_token(&device)];
    for _ in 0..5 {
        let app = device.app();
        let Ok(Outcome::Token { token }) = app.refresh() else {
            panic!("no token")
        };
        assert_eq!(token.token_type, if bound { "DPoP" } else { "Bearer" });
        assert_eq!(userinfo(&server, &app), 200);
        seen.push(refresh_token(&device));
    }
    let rotations = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), rotations, "each refresh has rotated");

    // Signing out here ends it there, and leaves nothing.
    let last = refresh_token(&device);
    assert_eq!(
        app.run(app.core.logout(None, LogoutMode::Session)),
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
    if !bound {
        let tokens = postern_mobile_core::StoredTokens {
            refresh_token: last.as_str().into(),
            id_token: None,
        };
        app.run(app.core.adopt(tokens)).expect("taken over");
        let error = app.refresh().expect_err("revoked");
        assert_eq!(error.code, ErrorCode::SessionRevoked);
    }

    // The browser's way out.
    let mut browser = sign_in(&server, &app);
    let url = app.run(
        app.core
            .end_session_url(None, Some("http://127.0.0.1/bye".into()), Some("x".into())),
    );
    let Ok(Outcome::Url { url }) = url else {
        panic!("{url:?}")
    };
    assert_eq!(browser.allow(&url), "http://127.0.0.1/bye?state=x");
}

#[test]
fn the_whole_way_at_node_oidc_provider_with_par_and_dpop() {
    the_whole_way("dpop", true);
}

#[test]
fn the_whole_way_at_node_oidc_provider_with_neither() {
    the_whole_way("plain", false);
}

#[test]
fn what_node_oidc_provider_cannot_do_is_said_before_anybody_signs_in() {
    let Some(server) = start("plain") else { return };
    let app = device(&server, true).app();
    let error = app
        .run(app.core.begin(AuthorizeParams::default()))
        .expect_err("no DPoP there");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::DiscoveryNoDpop, Action::FixConfiguration)
    );
}

/// The weaker guarantee: this server ends the session when an answer was lost.
#[test]
fn a_lost_answer_of_node_oidc_provider_costs_one_sign_in() {
    for (mode, bound) in [("dpop", true), ("plain", false)] {
        let Some(server) = start(mode) else { return };
        let device = device(&server, bound);
        let app = device.app();
        sign_in(&server, &app);
        device.wire(lost);
        assert_eq!(app.refresh().expect_err("lost").code, ErrorCode::NoAnswer);
        device.wire(http::send);
        let error = device.app().run(device.app().core.access_token(None, fresh()));
        assert_eq!(error.expect_err("reuse").code, ErrorCode::SessionRevoked);
        assert!(
            device
                .store
                .records()
                .keys()
                .all(|key| key.starts_with("default/"))
        );
        assert_eq!(device.keys.count(), 0);
        sign_in(&server, &app);
        assert!(app.refresh().is_ok());
        assert!(app.heard(|event| matches!(event, Event::TokensRotated { .. })));
    }
}
