//! The end of a session at the server: said once, and only by the server's own no.

use std::sync::{Mutex, PoisonError};

use postern_mobile_core::{
    Action, Answer, Effect, EndReason, ErrorCode, Event, HookError, HttpFailure, Input, LogoutMode, Next,
    Outcome, Want,
};
use postern_mobile_harness::{
    device::{App, Kill, fresh},
    fake::{Fake, Rules, answer},
};
use serde_json::json;

fn without_the_rule() -> Fake {
    Fake::new(Rules {
        predecessor: false,
        reuse_ends: true,
        ..Rules::default()
    })
}

/// The next request to the token endpoint is lost on its way there.
fn lose_one_request(server: &Fake) {
    let mut lost = false;
    server.instead(move |path, _| {
        let now = path == "token" && !std::mem::replace(&mut lost, true);
        now.then_some(Input::HttpFailed {
            failure: HttpFailure::Ambiguous,
        })
    });
}

#[test]
fn a_server_without_the_predecessor_rule_costs_one_sign_in_and_one_event() {
    let server = without_the_rule();
    let device = server.signed_in();
    // The answer is lost on the way back: the server has rotated.
    let app = device.app();
    let behind = server.clone();
    device.wire(move |request| {
        behind.send(request);
        Input::HttpFailed {
            failure: HttpFailure::Ambiguous,
        }
    });
    assert_eq!(app.refresh().expect_err("lost").code, ErrorCode::NoAnswer);
    let behind = server.clone();
    device.wire(move |request| behind.send(request));

    let error = app.refresh().expect_err("reuse, says the server");
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::SessionRevoked, Action::SignIn)
    );
    let next = app.refresh().expect_err("no account");
    assert_eq!(
        (next.code, next.action),
        (ErrorCode::NoSuchAccount, Action::SignIn)
    );
    assert_eq!(told(&app.events), 1);
    assert!(
        device
            .store
            .records()
            .keys()
            .all(|key| key.starts_with("default/"))
    );
    assert_eq!(device.keys.count(), 0);
    // And one sign-in later all is well.
    server.sign_in(&app);
    assert!(app.refresh().is_ok());
}

fn told(events: &Mutex<Vec<Event>>) -> usize {
    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |event: &&Event| {
        matches!(
            event,
            Event::SessionEnded {
                reason: EndReason::Refused,
                ..
            }
        )
    };
    events.iter().filter(refused).count()
}

/// Not only when the next token is due: by then the process may be gone, and the predecessor is worth nothing there.
#[test]
fn what_could_not_be_stored_is_stored_as_soon_as_it_can_be() {
    let again: [fn(&App); 2] = [
        |app| assert!(app.run(app.core.access_token(None, Want::default())).is_ok()),
        |app| assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done)),
    ];
    for again in again {
        let server = without_the_rule();
        let device = server.signed_in();
        let app = device.app();
        device.store.breaks(false, Some(HookError::Io));
        assert!(app.refresh().is_ok());
        // While it is broken, the token is given all the same, and asked for at each chance.
        let cached = || app.core.cached_token(None, &Want::default(), &device.now());
        assert!(cached().is_none());
        assert!(app.run(app.core.access_token(None, Want::default())).is_ok());
        device.store.breaks(false, None);
        again(&app);
        assert!(app.heard(|event| matches!(event, Event::StorageRecovered { .. })));
        assert!(cached().is_some());
        // Killed.
        assert!(device.app().refresh().is_ok());
        assert_eq!(server.ended(), 0);
    }
}

#[test]
fn a_request_that_never_arrived_costs_nothing_there_either() {
    let server = without_the_rule();
    let device = server.signed_in();
    lose_one_request(&server);
    let app = device.app();
    assert_eq!(app.refresh().expect_err("lost").code, ErrorCode::NoAnswer);
    assert!(app.refresh().is_ok());
    assert_eq!(server.ended(), 0);
}

/// A hundred callers whose operations all run at once: single flight is the driver's, and without it nothing goes wrong.
#[test]
fn a_hundred_waiters_hear_of_the_end_once() {
    let server = Fake::default();
    let device = server.signed_in();
    server.end_all();
    let app = device.app();
    let mut running: Vec<_> = (0..100)
        .map(|_| (app.core.access_token(None, fresh()), None))
        .collect();
    let mut failed = Vec::new();
    let mut events = Vec::new();
    while !running.is_empty() {
        // Each goes one effect further in turn.
        running.retain_mut(|(operation, answer)| {
            let step = operation.step(Option::take(answer), &device.now());
            events.extend(step.events);
            match step.next {
                Next::Need { id, effect } => {
                    *answer = Some(Answer {
                        id,
                        input: device.perform(&effect),
                    });
                    true
                }
                Next::Done { outcome } => panic!("{outcome:?}"),
                Next::Failed { error } => {
                    failed.push(error);
                    false
                }
            }
        });
    }
    assert_eq!(failed.len(), 100);
    assert!(
        failed.iter().all(|error| error.action == Action::SignIn),
        "{failed:?}"
    );
    assert_eq!(told(&Mutex::new(events)), 1);
    assert!(
        device
            .store
            .records()
            .keys()
            .all(|key| key.starts_with("default/"))
    );
    assert_eq!(device.keys.count(), 0);
}

#[test]
fn the_end_of_a_session_is_told_once_though_its_process_is_killed_anywhere() {
    let effects = {
        let server = Fake::default();
        let device = server.signed_in();
        server.end_all();
        let app = device.app();
        app.run_until(app.core.access_token(None, fresh()), Kill::Never).1
    };
    for number in 0..effects {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let server = Fake::default();
            let device = server.signed_in();
            server.end_all();
            let app = device.app();
            let _killed = app.run_until(app.core.access_token(None, fresh()), kill);
            let again = device.app();
            again.run(again.core.resume()).expect("tidied");
            let error = again.refresh().expect_err("over");
            assert_eq!(error.action, Action::SignIn, "{kill:?}");
            let count = told(&app.events) + told(&again.events);
            // What a step tells is lost only with the process that takes it.
            assert!(count <= 1, "{kill:?}: {count}");
            assert!(
                device
                    .store
                    .records()
                    .keys()
                    .all(|key| key.starts_with("default/")),
                "{kill:?}"
            );
            assert_eq!(device.keys.count(), 0, "{kill:?}");
        }
    }
}

#[test]
fn what_is_no_answer_of_a_token_endpoint_ends_nothing() {
    // A hotel's page, an error page, JSON of somebody else's, an empty body, a byte order mark.
    let bodies = [
        "<html>Welcome</html>",
        "",
        "{}",
        "[]",
        "null",
        "{\"error\":7}",
        "\u{feff}{\"error\":\"invalid_grant\"}",
        "{\"access_token\":\"x\"}",
        "{\"access_token\":\"x\\r\\nHost: y\",\"token_type\":\"DPoP\"}",
        "{\"access_token\":\"\",\"token_type\":\"DPoP\"}",
    ];
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    let records = device.store.records().clone();
    for status in [200, 204, 302, 400, 401, 403, 404, 418, 500, 502, 503, 599] {
        for body in bodies {
            server.instead(move |path, _| {
                (path == "token").then(|| Input::Http {
                    response: postern_mobile_core::HttpResponse {
                        status,
                        headers: Vec::new(),
                        body: body.into(),
                    },
                })
            });
            let error = app.refresh().expect_err("no token");
            assert_eq!(
                (error.code, error.action),
                (ErrorCode::ServerUnavailable, Action::RetryLater),
                "{status} {body}"
            );
        }
    }
    // Not even a well-formed no, of a proxy whose status is none of a token endpoint's.
    for status in [404, 500, 502] {
        server.instead(move |path, _| {
            (path == "token").then(|| answer(status, &json!({ "error": "invalid_grant" })))
        });
        assert_eq!(app.refresh().expect_err("no").code, ErrorCode::ServerUnavailable);
    }
    assert_eq!(*device.store.records(), records);
    server.as_ever();
    assert!(app.refresh().is_ok());
}

/// Notes as they were first written: without an issuer, with a switch in place of a reason.
#[test]
fn a_kill_at_any_effect_of_forgetting_leaves_no_key_without_its_session() {
    for kill in 0.. {
        let server = Fake::default();
        let device = server.signed_in();
        let app = device.app();
        let forget = app.core.logout(None, LogoutMode::LocalOnly);
        let (done, _) = app.run_until(forget, Kill::After(kill));
        let app = device.app();
        app.run(app.core.resume()).expect("resumed");
        let sessions = device.store.names("account/").len();
        assert_eq!(device.keys.count(), sessions, "killed after {kill}");
        assert!(device.store.names("logout/").is_empty());
        assert_eq!((server.ended(), server.asked("revoke")), (0, 0), "nobody is told");
        if done.is_ok() {
            assert_eq!(sessions, 0);
            break;
        }
    }
}

#[test]
fn a_sign_out_that_waits_is_made_whatever_is_noted_after_it() {
    for forgets in [false, true] {
        let server = Fake::default();
        let device = server.signed_in();
        let app = device.app();
        // Killed as soon as it had noted what is to be done.
        for kill in 0.. {
            let logout = app.core.logout(None, LogoutMode::Session);
            let (killed, _) = app.run_until(logout, Kill::After(kill));
            killed.expect_err("killed");
            if !device.store.names("logout/").is_empty() {
                break;
            }
        }
        assert_eq!(server.ended(), 0);
        // Then the person signs in again, and that is cut off too; or the app only forgets.
        let app = device.app();
        if forgets {
            let forget = app.core.logout(None, LogoutMode::LocalOnly);
            app.run(forget).expect("forgotten");
        } else {
            let back = server.browse(&app.begin());
            let redirect = app.core.handle_redirect(back.as_str().into());
            app.run_with(redirect, Kill::Never, |_, effect| {
                let stores = matches!(effect, Effect::Put { key, .. } if key.starts_with("account/"));
                stores.then_some(Input::Failed { error: HookError::Io })
            })
            .0
            .expect_err("cut off");
        }
        let app = device.app();
        app.run(app.core.resume()).expect("resumed");
        assert!(device.store.names("account/").is_empty(), "signed out");
        assert!(device.store.names("logout/").is_empty());
        assert_eq!(server.open(), 0, "and the server was told");
    }
}

#[test]
fn a_revocation_that_an_older_version_has_queued_is_made() {
    for replaced in [false, true] {
        let server = Fake::default();
        let device = server.signed_in();
        let offline = device.app();
        server.instead(|_, _| {
            Some(Input::HttpFailed {
                failure: HttpFailure::NotSent,
            })
        });
        offline
            .run(offline.core.logout(None, LogoutMode::Session))
            .expect("signed out here");
        server.as_ever();
        let name = device.store.names("logout/").remove(0);
        let mut note = device.store.record("logout/");
        let members = note.as_object_mut().expect("an object");
        for new in ["issuer", "client_id", "reason"] {
            assert!(members.remove(new).is_some(), "{new}");
        }
        members.insert("replaced".to_owned(), replaced.into());
        let write = |note: &serde_json::Value| {
            let note = note.to_string().into_bytes();
            device.store.records().insert(name.clone(), note);
        };

        // What a newer version has written is left to it.
        let mut newer = note.clone();
        newer["schema"] = 2.into();
        write(&newer);
        let app = device.app();
        app.run(app.core.resume()).expect("left alone");
        assert_eq!((server.ended(), device.store.record("logout/")), (0, newer));

        write(&note);
        app.run(app.core.resume()).expect("told");
        assert_eq!(server.ended(), 1, "replaced: {replaced}");
        assert!(device.store.names("logout/").is_empty());
    }
}
