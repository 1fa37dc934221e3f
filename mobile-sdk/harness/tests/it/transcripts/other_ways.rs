//! Sessions that come from no redirect.

use std::sync::Arc;

use postern_mobile_core::{
    Config, DpopPolicy, Effect, HttpFailure, Input, LogoutMode, NativeSso, Outcome, Secret,
};
use postern_mobile_harness::{
    device::Device,
    fake::{Fake, no},
    server::Server,
    transcript::Recorder,
};
use serde_json::{Value, json};

use super::{fresh, with_app};

/// What another SDK has kept of Alice's session.
fn kept(server: &Server) -> Value {
    let before = with_app(server, "old", |config| config.dpop = DpopPolicy::Off);
    before.app().sign_in(&mut server.browser());
    let records = before.store.records();
    let (_, value) = records
        .iter()
        .find(|(key, _)| key.starts_with("account/"))
        .expect("one");
    let record: Value = serde_json::from_slice(value).expect("JSON");
    json!({ "type": "adopt", "refresh_token": record["refresh_token"], "id_token": record["id_token"] })
}

pub(super) fn adopt(server: &Server) -> Recorder {
    let call = kept(server);
    let mut recorder = Recorder::new(
        &with_app(server, "old", |_| {}),
        "What another SDK has stored is taken over once; the session stays a bearer session.",
    );
    recorder.run(&call).expect("taken over");
    recorder.run(&fresh()).expect("a token");
    recorder.restart();
    recorder.run(&call).expect("there already");
    recorder
}

pub(super) fn adopt_killed(server: &Server) -> Recorder {
    let call = kept(server);
    let mut recorder = Recorder::new(
        &with_app(server, "old", |_| {}),
        "Tokens of another app are not taken over; a process that is killed while it takes them over does no harm.",
    );
    let mut anothers = call.clone();
    anothers["id_token"] = text(&mail(server).1.id_token);
    recorder.run(&anothers).expect_err("for another app");
    recorder.restart();
    recorder.kill_after(&call, &mut |effect, _| matches!(effect, Effect::Http { .. }));
    recorder.kill_after(
        &call,
        &mut |effect, _| matches!(effect, Effect::Put { key, .. } if key.starts_with("account/")),
    );
    recorder.run(&call).expect("there already");
    recorder.run(&fresh()).expect("a token");
    recorder
}

pub(super) fn device_grant(server: &Server) -> Recorder {
    let mut recorder = Recorder::new(
        &with_app(server, "tv", |_| {}),
        "A television is killed while it waits, has no network for a while, and signs in.",
    );
    let ready = match recorder.run(&json!({ "type": "begin_device" })) {
        Ok(Outcome::DeviceReady { ready }) => ready,
        other => panic!("{other:?}"),
    };
    let poll = json!({ "type": "poll_device", "flow_id": ready.flow_id });
    recorder.kill_after(&poll, &mut |effect, _| matches!(effect, Effect::Sleep { .. }));
    let link = ready.verification_uri_complete.expect("a link");
    let mut sleeps = 0;
    let done = recorder.run_with(&poll, &mut |effect| match effect {
        Effect::Sleep { .. } => {
            sleeps += 1;
            if sleeps == 3 {
                server.browser().allow_device(&link);
            }
            None
        }
        Effect::Http { .. } if sleeps == 1 => Some(Input::HttpFailed {
            failure: HttpFailure::NotSent,
        }),
        _ => None,
    });
    assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{done:?}");
    assert_eq!(recorder.run(&poll), done, "the same account");
    recorder
}

pub(super) fn device_grant_runs_out(server: &Server) -> Recorder {
    let device = with_app(server, "tv", |_| {});
    let mut recorder = Recorder::new(
        &device,
        "A code that nobody types in runs out and leaves nothing.",
    );
    let ready =
        match recorder.run(&json!({ "type": "begin_device", "login_hint": null, "scopes": ["openid"] })) {
            Ok(Outcome::DeviceReady { ready }) => ready,
            other => panic!("{other:?}"),
        };
    let poll = json!({ "type": "poll_device", "flow_id": ready.flow_id });
    let slept = |effect: &Effect| match effect {
        Effect::Sleep { .. } => device.perform(&Effect::Sleep { ms: 3_600_000 }),
        other => device.perform(other),
    };
    recorder
        .run_with(&poll, &mut |effect| Some(slept(effect)))
        .expect_err("too late");
    assert!(device.store.records().is_empty());
    recorder
}

pub(super) fn token_exchange(_: &Server) -> Recorder {
    let server = Fake::default();
    let device = server.signed_in();
    let mut recorder = Recorder::new(
        &device,
        "An exchange that the server grants, one that it refuses and one whose token is not bound: none costs the session.",
    );
    let exchange = json!({
        "type": "exchange", "account": null, "audience": null, "resource": "https://stock.example", "scopes": ["stock"],
    });
    recorder.run(&exchange).expect("a token");
    server.instead(|path, _| (path == "token").then(|| no("invalid_target")));
    recorder.run(&exchange).expect_err("refused");
    server.as_ever();
    server.rules(|rules| rules.bound = false);
    recorder.run(&exchange).expect_err("a bearer token");
    server.rules(|rules| rules.bound = true);
    recorder.run(&fresh()).expect("the session lives");
    recorder
}

/// Mail, where Alice is signed in, and what it shares.
fn mail(server: &Server) -> (Arc<Device>, NativeSso) {
    let mail = with_app(server, "mail", device_sso);
    let app = mail.app();
    app.sign_in(&mut server.browser());
    match app.run(app.core.share(None)) {
        Ok(Outcome::Shared { sso }) => (mail, sso),
        other => panic!("{other:?}"),
    }
}

fn device_sso(config: &mut Config) {
    config.scopes.push("device_sso".to_owned());
}

fn text(secret: &Secret) -> Value {
    secret.text().into()
}

fn by(sso: &NativeSso) -> Value {
    json!({ "type": "native_sso", "id_token": text(&sso.id_token), "device_secret": text(&sso.device_secret) })
}

pub(super) fn native_sso(server: &Server) -> Recorder {
    let (mail, sso) = mail(server);
    let mut recorder = Recorder::new(
        &with_app(server, "chat", |_| {}),
        "An app signs in by another of its maker, and its session ends with the other's.",
    );
    recorder.run(&by(&sso)).expect("signed in");
    recorder
        .run(&json!({ "type": "share", "account": null }))
        .expect_err("it lets nobody in");
    let app = mail.app();
    app.run(app.core.logout(None, LogoutMode::Session))
        .expect("signed out");
    recorder.run(&fresh()).expect_err("over");
    recorder.run(&by(&sso)).expect_err("nobody is signed in there");
    recorder
}

pub(super) fn native_sso_killed(server: &Server) -> Recorder {
    let (_mail, sso) = mail(server);
    let mut recorder = Recorder::new(
        &with_app(server, "chat", |_| {}),
        "Killed when the tokens have come: nothing is left of that, and the next process signs in.",
    );
    recorder.kill_after(&by(&sso), &mut |effect, input| {
        matches!(effect, Effect::Http { request } if request.url.ends_with("/token"))
            && matches!(input, Input::Http { response } if response.status == 200)
    });
    recorder.run(&json!({ "type": "accounts" })).expect("nobody");
    recorder.run(&by(&sso)).expect("signed in");
    recorder.run(&fresh()).expect("a token");
    recorder
}

pub(super) fn native_sso_shared(server: &Server) -> Recorder {
    let (mail, _) = mail(server);
    let mut recorder = Recorder::new(&mail, "What an app shares with another of its maker.");
    let share = json!({ "type": "share", "account": null });
    recorder.run(&share).expect("shared");
    recorder
        .run(&json!({ "type": "logout", "account": null, "mode": "session_and_browser" }))
        .expect("gone");
    recorder.run(&share).expect_err("nobody");
    recorder
}
