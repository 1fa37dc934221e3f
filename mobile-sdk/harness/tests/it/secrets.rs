//! No secret is in anything that a host may log: events, errors, and what `Debug` prints of all that crosses the border.

use std::sync::Mutex;

use postern_mobile_core::{
    Answer, AuthorizeParams, Effect, Header, HttpResponse, Input, LogoutMode, Next, Operation, Outcome, Want,
};
use postern_mobile_harness::{
    device::{App, fresh},
    fake::{Fake, answer_with},
};
use serde_json::json;

/// All that was printed, and the values that were drawn on the way.
#[derive(Default)]
struct Seen {
    printed: Mutex<Vec<String>>,
    markers: Mutex<Vec<String>>,
}

impl Seen {
    fn print(&self, thing: &impl std::fmt::Debug) {
        let mut printed = self.printed.lock().expect("one thread");
        printed.push(format!("{thing:?}"));
        printed.push(format!("{thing:#?}"));
    }

    /// Runs an operation and prints each thing that crosses.
    fn run(&self, app: &App, mut operation: Operation) -> Next {
        let mut answer: Option<Answer> = None;
        loop {
            self.print(&answer);
            let step = operation.step(answer.take(), &app.device.now());
            self.print(&step);
            let (id, effect) = match step.next {
                Next::Need { id, effect } => (id, effect),
                end => return end,
            };
            if let Effect::Put { key, value, .. } = &effect
                && key.starts_with("pending/")
            {
                let record: serde_json::Value = serde_json::from_slice(value.bytes()).expect("JSON");
                let texts = ["state", "nonce", "verifier"].map(|name| record[name].as_str().expect("text"));
                self.markers
                    .lock()
                    .expect("one thread")
                    .extend(texts.map(str::to_owned));
            }
            let input = app.device.perform(&effect);
            answer = Some(Answer { id, input });
        }
    }

    fn check(&self) {
        let printed = self.printed.lock().expect("one thread").join("\n");
        assert!(printed.len() > 10_000, "something was printed");
        for marker in self
            .markers
            .lock()
            .expect("one thread")
            .iter()
            .map(String::as_str)
            .chain(["canary"])
        {
            let hit = printed.find(marker);
            assert!(
                hit.is_none(),
                "{marker}: ..{}..",
                hit.map_or("", |at| &printed[at.saturating_sub(300)..at + 40])
            );
        }
    }
}

#[test]
fn no_secret_is_printed_on_any_way() {
    let server = Fake::default();
    let device = server.device_with(|config| config.par = postern_mobile_core::ParPolicy::Off);
    let app = device.app();
    let seen = Seen::default();
    let ready = match seen.run(&app, app.core.begin(AuthorizeParams::default())) {
        Next::Done {
            outcome: Outcome::AuthorizationReady { ready },
        } => ready,
        other => panic!("{other:?}"),
    };
    let back = server.browse(&ready.url);
    assert!(back.contains("canary"));
    seen.run(&app, app.core.handle_redirect(back.as_str().into()));
    seen.run(&app, app.core.access_token(None, fresh()));
    seen.run(&app, app.core.id_claims(None));
    let url = "https://api.example/".to_owned();
    let headers = seen.run(
        &app,
        app.core
            .authorize_request(None, "GET".into(), url, Want::default()),
    );
    seen.print(&headers);
    seen.print(&app.core.cached_token(None, &Want::default(), &device.now()));
    seen.run(&app, app.core.end_session_url(None, None, Some("x".into())));
    seen.run(&app, app.core.logout(None, LogoutMode::SessionAndBrowser));
    seen.run(&app, app.core.handle_redirect(back.as_str().into()));
    assert!(seen.markers.lock().expect("one thread").len() >= 3);
    seen.check();
}

/// A server that says everything back, in `error_description` and in every header.
#[test]
fn what_a_server_echoes_is_not_printed_either() {
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let seen = Seen::default();
    server.sign_in(&app);
    for error in [
        "invalid_request",
        "invalid_dpop_proof",
        "use_dpop_nonce",
        "slow_down",
    ] {
        for status in [400, 401, 403, 429, 500] {
            server.instead(move |path, request| {
                let said = format!("you sent {} and {:?}", request.body.text(), request.headers);
                let token = request
                    .body
                    .text()
                    .split('&')
                    .find(|pair| pair.starts_with("refresh_token"));
                let token = token.unwrap_or_default().to_owned();
                (path == "token").then(|| {
                    answer_with(
                        status,
                        &[("DPoP-Nonce", "n"), ("WWW-Authenticate", said.as_str())],
                        &json!({ "error": error, "error_description": format!("{token} {said}") }),
                    )
                })
            });
            seen.run(&app, app.core.access_token(None, fresh()));
            device
                .passed
                .fetch_add(3_600_000, std::sync::atomic::Ordering::Relaxed);
        }
    }
    server.as_ever();
    assert!(app.refresh().is_ok(), "and none of it was the end");
    // In the redirect.
    let back = server.browse(&app.begin());
    let state = back.split("state=").nth(1).expect("state").to_owned();
    let code = back
        .split("code=")
        .nth(1)
        .expect("code")
        .split('&')
        .next()
        .expect("code")
        .to_owned();
    let forged = format!(
        "http://127.0.0.1/callback?error=access_denied&error_description={code}{code}{code}&state={state}"
    );
    seen.markers.lock().expect("one thread").extend([state, code]);
    seen.run(&app, app.core.handle_redirect(forged.as_str().into()));
    seen.print(&Input::Http {
        response: HttpResponse {
            status: 200,
            headers: vec![Header {
                name: "Set-Cookie".into(),
                value: "canary".into(),
            }],
            body: "canary".into(),
        },
    });
    seen.check();
}
