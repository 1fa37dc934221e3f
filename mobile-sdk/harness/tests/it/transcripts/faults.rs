//! Hooks and servers that fail in every way that a driver can tell its core of.

use std::sync::atomic::Ordering;

use postern_mobile_core::{
    AttestationPolicy, Config, Effect, Evidence, Header, HookError, HttpResponse, Input, Outcome,
};
use postern_mobile_harness::{
    fake::{Fake, Rules, answer, answer_with},
    server::Server,
    transcript::Recorder,
};
use serde_json::{Value, json};

use super::{fresh, with_app, with_session};

type Kind = fn(&Effect) -> bool;

/// The first effect of this kind fails so.
fn once(kind: Kind, error: HookError) -> impl FnMut(&Effect) -> Option<Input> {
    let mut due = true;
    move |effect| {
        let fails = due && kind(effect);
        due &= !fails;
        fails.then_some(Input::Failed { error })
    }
}

pub(super) fn attestation(_: &Server) -> Recorder {
    let server = Fake::new(Rules {
        attestation: true,
        ..Rules::default()
    });
    let device = server.device_with(|config| config.attestation = AttestationPolicy::Preferred);
    let mut recorder = Recorder::new(
        &device,
        "Evidence of the key goes to a server that wants it; an attestor that fails is gone without, and said to be.",
    );
    let mut honest = |effect: &Effect| match effect {
        Effect::Attest { challenge, jkt } => Some(Input::Attested {
            evidence: Evidence {
                attestation: "the app".into(),
                proof: format!("{}/{jkt}", String::from_utf8_lossy(challenge))
                    .as_str()
                    .into(),
            },
        }),
        _ => None,
    };
    let begin = json!({ "type": "begin" });
    recorder.run_with(&begin, &mut honest).expect("a URL");
    server.rules(|rules| rules.attestation = false);
    for error in [HookError::Unavailable, HookError::Unknown] {
        let mut fails = once(|effect| matches!(effect, Effect::Attest { .. }), error);
        recorder.run_with(&begin, &mut fails).expect("a URL");
    }
    recorder
}

pub(super) fn signer_fails(server: &Server) -> Recorder {
    let (_device, mut recorder) = with_session(
        server,
        "A key that cannot sign now is not a key that is gone, and one that is gone ends the session.",
    );
    for error in [
        HookError::Locked,
        HookError::Cancelled,
        HookError::Timeout,
        HookError::Unavailable,
        HookError::Corrupt,
        HookError::KeyLost,
    ] {
        let mut fails = once(|effect| matches!(effect, Effect::Sign { .. }), error);
        recorder.run_with(&fresh(), &mut fails).expect_err("no signature");
    }
    recorder.run(&json!({ "type": "accounts" })).expect("nobody");
    recorder
}

pub(super) fn no_hardware_key(server: &Server) -> Recorder {
    let device = with_app(server, "app", |config: &mut Config| {
        config.require_hardware_key = true;
    });
    let mut recorder = Recorder::new(
        &device,
        "Without the key that is required nobody signs in, and nothing is left.",
    );
    let call = json!({ "type": "begin" });
    let mut fails = once(
        |effect| matches!(effect, Effect::KeyEnsure { .. }),
        HookError::Unavailable,
    );
    recorder.run_with(&call, &mut fails).expect_err("no key");
    assert!(device.store.records().is_empty());
    recorder.run(&call).expect("a URL");
    recorder
}

/// What fails of a sign-in that is begun and given up, each in one of its own.
const STORE: [(Kind, HookError); 6] = [
    (|effect| matches!(effect, Effect::Get { .. }), HookError::Io),
    (|effect| matches!(effect, Effect::Get { .. }), HookError::Unknown),
    (|effect| matches!(effect, Effect::Keys { .. }), HookError::Timeout),
    (|effect| matches!(effect, Effect::Put { .. }), HookError::Io),
    (|effect| matches!(effect, Effect::Delete { .. }), HookError::Io),
    (
        |effect| matches!(effect, Effect::KeyDelete { .. }),
        HookError::Locked,
    ),
];

pub(super) fn store_fails(server: &Server) -> Recorder {
    let (device, mut recorder) = with_session(
        server,
        "A store that fails at a read, a list, a write, a deletion; and at last a record that cannot be read any more.",
    );
    let begun_and_given_up = |recorder: &mut Recorder, (kind, error): (Kind, HookError)| {
        let begun = recorder.run_with(&json!({ "type": "begin" }), &mut once(kind, error));
        if let Ok(Outcome::AuthorizationReady { ready }) = begun {
            let cancel = json!({ "type": "cancel", "flow_id": ready.flow_id });
            let _any = recorder.run_with(&cancel, &mut once(kind, error));
        }
    };
    for fault in STORE {
        begun_and_given_up(&mut recorder, fault);
    }
    let mut conflicts = 0;
    let logout = json!({ "type": "logout", "account": null, "mode": "local_only" });
    let done = recorder.run_with(&logout, &mut |effect| {
        let first = matches!(effect, Effect::Delete { .. }) && conflicts == 0;
        conflicts += u32::from(first);
        first.then_some(Input::Conflict)
    });
    done.expect("gone, though another process was faster");
    device.app().sign_in(&mut server.browser());
    recorder.run(&json!({ "type": "accounts" })).expect("there again");
    let mut spoilt = once(
        |effect| matches!(effect, Effect::Get { key } if key.starts_with("account/")),
        HookError::Corrupt,
    );
    recorder.run_with(&fresh(), &mut spoilt).expect_err("wiped");
    recorder.run(&json!({ "type": "accounts" })).expect("nobody");
    recorder
}

pub(super) fn server_talks_nonsense(_: &Server) -> Recorder {
    let server = Fake::default();
    let device = server.signed_in();
    let mut recorder = Recorder::new(
        &device,
        "What is no answer of a token endpoint ends nothing: a hotel's page, a broken server, endless nonces.",
    );
    let page = |status, kind: &str, body: &str| Input::Http {
        response: HttpResponse {
            status,
            headers: vec![Header {
                name: "Content-Type".into(),
                value: kind.into(),
            }],
            body: body.into(),
        },
    };
    let nonsense: [Input; 6] = [
        page(200, "text/html", "<html>Welcome to our hotel</html>"),
        page(400, "text/html", "<html>invalid_grant</html>"),
        page(200, "application/json", "\u{feff}{}"),
        page(302, "text/plain", ""),
        answer(500, &json!({ "error": "invalid_grant" })),
        nonce(),
    ];
    for said in nonsense {
        server.instead(move |path, _| (path == "token").then(|| said.clone()));
        recorder.run(&fresh()).expect_err("no answer");
        device.passed.fetch_add(3_600_000, Ordering::Relaxed);
    }
    server.as_ever();
    recorder.run(&fresh()).expect("the session lives");
    recorder
}

fn nonce() -> Input {
    let body: Value = json!({ "error": "use_dpop_nonce" });
    answer_with(400, &[("DPoP-Nonce", "n")], &body)
}
