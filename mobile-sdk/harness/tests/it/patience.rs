//! Servers that have too much to do.

use std::sync::atomic::Ordering;

use postern_mobile_core::{Action, AuthorizeParams, Effect, ErrorCode, Input, Outcome, Want};
use postern_mobile_harness::{
    device::Kill,
    fake::{Fake, answer, answer_with, no},
};
use serde_json::json;

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    // Seconds, a date that has passed, nonsense, and far too long.
    let hour = 3_600_000;
    let cases = [
        (429, "120", 120_000, 150_000),
        (503, "120", 120_000, 150_000),
        (429, "Sun, 06 Nov 1994 08:49:37 GMT", 1000, 1250),
        (429, "-1", 5000, 6250),
        (429, "soon", 5000, 6250),
        (429, "999999999999999999999", 5000, 6250),
        (429, "9999999999", hour, hour + hour / 4),
    ];
    for (status, says, least, most) in cases {
        let server = Fake::default();
        let device = server.signed_in();
        server.instead(move |path, _| {
            (path == "token").then(|| answer_with(status, &[("Retry-After", says)], &json!({})))
        });
        let app = device.app();
        let error = app.refresh().expect_err("patience");
        let code = if status == 429 {
            ErrorCode::RateLimited
        } else {
            ErrorCode::ServerUnavailable
        };
        assert_eq!((error.code, error.action), (code, Action::RetryLater), "{says}");
        let wait = error.retry_after_ms.expect("when");
        assert!((least..=most).contains(&wait), "{says}: {wait}");

        // Until then nobody asks, however often an app wants a token.
        server.as_ever();
        let asked = server.asked("token");
        for _ in 0..50 {
            let error = app.refresh().expect_err("still");
            assert_eq!(error.code, ErrorCode::RateLimited);
        }
        assert_eq!(server.asked("token"), asked, "{says}");
        // What is at hand is given all the same.
        assert!(app.run(app.core.access_token(None, Want::default())).is_ok());
        device
            .passed
            .fetch_add(i64::try_from(wait).expect("fits"), Ordering::Relaxed);
        assert!(app.refresh().is_ok(), "{says}");
    }
}

/// A date is one of the server's, whatever the device thinks that it is.
#[test]
fn a_date_to_come_back_at_is_reckoned_from_the_servers_clock() {
    let now = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (says, least) in [
        ("Sun, 06 Nov 1994 08:51:37 GMT", 120_000),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 1000),
        ("Mon, 01 Jan 9999 00:00:00 GMT", 3_600_000),
    ] {
        let server = Fake::default();
        let device = server.signed_in();
        server.instead(move |path, _| {
            let headers = [("Date", now), ("Retry-After", says)];
            (path == "token").then(|| answer_with(429, &headers, &json!({})))
        });
        let wait = device.app().refresh().expect_err("patience").retry_after_ms;
        let wait = wait.expect("when");
        assert!((least..=least + least / 4).contains(&wait), "{says}: {wait}");
    }
}

#[test]
fn three_processes_ask_a_busy_server_once_each() {
    let server = Fake::default();
    let device = server.signed_in();
    let asked = server.asked("token");
    server
        .instead(|path, _| (path == "token").then(|| answer_with(503, &[("Retry-After", "60")], &json!({}))));
    let apps = [device.app(), device.app(), device.app()];
    for _ in 0..20 {
        for app in &apps {
            assert!(app.refresh().is_err());
        }
    }
    assert_eq!(server.asked("token") - asked, 3);
}

#[test]
fn those_who_wait_do_not_come_back_at_once() {
    let server = Fake::default();
    let waits: Vec<u64> = (0..12)
        .map(|_| {
            let server = server.clone();
            server.as_ever();
            let device = server.signed_in();
            server.instead(|path, _| {
                (path == "token").then(|| answer_with(429, &[("Retry-After", "60")], &json!({})))
            });
            let error = device.app().refresh().expect_err("patience");
            error.retry_after_ms.expect("when")
        })
        .collect();
    let mut different = waits.clone();
    different.sort_unstable();
    different.dedup();
    assert!(different.len() > 3, "{waits:?}");
}

#[test]
fn nobody_waits_for_another_device_faster_than_the_clock() {
    // A sleep hook that fails must not become requests without a pause.
    let server = Fake::default();
    server.instead(|path, _| match path {
        ".well-known/openid-configuration" => Some(answer(
            200,
            &json!({
                "issuer": "http://localhost:1",
                "authorization_endpoint": "http://localhost:1/authorize",
                "token_endpoint": "http://localhost:1/token",
                "pushed_authorization_request_endpoint": "http://localhost:1/par",
                "device_authorization_endpoint": "http://localhost:1/device",
                "code_challenge_methods_supported": ["S256"],
                "dpop_signing_alg_values_supported": ["ES256"],
            }),
        )),
        "device" => Some(answer(
            200,
            &json!({ "device_code": "canary-device", "user_code": "ABCD", "verification_uri": "http://localhost:1/go" }),
        )),
        "token" => Some(no("authorization_pending")),
        _ => None,
    });
    let device = server.device();
    let app = device.app();
    let Ok(Outcome::DeviceReady { ready }) = app.run(app.core.begin_device(AuthorizeParams::default()))
    else {
        panic!("no code")
    };
    let (done, _) = app.run_with(app.core.poll_device(ready.flow_id), Kill::Never, |_, effect| {
        matches!(effect, Effect::Sleep { .. }).then_some(Input::Failed {
            error: postern_mobile_core::HookError::Unknown,
        })
    });
    let asked = server.asked("token");
    assert!(done.is_err());
    assert_eq!(asked, 0);
}
