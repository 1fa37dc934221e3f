//! Evidence that it is this app on a real device, against a server that wants it.

use std::sync::{Arc, Mutex};

use postern_mobile_core::{
    Action, AttestationPolicy, AuthorizeParams, Effect, ErrorCode, Event, Evidence, HookError, HttpFailure,
    Input, Operation, Outcome, SdkError,
};
use postern_mobile_harness::{
    device::{App, Device, End, Kill, fresh},
    fake::{Fake, Rules},
};

fn server() -> Fake {
    Fake::new(Rules {
        attestation: true,
        ..Rules::default()
    })
}

fn device(server: &Fake, policy: AttestationPolicy) -> Arc<Device> {
    server.device_with(|config| config.attestation = policy)
}

/// Runs an operation beside an attestor.
fn run(
    app: &App,
    operation: Operation,
    mut attest: impl FnMut(&str, &str) -> Input,
) -> Result<Outcome, SdkError> {
    let (done, _) = app.run_with(operation, Kill::Never, |_, effect| match effect {
        Effect::Attest { challenge, jkt } => Some(attest(std::str::from_utf8(challenge).expect("text"), jkt)),
        _ => None,
    });
    done.map_err(|end| match end {
        End::Failed(error) => error,
        End::Killed => unreachable!("never"),
    })
}

fn honest(challenge: &str, jkt: &str) -> Input {
    Input::Attested {
        evidence: Evidence {
            attestation: "the app".into(),
            proof: format!("{challenge}/{jkt}").into(),
        },
    }
}

fn sign_in(server: &Fake, app: &App) -> Result<Outcome, SdkError> {
    let ready = match run(app, app.core.begin(AuthorizeParams::default()), honest)? {
        Outcome::AuthorizationReady { ready } => ready,
        other => panic!("{other:?}"),
    };
    let back = server.browse(&ready.url);
    run(app, app.core.handle_redirect(back.as_str().into()), honest)
}

#[test]
fn evidence_of_the_key_goes_with_each_request_and_each_challenge_is_used_once() {
    let server = server();
    let device = device(&server, AttestationPolicy::Required);
    let app = device.app();
    assert!(matches!(sign_in(&server, &app), Ok(Outcome::SignedIn { .. })));
    let seen = Mutex::new(Vec::new());
    for _ in 0..3 {
        let done = run(&app, app.core.access_token(None, fresh()), |challenge, jkt| {
            seen.lock().expect("one thread").push(challenge.to_owned());
            honest(challenge, jkt)
        });
        assert!(done.is_ok(), "{done:?}");
    }
    let mut challenges = seen.into_inner().expect("one thread");
    challenges.sort();
    challenges.dedup();
    assert_eq!(challenges.len(), 3);
}

#[test]
fn a_replayed_challenge_and_evidence_of_another_key_are_refused_and_end_nothing() {
    let server = server();
    let device = device(&server, AttestationPolicy::Required);
    let app = device.app();
    sign_in(&server, &app).expect("signed in");
    let records = device.store.records().clone();
    let first = Mutex::new(None);
    let replay = |challenge: &str, jkt: &str| {
        let kept = first
            .lock()
            .expect("one thread")
            .get_or_insert_with(|| challenge.to_owned())
            .clone();
        honest(&kept, jkt)
    };
    assert!(run(&app, app.core.access_token(None, fresh()), replay).is_ok());
    let again = device.store.records().clone();
    assert_ne!(again, records);
    let error = run(&app, app.core.access_token(None, fresh()), replay).expect_err("replayed");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::DeviceNotTrusted, Action::ContactSupport)
    );
    let error = run(&app, app.core.access_token(None, fresh()), |challenge, _| {
        honest(challenge, "of another device")
    })
    .expect_err("another key");
    assert_eq!(error.code, ErrorCode::DeviceNotTrusted);
    assert_eq!(*device.store.records(), again, "the session lives");
    assert!(run(&app, app.core.access_token(None, fresh()), honest).is_ok());
}

#[test]
fn an_attestor_that_is_down_stops_only_those_who_need_it() {
    let down = |error| move |_: &str, _: &str| Input::Failed { error };
    // Required: nothing works, and nothing is lost.
    let wants = server();
    let strict = device(&wants, AttestationPolicy::Required);
    let app = strict.app();
    sign_in(&wants, &app).expect("signed in");
    for (hook, code) in [
        (HookError::Unavailable, ErrorCode::AttestationUnavailable),
        (HookError::Unknown, ErrorCode::AttestationUnavailable),
        (HookError::Locked, ErrorCode::DeviceLocked),
        (HookError::Timeout, ErrorCode::HookTimeout),
    ] {
        let asked = wants.asked("token");
        let error = run(&app, app.core.access_token(None, fresh()), down(hook)).expect_err("down");
        assert_eq!(error.code, code, "{hook:?}");
        assert_eq!(wants.asked("token"), asked, "nothing was sent without");
    }
    assert!(run(&app, app.core.access_token(None, fresh()), honest).is_ok());

    // Preferred: the app goes on without, and says so.
    let server = server();
    let lenient = device(&server, AttestationPolicy::Preferred);
    let app = lenient.app();
    server.instead(|_, request| {
        assert!(
            !request
                .headers
                .iter()
                .any(|header| header.name.starts_with("OAuth-Client-Attestation")),
            "{}",
            request.url
        );
        None
    });
    let error = run(
        &app,
        app.core.begin(AuthorizeParams::default()),
        down(HookError::Unavailable),
    )
    .expect_err("this server insists");
    assert_eq!(error.code, ErrorCode::DeviceNotTrusted);
    assert!(app.heard(|event| *event == Event::AttestationSkipped));
    // One that does not insist.
    server.rules(|rules| rules.attestation = false);
    let done = run(
        &app,
        app.core.begin(AuthorizeParams::default()),
        down(HookError::Unavailable),
    );
    assert!(done.is_ok(), "{done:?}");
}

#[test]
fn without_a_network_an_app_that_must_attest_is_offline_and_not_distrusted() {
    let server = server();
    let device = device(&server, AttestationPolicy::Required);
    let app = device.app();
    sign_in(&server, &app).expect("signed in");
    device.wire(|_| Input::HttpFailed {
        failure: HttpFailure::NotSent,
    });
    let error = run(&app, app.core.access_token(None, fresh()), honest).expect_err("offline");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::Offline, Action::RetryLater)
    );
}

#[test]
fn a_server_that_takes_no_evidence_is_not_asked_for_a_challenge() {
    let server = Fake::default();
    let preferred = device(&server, AttestationPolicy::Preferred);
    let app = preferred.app();
    let never = |_: &str, _: &str| -> Input { panic!("the attestor was asked") };
    assert!(run(&app, app.core.begin(AuthorizeParams::default()), never).is_ok());
    assert_eq!(server.asked("challenge"), 0);
    let required = device(&server, AttestationPolicy::Required);
    let app = required.app();
    let error = run(&app, app.core.begin(AuthorizeParams::default()), never).expect_err("required");
    assert_eq!(error.code, ErrorCode::AttestationUnavailable);
    assert_eq!(required.keys.count(), 0);
}
