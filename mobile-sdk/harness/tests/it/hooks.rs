//! Hooks that answer with garbage: an error with a code, never a panic, never an operation without an end, and no session
//! that is over because of it unless the hook says that its key or record is gone.

use std::sync::Arc;

use postern_mobile_core::{
    Action, Answer, AuthorizeParams, Effect, ErrorCode, Evidence, Header, HookError, HttpFailure,
    HttpResponse, Input, KeyInfo, KeyLevel, LogoutMode, Next, Operation, Outcome, Want,
};
use postern_mobile_harness::{
    device::{App, Device, Kill, fresh},
    fake::Fake,
};

/// All that a hook can say, right for some effect or for none.
fn garbage() -> Vec<Input> {
    let mut all: Vec<Input> = [
        HookError::Locked,
        HookError::NotFound,
        HookError::Cancelled,
        HookError::KeyLost,
        HookError::Corrupt,
        HookError::Io,
        HookError::Timeout,
        HookError::Unavailable,
        HookError::Unknown,
    ]
    .map(|error| Input::Failed { error })
    .to_vec();
    let key = |len| KeyInfo {
        x: vec![0xff; len],
        y: vec![0; len],
        level: KeyLevel::Tee,
    };
    let response = |status, body: &[u8]| Input::Http {
        response: HttpResponse {
            status,
            headers: ["Date", "DPoP-Nonce", "Retry-After", "WWW-Authenticate"]
                .map(|name| Header {
                    name: name.to_owned(),
                    value: vec![0xc3, 0x28, b'"', 0].into(),
                })
                .to_vec(),
            body: body.to_vec().into(),
        },
    };
    all.extend([
        Input::HttpFailed {
            failure: HttpFailure::NotSent,
        },
        Input::HttpFailed {
            failure: HttpFailure::Ambiguous,
        },
        response(0, b""),
        response(200, &[0xff; 100]),
        response(200, &b"[".repeat(100_000)),
        response(400, b"{\"error\":\"\"}"),
        response(65535, b"{}"),
        Input::Value {
            value: vec![0xff, 0].into(),
            version: 0,
        },
        Input::Value {
            value: "{\"schema\":1}".into(),
            version: i64::MIN,
        },
        Input::Absent,
        Input::Stored { version: 0 },
        Input::Stored { version: i64::MIN },
        Input::Conflict,
        Input::Keys {
            keys: vec![
                String::new(),
                "account/".to_owned(),
                "pending/\u{202e}".to_owned(),
            ],
        },
        Input::LockHeld,
        Input::LockTimeout,
        Input::Key { key: key(32) },
        Input::Key { key: key(0) },
        Input::Key { key: key(33) },
        Input::Signature { signature: vec![] },
        Input::Signature {
            signature: vec![7; 64],
        },
        Input::Signature {
            signature: vec![0x30; 1000],
        },
        Input::Attested {
            evidence: Evidence {
                attestation: "".into(),
                proof: "".into(),
            },
        },
        Input::Random { bytes: vec![].into() },
        Input::Random {
            bytes: vec![0; 1 << 16].into(),
        },
        Input::Done,
    ]);
    all
}

/// What a hook says when the thing itself is gone, or never was there: the core believes it.
fn says_gone(effect: &Effect, input: &Input) -> bool {
    match effect {
        Effect::Sign { .. } => matches!(
            input,
            Input::Failed {
                error: HookError::KeyLost | HookError::NotFound
            }
        ),
        Effect::Get { .. } => matches!(
            input,
            Input::Failed {
                error: HookError::Corrupt
            } | Input::Value { .. }
                | Input::Absent
        ),
        Effect::Keys { .. } => matches!(input, Input::Keys { .. }),
        _ => false,
    }
}

/// A host that never tires: an operation has to end by itself.
const MOST: usize = 400;

struct Case {
    server: Fake,
    device: Arc<Device>,
}

impl Case {
    fn new() -> Self {
        let server = Fake::default();
        let device = server.signed_in();
        Self { server, device }
    }
}

type Begin = fn(&App, &Case) -> Operation;

const BEGINNINGS: [(&str, Begin); 8] = [
    ("begin", |app, _| app.core.begin(AuthorizeParams::default())),
    ("redirect", |app, case| {
        let back = case.server.browse(&case.device.app().begin());
        app.core.handle_redirect(back.as_str().into())
    }),
    ("token", |app, _| app.core.access_token(None, fresh())),
    ("request", |app, _| {
        let url = "https://api.example/".to_owned();
        app.core
            .authorize_request(None, "GET".into(), url, Want::default())
    }),
    ("logout", |app, _| {
        app.core.logout(None, LogoutMode::SessionAndBrowser)
    }),
    ("accounts", |app, _| app.core.accounts()),
    ("exchange", |app, _| {
        app.core.exchange(
            None,
            postern_mobile_core::ExchangeParams {
                audience: None,
                resource: None,
                scopes: None,
            },
        )
    }),
    ("resume", |app, _| app.core.resume()),
];

#[test]
fn garbage_at_any_effect_is_an_error_and_costs_no_session() {
    for (name, begin) in BEGINNINGS {
        let case = Case::new();
        let app = case.device.app();
        let (_, effects) = app.run_until(begin(&app, &case), Kill::Never);
        for at in 0..effects {
            for input in garbage() {
                let case = Case::new();
                let app = case.device.app();
                let mut gone = false;
                let (done, steps) = app.run_with(begin(&app, &case), Kill::Never, |number, effect| {
                    assert!(number < MOST, "{name} {at} {input:?}: no end");
                    (number == at).then(|| {
                        gone = says_gone(effect, &input);
                        input.clone()
                    })
                });
                assert!(steps < MOST);
                let what = format!("{name} at {at}: {input:?}: {done:?}");
                if name == "logout" || gone {
                    continue;
                }
                if let Err(postern_mobile_harness::device::End::Failed(error)) = &done {
                    assert_ne!(error.action, Action::SignIn, "{what}");
                    assert_ne!(error.code, ErrorCode::Internal, "{what}");
                }
                // The hooks work again, in another process.
                let again = case.device.app().refresh();
                assert!(matches!(again, Ok(Outcome::Token { .. })), "{what}: {again:?}");
                // Who signs in again ends the session before.
                assert!(case.server.ended() <= usize::from(name == "redirect"), "{what}");
            }
        }
    }
}

#[test]
fn garbage_for_ever_ends_too() {
    for (name, begin) in BEGINNINGS {
        for input in garbage() {
            let case = Case::new();
            let app = case.device.app();
            let operation = begin(&app, &case);
            let (_, steps) = app.run_with(operation, Kill::Never, |number, _| {
                assert!(number < MOST, "{name} {input:?}: no end");
                Some(input.clone())
            });
            assert!(steps < MOST);
        }
    }
}

#[test]
fn what_comes_twice_or_out_of_turn_changes_nothing() {
    let case = Case::new();
    let app = case.device.app();
    let mut operation = app.core.access_token(None, fresh());
    let now = case.device.now();
    // An answer before anything was asked for.
    let early = operation.step(
        Some(Answer {
            id: 1,
            input: Input::Done,
        }),
        &now,
    );
    assert!(matches!(early.next, Next::Failed { error } if error.code == ErrorCode::OutOfOrder));
    let mut step = operation.step(None, &now);
    let mut rotated = 0;
    while let Next::Need { id, effect } = step.next.clone() {
        // Asked again without an answer: the same.
        assert_eq!(operation.step(None, &now).next, step.next);
        // The answer to a later effect, and to one long past.
        let later = operation.step(
            Some(Answer {
                id: id + 7,
                input: Input::Done,
            }),
            &now,
        );
        assert!(matches!(later.next, Next::Failed { error } if error.code == ErrorCode::OutOfOrder));
        if id > 1 {
            let past = operation.step(
                Some(Answer {
                    id: id - 1,
                    input: Input::Absent,
                }),
                &now,
            );
            assert_eq!(past.next, step.next);
        }
        let answer = Answer {
            id,
            input: case.device.perform(&effect),
        };
        let next = operation.step(Some(answer.clone()), &now);
        let again = operation.step(Some(answer), &now);
        assert_eq!(again.next, next.next);
        assert!(again.events.is_empty(), "nothing is told twice");
        rotated += next.events.len();
        step = next;
    }
    assert!(matches!(step.next, Next::Done { .. }), "{step:?}");
    assert_eq!(rotated, 1);
    // After the end.
    let after = operation.step(
        Some(Answer {
            id: 1,
            input: Input::Done,
        }),
        &now,
    );
    assert_eq!(after.next, step.next);
    let after = operation.step(
        Some(Answer {
            id: 999,
            input: Input::Done,
        }),
        &now,
    );
    assert!(matches!(after.next, Next::Failed { error } if error.code == ErrorCode::OutOfOrder));
}

#[test]
fn a_hook_that_never_answers_holds_nobody_else_up() {
    let case = Case::new();
    let app = case.device.app();
    let whole = case.device.app();
    let (_, effects) = whole.run_until(whole.core.access_token(None, fresh()), Kill::Never);
    for stuck_at in 0..effects {
        // It is stuck for ever; the driver may keep or drop it.
        let mut stuck = app.core.access_token(None, fresh());
        let mut step = stuck.step(None, &case.device.now());
        for _ in 0..stuck_at {
            let Next::Need { id, effect } = step.next else {
                break;
            };
            let input = case.device.perform(&effect);
            step = stuck.step(Some(Answer { id, input }), &case.device.now());
        }
        assert!(app.refresh().is_ok(), "{stuck_at}");
        assert!(case.device.app().refresh().is_ok(), "{stuck_at}");
    }
    assert_eq!(case.server.ended(), 0);
}
