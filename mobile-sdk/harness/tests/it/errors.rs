//! `docs/ERRORS.md` is what app developers go by: it has the number and the action of each error, and each can come.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{
    Action, Answer, AttestationPolicy, AuthorizeParams, Config, Effect, ErrorCode, Header, HookError,
    HttpFailure, Input, Next, SdkError, Verdict, Want,
};
use postern_mobile_harness::{
    device::{App, Device, End, Kill, fresh},
    fake::{Fake, ISSUER, answer, no},
};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../../docs/ERRORS.md");

#[test]
fn the_table_of_errors_is_the_enum() {
    let rows: Vec<&str> = DOCUMENT.lines().filter(|line| line.starts_with("| 1")).collect();
    for code in ErrorCode::ALL {
        let row = format!(
            "| {} | `{}` | `{:?}` | ",
            code.number(),
            code.name(),
            code.action()
        );
        assert_eq!(
            rows.iter().filter(|line| line.starts_with(&row)).count(),
            1,
            "{row}"
        );
        let action = format!("| `{:?}` | ", code.action());
        assert!(DOCUMENT.lines().any(|line| line.starts_with(&action)), "{action}");
    }
    assert_eq!(rows.len(), ErrorCode::ALL.len());
}

#[test]
fn each_error_can_come() {
    let mut actions = BTreeSet::new();
    for code in ErrorCode::ALL {
        let error = raised(*code);
        assert_eq!((error.code, error.number), (*code, code.number()));
        assert_eq!(error.action, code.action(), "{code:?}");
        actions.insert(format!("{:?}", error.action));
    }
    // What is asked of a session that lives.
    let cancelled = of_a_session(HookError::Cancelled);
    assert_eq!(
        (cancelled.code, cancelled.action),
        (ErrorCode::UserCancelled, Action::Unlock)
    );
    actions.insert(format!("{:?}", cancelled.action));
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeSet<String> = rows
        .filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect();
    assert_eq!(actions, documented, "each action can come too");
}

fn failed<T: std::fmt::Debug>(done: Result<T, End>) -> SdkError {
    match done {
        Err(End::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The browser comes back like this.
fn redirect(change: impl FnOnce(&str) -> String) -> SdkError {
    let server = Fake::default();
    let app = server.device().app();
    let back = change(&server.browse(&app.begin()));
    app.run(app.core.handle_redirect(back.as_str().into()))
        .expect_err("refused")
}

/// The code is redeemed, and this is the answer.
fn redeem(answer: Input) -> SdkError {
    let server = Fake::default();
    let app = server.device().app();
    let back = server.browse(&app.begin());
    server.instead(move |path, _| (path == "token").then(|| answer.clone()));
    app.run(app.core.handle_redirect(back.as_str().into()))
        .expect_err("refused")
}

fn tokens(claims: &Value, more: Value) -> Input {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let id_token = format!("{}.{}.x", part(&json!({ "alg": "ES256" })), part(claims));
    let mut body = json!({ "access_token": "canary", "token_type": "DPoP", "id_token": id_token });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    answer(200, &body)
}

/// An ID token of which one thing is wrong.
fn id_token(name: &str, wrong: Value) -> SdkError {
    let mut claims =
        json!({ "iss": ISSUER, "aud": "app", "sub": "alice", "iat": 0, "exp": 9_999_999_999_u64 });
    claims[name] = wrong;
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let back = server.browse(&app.begin());
    if name != "nonce" {
        claims["nonce"] = device.store.record("pending/")["nonce"].clone();
    }
    server.instead(move |path, _| {
        let Input::Http { mut response } = tokens(&claims, Value::Null) else {
            return None;
        };
        response.headers.push(Header {
            name: "Date".to_owned(),
            value: "Sun, 22 Nov 2026 12:00:00 GMT".into(),
        });
        (path == "token").then_some(Input::Http { response })
    });
    app.run(app.core.handle_redirect(back.as_str().into()))
        .expect_err("refused")
}

/// A refresh after something has happened.
fn refresh(happens: impl FnOnce(&Fake, &Arc<Device>)) -> SdkError {
    let server = Fake::default();
    let device = server.signed_in();
    happens(&server, &device);
    device.app().refresh().expect_err("no token")
}

/// The token endpoint says no.
fn refresh_refused(status: u16, error: &'static str) -> SdkError {
    refresh(|server, _| {
        server.instead(move |path, _| (path == "token").then(|| answer(status, &json!({ "error": error }))));
    })
}

/// The first read of a refresh is answered like this.
fn read(input: Input) -> SdkError {
    let app = Fake::default().signed_in().app();
    let account = app.device.store.names("account/").remove(0);
    let account = account.strip_prefix("account/").map(str::to_owned);
    let mut input = Some(input);
    let (done, _) = app.run_with(
        app.core.access_token(account, fresh()),
        Kill::Never,
        |_, effect| {
            matches!(effect, Effect::Get { .. })
                .then(|| input.take())
                .flatten()
        },
    );
    failed(done)
}

/// The device's prompt for a signature fails.
fn of_a_session(error: HookError) -> SdkError {
    let app = Fake::default().signed_in().app();
    let (done, _) = app.run_with(app.core.access_token(None, fresh()), Kill::Never, |_, effect| {
        matches!(effect, Effect::Sign { .. }).then_some(Input::Failed { error })
    });
    assert!(app.refresh().is_ok(), "the session lives");
    failed(done)
}

/// The server's document with a change.
fn discover(change: impl FnOnce(&mut Value)) -> SdkError {
    let mut document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "pushed_authorization_request_endpoint": format!("{ISSUER}/par"),
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ["ES256"],
    });
    change(&mut document);
    let server = Fake::default();
    server.instead(move |path, _| path.starts_with(".well-known").then(|| answer(200, &document)));
    begin(&server.device().app())
}

fn begin(app: &App) -> SdkError {
    app.run(app.core.begin(AuthorizeParams::default()))
        .expect_err("refused")
}

fn device_with(change: impl FnOnce(&mut Config)) -> SdkError {
    begin(&Fake::default().device_with(change).app())
}

/// A new variant does not compile before it has its way here.
fn raised(code: ErrorCode) -> SdkError {
    match code.number() / 100 {
        10 | 11 => raised_by_redirects(code),
        12 => raised_by_tokens(code),
        13 | 14 => raised_by_sessions(code),
        _ => raised_by_others(code),
    }
}

fn raised_by_redirects(code: ErrorCode) -> SdkError {
    match code {
        ErrorCode::UserCancelled => {
            let server = Fake::default();
            let app = server.device().app();
            let back = server.browse(&app.begin());
            let operation = app.core.handle_redirect(back.as_str().into());
            let (done, _) = app.run_with(operation, Kill::Never, |_, effect| {
                matches!(effect, Effect::Sign { .. }).then_some(Input::Failed {
                    error: HookError::Cancelled,
                })
            });
            failed(done)
        }
        ErrorCode::AccessDenied => redirect(|back| back.replace("code=", "error=access_denied&x=")),
        ErrorCode::SignInFailed => redirect(|back| back.replace("code=", "error=odd&x=")),
        ErrorCode::RedirectAlreadyUsed => {
            let server = Fake::default();
            let device = server.device();
            let app = device.app();
            let back = server.browse(&app.begin());
            let operation = || device.app().core.handle_redirect(back.as_str().into());
            // Killed after it has said that the code is on its way.
            let _killed = app.run_until(operation(), Kill::After(1));
            app.run(operation()).expect_err("used")
        }
        ErrorCode::CodeRefused => redeem(no("invalid_grant")),
        ErrorCode::DeviceCodeExpired => {
            let app = Fake::default().device().app();
            let polled = app.run(app.core.poll_device("none".to_owned()));
            polled.expect_err("none waits")
        }
        ErrorCode::RedirectStateUnknown => redirect(|back| back.replace("state=", "state=x")),
        ErrorCode::RedirectStateExpired => {
            let server = Fake::default();
            let device = server.device();
            let app = device.app();
            let back = server.browse(&app.begin());
            device.passed.fetch_add(3_600_001, Ordering::Relaxed);
            let late = app.run(app.core.handle_redirect(back.as_str().into()));
            late.expect_err("too late")
        }
        ErrorCode::RedirectIssMissing => {
            let server = Fake::default();
            let behind = server.clone();
            let device = server.device();
            device.wire(move |request| {
                let mut input = behind.send(request);
                if let Input::Http { response } = &mut input
                    && request.url.contains(".well-known")
                {
                    let says = "{\"authorization_response_iss_parameter_supported\":true,";
                    response.body = response.body.text().replacen('{', says, 1).into();
                }
                input
            });
            let app = device.app();
            let back = server.browse(&app.begin());
            let without = app.run(app.core.handle_redirect(back.as_str().into()));
            without.expect_err("no iss")
        }
        ErrorCode::RedirectIssMismatch => redirect(|back| format!("{back}&iss=https%3A%2F%2Fevil.example")),
        ErrorCode::RedirectDuplicateParam => redirect(|back| format!("{back}&code=x")),
        ErrorCode::RedirectWrongUri => redirect(|back| back.replace("/callback", "/elsewhere")),
        ErrorCode::RedirectMalformed => redirect(|back| format!("{back}#x")),
        other => unreachable!("{other:?}"),
    }
}

fn raised_by_tokens(code: ErrorCode) -> SdkError {
    match code {
        ErrorCode::IdTokenMalformed => id_token("sub", json!(7)),
        ErrorCode::IdTokenIssuer => id_token("iss", json!("https://evil.example")),
        ErrorCode::IdTokenAudience => id_token("aud", json!(["another"])),
        ErrorCode::IdTokenTime => id_token("exp", json!(1)),
        ErrorCode::IdTokenNonce => id_token("nonce", json!("another")),
        ErrorCode::IdTokenAccessTokenHash => id_token("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ErrorCode::IdTokenSubject => {
            let error = refresh(|server, _| {
                let claims = json!({ "iss": ISSUER, "aud": "app", "sub": "mallory", "iat": 0, "exp": 9_999_999_999_u64 });
                server.instead(move |path, _| (path == "token").then(|| tokens(&claims, Value::Null)));
            });
            // It comes in a refresh only, whose session lives.
            assert_eq!(error.action, Action::Report);
            SdkError {
                action: code.action(),
                ..error
            }
        }
        ErrorCode::TokenTypeDowngrade => redeem(tokens(&json!({}), json!({ "token_type": "Bearer" }))),
        other => unreachable!("{other:?}"),
    }
}

fn raised_by_sessions(code: ErrorCode) -> SdkError {
    match code {
        ErrorCode::SessionRevoked => refresh(|server, _| server.end_all()),
        ErrorCode::KeyLost => refresh(|_, device| device.keys.lose()),
        ErrorCode::NoSuchAccount => Fake::default().device().app().refresh().expect_err("nobody"),
        ErrorCode::StepUpRequired => {
            let app = Fake::default().signed_in().app();
            let challenge = [Header {
                name: "WWW-Authenticate".to_owned(),
                value: "DPoP error=\"insufficient_user_authentication\", max_age=60".into(),
            }];
            let (url, now) = ("https://api.example/", app.device.now());
            let verdict = app.core.response_seen(None, url, 401, &challenge, 0, &now);
            assert_eq!(verdict, Verdict::StepUp);
            // What a driver makes of it.
            code.into()
        }
        ErrorCode::StorageCorrupt => refresh(|_, device| {
            let name = device.store.names("account/").remove(0);
            device.store.records().insert(name, b"{".to_vec());
        }),
        ErrorCode::NoRefreshToken => refresh(|_, device| {
            let mut record = device.store.record("account/");
            record["refresh_token"] = Value::Null;
            let name = device.store.names("account/").remove(0);
            device
                .store
                .records()
                .insert(name, record.to_string().into_bytes());
        }),
        ErrorCode::Offline => refresh(|_, device| {
            device.wire(|_| Input::HttpFailed {
                failure: HttpFailure::NotSent,
            });
        }),
        ErrorCode::NoAnswer => refresh(|_, device| {
            device.wire(|_| Input::HttpFailed {
                failure: HttpFailure::Ambiguous,
            });
        }),
        ErrorCode::ServerUnavailable => refresh_refused(500, "server_error"),
        ErrorCode::RateLimited => refresh_refused(429, "slow_down"),
        ErrorCode::StorageUnavailable => refresh(|_, device| device.store.breaks(true, Some(HookError::Io))),
        ErrorCode::Busy => {
            let app = Fake::default().signed_in().app();
            let (done, _) = app.run_with(app.core.access_token(None, fresh()), Kill::Never, |_, effect| {
                matches!(effect, Effect::Put { .. }).then_some(Input::Conflict)
            });
            failed(done)
        }
        ErrorCode::ReadOnly => {
            let device = Fake::default().signed_in();
            device.widget().refresh().expect_err("not by a widget")
        }
        ErrorCode::HookTimeout => read(Input::Failed {
            error: HookError::Timeout,
        }),
        other => unreachable!("{other:?}"),
    }
}

fn raised_by_others(code: ErrorCode) -> SdkError {
    match code {
        ErrorCode::DeviceLocked => refresh(|_, device| device.store.breaks(true, Some(HookError::Locked))),
        ErrorCode::StorageTooNew => refresh(|_, device| {
            let mut record = device.store.record("account/");
            record["schema"] = 2.into();
            let name = device.store.names("account/").remove(0);
            device
                .store
                .records()
                .insert(name, record.to_string().into_bytes());
        }),
        ErrorCode::UpdateRequired => refresh_refused(400, "update_required"),
        ErrorCode::DeviceNotTrusted => {
            let app = Fake::default()
                .device_with(|config| config.require_hardware_key = true)
                .app();
            let begun = app.core.begin(AuthorizeParams::default());
            let (done, _) = app.run_with(begun, Kill::Never, |_, effect| {
                matches!(effect, Effect::KeyEnsure { .. }).then_some(Input::Failed {
                    error: HookError::Unavailable,
                })
            });
            assert!(app.device.store.names("pending/").is_empty());
            failed(done)
        }
        ErrorCode::AttestationUnavailable => {
            device_with(|config| config.attestation = AttestationPolicy::Required)
        }
        ErrorCode::ClientRejected => refresh_refused(401, "invalid_client"),
        ErrorCode::RequestRejected => refresh_refused(400, "invalid_request"),
        ErrorCode::ScopeOrResourceRejected => refresh_refused(400, "invalid_target"),
        ErrorCode::InvalidArgument => {
            let app = Fake::default().signed_in().app();
            let want = Want {
                scopes: Some(vec!["a b".to_owned()]),
                ..Want::default()
            };
            app.run(app.core.access_token(None, want)).expect_err("no scope")
        }
        ErrorCode::NotSupported => {
            let app = Fake::default().device().app();
            let begun = app.run(app.core.begin_device(AuthorizeParams::default()));
            begun.expect_err("no endpoint")
        }
        ErrorCode::DiscoveryMalformed => discover(|document| document["token_endpoint"] = json!(7)),
        ErrorCode::DiscoveryIssuerMismatch => {
            discover(|document| document["issuer"] = "https://x.example".into())
        }
        ErrorCode::DiscoveryInsecureEndpoint => {
            discover(|document| document["token_endpoint"] = "http://x.example/token".into())
        }
        ErrorCode::DiscoveryNoPkce => {
            discover(|document| document["code_challenge_methods_supported"] = json!(["plain"]))
        }
        ErrorCode::DiscoveryNoDpop => {
            discover(|document| document["dpop_signing_alg_values_supported"] = json!(["RS256"]))
        }
        ErrorCode::DiscoveryNoPar => {
            discover(|document| document["pushed_authorization_request_endpoint"] = Value::Null)
        }
        ErrorCode::ProofRejected => refresh_refused(400, "use_dpop_nonce"),
        ErrorCode::HookMisbehaved => read(Input::LockHeld),
        ErrorCode::OutOfOrder => {
            let app = Fake::default().signed_in().app();
            let mut operation = app.core.access_token(None, fresh());
            let answer = Answer {
                id: 7,
                input: Input::Done,
            };
            match operation.step(Some(answer), &app.device.now()).next {
                Next::Failed { error } => error,
                other => panic!("{other:?}"),
            }
        }
        // A bug: nobody knows one.
        ErrorCode::Internal => code.into(),
        other => unreachable!("{other:?}"),
    }
}
