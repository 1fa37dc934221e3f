//! The recorded conversations in `transcripts/`, which every language replays. They are compared with what the core says
//! now; `POSTERN_RECORD=1` holds them with the real server and writes them anew.

#![expect(
    clippy::disallowed_methods,
    reason = "the files and the environment are the test's"
)]

use std::{path::PathBuf, sync::Arc, sync::atomic::Ordering};

use postern_mobile_core::{
    DpopPolicy, Effect, HookError, HttpFailure, HttpRequest, HttpResponse, Input, Outcome,
};
use postern_mobile_harness::{
    device::{Device, config, lost, signed_in},
    http,
    server::Server,
    transcript::{Recorder, headers_of, replay},
};
use serde_json::{Value, json};

type Story = fn(&Server) -> Recorder;

const STORIES: [(&str, Story); 12] = [
    ("sign-in-to-logout", sign_in_to_logout),
    ("sign-in-killed", sign_in_killed),
    ("sign-in-refused", sign_in_refused),
    ("redirects-forged", redirects_forged),
    ("refresh-answer-lost", refresh_answer_lost),
    ("refresh-write-fails", refresh_write_fails),
    ("refresh-another-was-faster", refresh_another_was_faster),
    ("server-asks-for-patience", server_asks_for_patience),
    ("device-locked", device_locked),
    ("key-lost", key_lost),
    ("logout-offline", logout_offline),
    ("adopt", adopt),
];

#[test]
fn the_recorded_conversations_are_what_the_core_says() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../transcripts"));
    let record = std::env::var_os("POSTERN_RECORD").is_some();
    for (name, story) in STORIES {
        let file = folder.join(format!("{name}.json"));
        if record {
            let server = Server::start_with(&[OLD]);
            let transcript = story(&server).transcript();
            std::fs::write(&file, format!("{transcript:#}\n")).expect("written");
        }
        let text = std::fs::read_to_string(&file).expect("recorded: POSTERN_RECORD=1");
        let transcript: Value = serde_json::from_str(&text).expect("JSON");
        if let Err(difference) = replay(&transcript) {
            panic!("{name}: {difference}\nIf that is meant to be so: POSTERN_RECORD=1");
        }
        // Whoever compares nothing finds no difference either.
        let mut other = transcript;
        other["turns"][0]["steps"][0]["input"] = json!({ "type": "conflict" });
        assert!(replay(&other).is_err(), "{name}");
    }
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|end| end == "json"));
    assert_eq!(files.count(), STORIES.len(), "each has its story");
}

/// An app whose tokens another SDK has kept.
const OLD: (&str, &str, &str) = (
    "old",
    "openid profile offline_access",
    "--redirect-uri http://127.0.0.1/callback --dpop allowed",
);

fn fresh() -> Value {
    json!({ "type": "access_token", "account": null, "min_ttl_ms": 0, "fresh": true })
}

fn redirect(url: &str) -> Value {
    json!({ "type": "handle_redirect", "url": url })
}

fn begin(recorder: &mut Recorder) -> String {
    match recorder.run(&json!({ "type": "begin" })) {
        Ok(Outcome::AuthorizationReady { ready }) => ready.url,
        other => panic!("{other:?}"),
    }
}

/// An API with a nonce of its own.
fn call_api(recorder: &mut Recorder, url: &str) {
    for tries in 0..2 {
        let call = json!({
            "type": "authorize_request", "account": null, "method": "GET", "url": url, "min_ttl_ms": 0, "fresh": false,
        });
        let headers = recorder.run(&call).ok().and_then(headers_of).expect("headers");
        let request = HttpRequest {
            method: "GET".into(),
            url: url.into(),
            headers,
            body: "".into(),
        };
        let Input::Http { response } = http::send(&request) else {
            panic!("no answer")
        };
        if recorder.seen(url, &response, tries) == "pass" {
            assert_eq!(response.status, 200);
            return;
        }
    }
    panic!("asked again and again");
}

fn sign_in_to_logout(server: &Server) -> Recorder {
    let device = Device::new(config(&server.issuer));
    let mut recorder = Recorder::new(&device, "The whole way: sign-in, an API, a refresh, sign-out.");
    let url = begin(&mut recorder);
    let back = server.browser().allow(&url);
    recorder.run(&redirect(&back)).expect("signed in");
    recorder.run(&json!({ "type": "accounts" })).expect("one");
    recorder
        .run(&json!({ "type": "id_claims", "account": null }))
        .expect("claims");
    call_api(&mut recorder, &format!("{}/userinfo", server.issuer));
    recorder.run(&fresh()).expect("a token");
    recorder.restart();
    recorder.run(&fresh()).expect("a token");
    recorder
        .run(&json!({ "type": "end_session_url", "account": null, "then": null, "state": "s" }))
        .expect("a URL");
    recorder
        .run(&json!({ "type": "logout", "account": null, "mode": "session_and_browser" }))
        .expect("gone");
    recorder
}

fn sign_in_killed(server: &Server) -> Recorder {
    let device = Device::new(config(&server.issuer));
    let mut recorder = Recorder::new(
        &device,
        "Killed after the account was stored: a fresh process finishes with the same redirect.",
    );
    let url = begin(&mut recorder);
    let back = server.browser().allow(&url);
    recorder.restart();
    let mut stored = false;
    let mut effects = 0;
    // How many effects there are until the account is there is found with a copy of the device.
    let rehearsal = Device::new(config(&server.issuer));
    let mut copy = Recorder::new(&rehearsal, "");
    let there = server.browser().allow(&begin(&mut copy));
    let _all = copy.run_with(&redirect(&there), usize::MAX, &mut |effect| {
        effects += usize::from(!stored);
        stored |= matches!(effect, Effect::Put { key, .. } if key.starts_with("account/"));
        None
    });
    let killed = recorder.run_with(&redirect(&back), effects, &mut |_| None);
    assert!(killed.is_none());
    recorder.restart();
    recorder.run(&redirect(&back)).expect("signed in");
    recorder.run(&fresh()).expect("a token");
    recorder
}

fn sign_in_refused(server: &Server) -> Recorder {
    let device = Device::new(config(&server.issuer));
    let mut recorder = Recorder::new(
        &device,
        "The person says no, and gives up the next one in the browser.",
    );
    let url = begin(&mut recorder);
    let back = server.browser().allow(&url);
    let (uri, query) = back.split_once('?').expect("a query");
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("code="))
        .collect();
    let no = format!(
        "{uri}?error=access_denied&error_description=No%07thanks&{}",
        kept.join("&")
    );
    recorder.run(&redirect(&no)).expect_err("denied");
    let again =
        recorder.run(&json!({ "type": "begin", "login_hint": "alice@example.com", "prompt": "login" }));
    let Ok(Outcome::AuthorizationReady { ready }) = again else {
        panic!("{again:?}")
    };
    recorder
        .run(&json!({ "type": "cancel", "flow_id": ready.flow_id }))
        .expect("forgotten");
    recorder
}

fn redirects_forged(server: &Server) -> Recorder {
    let device = Device::new(config(&server.issuer));
    let mut recorder = Recorder::new(
        &device,
        "No forged redirect is taken, and the right one still is.",
    );
    let url = begin(&mut recorder);
    let back = server.browser().allow(&url);
    let forged = [
        back.replace("/callback", "/other"),
        back.replace("state=", "state=x"),
        back.replace("iss=", "iss=https%3A%2F%2Fevil.example&not="),
        format!("{back}&code=again"),
        "http://127.0.0.1/callback".to_owned(),
    ];
    for url in forged {
        recorder.run(&redirect(&url)).expect_err("forged");
    }
    recorder.run(&redirect(&back)).expect("signed in");
    recorder.run(&redirect(&back)).expect_err("a second time");
    recorder
}

/// Alice is signed in on it already.
fn with_session(server: &Server, about: &'static str) -> (Arc<Device>, Recorder) {
    let device = signed_in(server);
    let recorder = Recorder::new(&device, about);
    (device, recorder)
}

fn refresh_answer_lost(server: &Server) -> Recorder {
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

fn refresh_write_fails(server: &Server) -> Recorder {
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

fn refresh_another_was_faster(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(
        server,
        "Another process rotates while the answer is on its way: the write conflicts, and what is stored is used.",
    );
    let mut raced = false;
    let done = recorder.run_with(&fresh(), usize::MAX, &mut |effect| {
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
    assert!(
        raced && matches!(done, Some(Ok(Outcome::Token { .. }))),
        "{done:?}"
    );
    recorder
}

fn server_asks_for_patience(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(server, "A busy server is left alone for as long as it says.");
    device.wire(|_| Input::Http {
        response: HttpResponse {
            status: 429,
            headers: vec![postern_mobile_core::Header {
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

fn device_locked(server: &Server) -> Recorder {
    let (device, mut recorder) =
        with_session(server, "A locked device has a session that cannot be read yet.");
    device.store.breaks(true, Some(HookError::Locked));
    recorder.run(&fresh()).expect_err("locked");
    recorder.run(&json!({ "type": "accounts" })).expect_err("locked");
    device.store.breaks(true, None);
    recorder.run(&fresh()).expect("a token");
    recorder
}

fn key_lost(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(server, "A key that is gone ends its session, once.");
    device.keys.lose();
    recorder.run(&fresh()).expect_err("no key");
    recorder.run(&fresh()).expect_err("nobody");
    recorder
}

fn logout_offline(server: &Server) -> Recorder {
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

fn adopt(server: &Server) -> Recorder {
    let mut old = config(&server.issuer);
    old.client_id = "old".into();
    old.dpop = DpopPolicy::Off;
    let before = Device::new(old.clone());
    before.app().sign_in(&mut server.browser());
    let records = before.store.records();
    let (_, value) = records
        .iter()
        .find(|(key, _)| key.starts_with("account/"))
        .expect("one");
    let record: Value = serde_json::from_slice(value).expect("JSON");
    old.dpop = DpopPolicy::Required;
    let mut recorder = Recorder::new(
        &Device::new(old),
        "What another SDK has stored is taken over once; the session stays a bearer session.",
    );
    let call = json!({
        "type": "adopt", "refresh_token": record["refresh_token"], "id_token": record["id_token"],
    });
    recorder.run(&call).expect("taken over");
    recorder.run(&fresh()).expect("a token");
    recorder.restart();
    recorder.run(&call).expect("there already");
    recorder
}
