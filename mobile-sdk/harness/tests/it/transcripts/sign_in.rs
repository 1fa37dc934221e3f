//! Sign-ins, and what somebody may have made of them.

use postern_mobile_core::{Effect, HttpRequest, Input, Outcome};
use postern_mobile_harness::{
    device::{Device, config},
    http,
    server::Server,
    transcript::{Recorder, headers_of},
};
use serde_json::json;

use super::{begin, fresh, redirect};

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

pub(super) fn to_logout(server: &Server) -> Recorder {
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

pub(super) fn killed(server: &Server) -> Recorder {
    let device = Device::new(config(&server.issuer));
    let mut recorder = Recorder::new(
        &device,
        "Killed after the account was stored: a fresh process finishes with the same redirect.",
    );
    let url = begin(&mut recorder);
    let back = server.browser().allow(&url);
    recorder.restart();
    recorder.kill_after(
        &redirect(&back),
        &mut |effect, _| matches!(effect, Effect::Put { key, .. } if key.starts_with("account/")),
    );
    recorder.run(&redirect(&back)).expect("signed in");
    recorder.run(&fresh()).expect("a token");
    recorder
}

pub(super) fn refused(server: &Server) -> Recorder {
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

pub(super) fn redirects_forged(server: &Server) -> Recorder {
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
