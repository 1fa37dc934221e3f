//! Sessions, and what may come between.

use std::sync::atomic::Ordering;

use postern_mobile_core::{Config, Effect, Header, HookError, HttpFailure, HttpResponse, Input, Outcome};
use postern_mobile_harness::{
    device::{Device, lost},
    fake::Fake,
    http,
    server::Server,
    transcript::Recorder,
};
use serde_json::json;

use super::{fresh, with_app, with_session};

pub(super) fn answer_lost(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(
        server,
        "The server has rotated, its answer is lost, the app is killed and twenty days pass: the session lives.",
    );
    recorder.run(&fresh()).expect("a token");
    device.wire(lost);
    recorder.run(&fresh()).expect_err("no answer");
    device.wire(http::send);
    device.passed.fetch_add(20 * 86_400_000, Ordering::Relaxed);
    recorder.restart();
    recorder.run(&fresh()).expect("the same successor");
    recorder
}

pub(super) fn write_fails(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(
        server,
        "The new tokens cannot be stored: the caller has its token, nothing follows from it until it is stored.",
    );
    device.store.breaks(false, Some(HookError::Locked));
    recorder.run(&fresh()).expect("a token");
    recorder.run(&fresh()).expect_err("not stored");
    device.store.breaks(false, None);
    recorder.run(&fresh()).expect("a token");
    recorder
}

pub(super) fn another_was_faster(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(
        server,
        "Another process rotates while the answer is on its way: the write conflicts, and what is stored is used.",
    );
    let mut raced = false;
    let done = recorder.run_with(&fresh(), &mut |effect| {
        let Effect::Http { request } = effect else {
            return matches!(effect, Effect::Lock { .. }).then_some(Input::LockHeld);
        };
        let answer = http::send(request);
        let token = request.url.ends_with("/token");
        if token && !raced && matches!(&answer, Input::Http { response } if response.status == 200) {
            raced = true;
            device.app().refresh().expect("rotated");
        }
        Some(answer)
    });
    assert!(raced && matches!(done, Ok(Outcome::Token { .. })), "{done:?}");
    recorder
}

pub(super) fn server_asks_for_patience(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(server, "A busy server is left alone for as long as it says.");
    device.wire(|_| Input::Http {
        response: HttpResponse {
            status: 429,
            headers: vec![Header {
                name: "Retry-After".into(),
                value: "7".into(),
            }],
            body: "".into(),
        },
    });
    recorder.run(&fresh()).expect_err("busy");
    recorder.run(&fresh()).expect_err("without asking");
    device.wire(http::send);
    device.passed.fetch_add(60_000, Ordering::Relaxed);
    recorder.run(&fresh()).expect("a token");
    recorder
}

pub(super) fn device_locked(server: &Server) -> Recorder {
    let (device, mut recorder) =
        with_session(server, "A locked device has a session that cannot be read yet.");
    device.store.breaks(true, Some(HookError::Locked));
    recorder.run(&fresh()).expect_err("locked");
    recorder.run(&json!({ "type": "accounts" })).expect_err("locked");
    device.store.breaks(true, None);
    recorder.run(&fresh()).expect("a token");
    recorder
}

pub(super) fn key_lost(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(server, "A key that is gone ends its session, once.");
    device.keys.lose();
    recorder.run(&fresh()).expect_err("no key");
    recorder.run(&fresh()).expect_err("nobody");
    recorder
}

pub(super) fn logout_offline(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(
        server,
        "Signed out offline: key and tokens go at once, and the server is told by the next process.",
    );
    let offline = Input::HttpFailed {
        failure: HttpFailure::NotSent,
    };
    device.wire(move |_| offline.clone());
    recorder.run(&fresh()).expect_err("offline");
    recorder
        .run(&json!({ "type": "logout", "account": null, "mode": "session" }))
        .expect("gone here");
    device.wire(http::send);
    recorder.restart();
    recorder.run(&json!({ "type": "resume" })).expect("told");
    recorder
}

pub(super) fn killed(server: &Server) -> Recorder {
    let (_device, mut recorder) = with_session(
        server,
        "Killed before the new tokens are stored, and again after that: each time the next process goes on.",
    );
    recorder.kill_after(&fresh(), &mut |effect, input| {
        matches!(effect, Effect::Http { request } if request.url.ends_with("/token"))
            && matches!(input, Input::Http { response } if response.status == 200)
    });
    recorder.run(&fresh()).expect("the same successor");
    recorder.kill_after(&fresh(), &mut |effect, _| matches!(effect, Effect::Put { .. }));
    recorder
        .run(&json!({ "type": "access_token", "account": null, "min_ttl_ms": 0, "fresh": false }))
        .expect("what the killed one has stored");
    recorder
}

pub(super) fn read_only(server: &Server) -> Recorder {
    let (device, _) = with_session(server, "");
    let config = Config {
        read_only: true,
        ..device.config.clone()
    };
    let widget = Device::new(config);
    widget.store.records().clone_from(&device.store.records());
    let mut recorder = Recorder::new(&widget, "A widget that may not refresh has what its app has got.");
    recorder
        .run(&json!({ "type": "access_token", "account": null, "min_ttl_ms": 0, "fresh": false }))
        .expect("the app's");
    recorder.run(&fresh()).expect_err("it is the app's to refresh");
    recorder
}

pub(super) fn two_people(_: &Server) -> Recorder {
    let server = Fake::default();
    let device = server.device();
    server.sign_in(&device.app());
    server.person("bob");
    let bob = server.sign_in(&device.app());
    let mut recorder = Recorder::new(&device, "Two people on one device, of whom one leaves.");
    let accounts = json!({ "type": "accounts" });
    recorder.run(&accounts).expect("two");
    recorder
        .run(&json!({ "type": "set_default", "account": bob }))
        .expect("Bob");
    recorder.run(&fresh()).expect("Bob's token");
    recorder
        .run(&json!({ "type": "logout", "account": bob, "mode": "local_only" }))
        .expect("gone here");
    recorder.run(&accounts).expect("one");
    recorder
        .run(&json!({ "type": "set_default", "account": bob }))
        .expect_err("nobody");
    recorder
}

pub(super) fn logout_killed(server: &Server) -> Recorder {
    let (_device, mut recorder) = with_session(
        server,
        "Killed while signing out: the session is gone here, and the next process tells the server.",
    );
    recorder.kill_after(
        &json!({ "type": "logout", "account": null, "mode": "session" }),
        &mut |effect, _| matches!(effect, Effect::Delete { key, .. } if key.starts_with("account/")),
    );
    recorder.run(&json!({ "type": "accounts" })).expect("nobody");
    recorder.run(&json!({ "type": "resume" })).expect("told");
    recorder
}

pub(super) fn logout_in_the_browser(server: &Server) -> Recorder {
    let device = with_app(server, "notes", |_| {});
    let mut browser = server.browser();
    device.app().sign_in(&mut browser);
    let mut recorder = Recorder::new(
        &device,
        "The browser signs the person out (RP-Initiated Logout): the app hears of it when it asks the server next.",
    );
    let url = recorder.run(&json!({
        "type": "end_session_url", "account": null, "then": "http://127.0.0.1/bye", "state": "a b",
    }));
    let Ok(Outcome::Url { url }) = url else {
        panic!("{url:?}")
    };
    assert_eq!(browser.allow(&url), "http://127.0.0.1/bye?state=a+b");
    recorder.run(&fresh()).expect_err("over");
    recorder.run(&fresh()).expect_err("nobody");
    recorder
}
