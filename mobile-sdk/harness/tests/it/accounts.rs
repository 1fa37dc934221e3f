//! Several people on one device, and processes that know an older state of it.

use postern_mobile_core::{
    AuthorizeParams, Config, Core, Effect, EndReason, ErrorCode, Event, HookError, Input, LogoutMode,
    Operation, Outcome, Want,
};
use postern_mobile_harness::{
    device::{App, Device, Kill, fresh},
    fake::{Fake, answer},
};
use serde_json::json;

const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

fn accounts(app: &App) -> (Vec<String>, Option<String>) {
    match app.run(app.core.accounts()) {
        Ok(Outcome::Accounts { accounts, default }) => (accounts, default),
        other => panic!("{other:?}"),
    }
}

fn everybody(server: &Fake, device: &std::sync::Arc<Device>) -> Vec<String> {
    let app = device.app();
    PEOPLE
        .iter()
        .map(|name| {
            server.person(name);
            server.sign_in(&app)
        })
        .collect()
}

fn headers(app: &App) -> Operation {
    let url = "https://api.example/".to_owned();
    app.core
        .authorize_request(None, "GET".into(), url, Want::default())
}

#[test]
fn five_people_refresh_at_once_and_the_end_of_one_is_nobody_elses() {
    let server = Fake::default();
    let device = server.device();
    let ids = everybody(&server, &device);
    assert_eq!(device.keys.count(), 5, "each has a key");
    std::thread::scope(|scope| {
        for id in &ids {
            let device = &device;
            scope.spawn(move || {
                for _ in 0..10 {
                    let app = device.app();
                    let token = app.run(app.core.access_token(Some(id.clone()), fresh()));
                    assert!(token.is_ok(), "{token:?}");
                }
            });
        }
    });
    let app = device.app();
    let (all, default) = accounts(&app);
    assert_eq!(all.len(), 5);
    assert_eq!(default.as_ref(), Some(&ids[0]), "who came first");
    // The default one goes; another takes its place, and the others live.
    assert!(
        app.run(app.core.logout(Some(ids[0].clone()), LogoutMode::Session))
            .is_ok()
    );
    assert_eq!(device.keys.count(), 4);
    assert_eq!(server.ended(), 1);
    let (left, default) = accounts(&app);
    assert_eq!(left.len(), 4);
    assert!(left.contains(&default.expect("falls over")));
    for id in &ids[1..] {
        assert!(app.run(app.core.access_token(Some(id.clone()), fresh())).is_ok());
    }
    assert!(app.refresh().is_ok(), "of the default one");
    app.run(app.core.set_default(ids[3].clone())).expect("set");
    assert_eq!(accounts(&device.app()).1.as_ref(), Some(&ids[3]));
    let unknown = app.run(app.core.set_default(ids[0].clone()));
    assert_eq!(unknown.expect_err("signed out").code, ErrorCode::NoSuchAccount);
}

#[test]
fn who_is_signed_out_elsewhere_is_not_remembered_here() {
    let server = Fake::default();
    let device = server.signed_in();
    let here = device.app();
    assert!(here.refresh().is_ok());
    let other = device.app();
    other
        .run(other.core.logout(None, LogoutMode::Session))
        .expect("signed out");
    server.person("bob");
    let bob = server.sign_in(&other);
    // The first process still means Alice by "the default": it hears once that she is gone, and then means Bob.
    assert_eq!(here.refresh().expect_err("gone").code, ErrorCode::NoSuchAccount);
    assert!(here.refresh().is_ok());
    assert_eq!(accounts(&here), (vec![bob.clone()], Some(bob)));
}

#[test]
fn a_process_that_remembers_the_old_session_of_a_person_does_not_end_the_new_one() {
    let server = Fake::default();
    let device = server.signed_in();
    let old = device.app();
    assert!(old.run(headers(&old)).is_ok());
    // The same person signs in anew in another process: the old session and its key are gone.
    server.sign_in(&device.app());
    assert_eq!(device.keys.count(), 1);
    let done = old.run(headers(&old));
    assert!(matches!(done, Ok(Outcome::Headers { .. })), "{done:?}");
    assert!(!old.heard(|event| matches!(event, Event::SessionEnded { .. })));
    assert!(device.app().refresh().is_ok());

    // Also between two effects of a refresh, and of a request.
    let begin: [fn(&App) -> Operation; 2] = [|app| app.core.access_token(None, fresh()), headers];
    for begin in begin {
        let whole = device.app();
        let (_, effects) = whole.run_until(begin(&whole), Kill::Never);
        for number in 0..effects {
            let app = device.app();
            let (done, _) = app.run_with(begin(&app), Kill::Never, |at, _| {
                if at == number {
                    server.sign_in(&device.app());
                }
                None
            });
            assert!(done.is_ok(), "{number}: {done:?}");
            assert!(!app.heard(|event| matches!(event, Event::SessionEnded { .. })));
            assert!(device.app().refresh().is_ok(), "{number}");
            assert_eq!(device.keys.count(), 1);
        }
    }
}

#[test]
fn a_key_that_is_lost_between_two_requests_ends_the_session_once() {
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    assert!(app.run(headers(&app)).is_ok());
    device.keys.lose();
    assert_eq!(app.run(headers(&app)).expect_err("lost").code, ErrorCode::KeyLost);
    assert_eq!(
        app.run(headers(&app)).expect_err("over").code,
        ErrorCode::NoSuchAccount
    );
    let events = app.events.lock().expect("one thread");
    let ended = events.iter().filter(|event| {
        matches!(
            event,
            Event::SessionEnded {
                reason: EndReason::KeyLost,
                ..
            }
        )
    });
    assert_eq!(ended.count(), 1);
}

#[test]
fn the_lost_key_of_one_account_is_nobody_elses_loss() {
    let server = Fake::default();
    let device = server.device();
    let ids = everybody(&server, &device);
    let bobs = format!("account/{}", ids[1]);
    let key = device.store.record(&bobs)["key"]["id"].clone();
    device.keys.delete(key.as_str().expect("text"));
    let app = device.app();
    for (id, name) in ids.iter().zip(PEOPLE) {
        let refreshed = app.run(app.core.access_token(Some(id.clone()), fresh()));
        if name == "bob" {
            assert_eq!(refreshed.expect_err("no key").code, ErrorCode::KeyLost);
        } else {
            assert!(refreshed.is_ok(), "{name}: {refreshed:?}");
        }
    }
    assert_eq!(device.keys.count(), 4);
    assert_eq!(accounts(&app).0.len(), 4);
}

#[test]
fn a_widget_changes_nothing_whatever_it_finds() {
    let server = Fake::default();
    let device = server.signed_in();
    let records = device.store.records().clone();
    let asked = server.asked("token");
    // It may not use the key, or finds none: that is no reason to end the app's session.
    for error in [HookError::NotFound, HookError::KeyLost, HookError::Locked] {
        let app = device.widget();
        let (done, _) = app.run_with(headers(&app), Kill::Never, |_, effect| {
            matches!(effect, Effect::Sign { .. }).then_some(Input::Failed { error })
        });
        assert!(done.is_err(), "{done:?}");
        assert_eq!(*device.store.records(), records);
    }
    // The record is spoilt: the app wipes it, not the widget.
    let name = device.store.names("account/").remove(0);
    device.store.records().insert(name.clone(), b"{".to_vec());
    let spoilt = device.store.records().clone();
    let app = device.widget();
    for _ in 0..2 {
        let error = app.run(app.core.access_token(None, Want::default()));
        assert_eq!(error.expect_err("spoilt").code, ErrorCode::StorageCorrupt);
    }
    assert_eq!(*device.store.records(), spoilt);
    assert_eq!(server.asked("token"), asked, "it never refreshes");
    device
        .store
        .records()
        .insert(name.clone(), records[&name].clone());
    assert!(device.widget().run(headers(&device.widget())).is_ok() || device.app().refresh().is_ok());
    assert!(device.app().refresh().is_ok());
}

#[test]
fn no_record_that_is_spoilt_keeps_anybody_from_signing_in() {
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    app.begin();
    // A sign-out that waits for the network.
    let wire = device.wire.lock().expect("one thread").clone();
    device.wire(|_| Input::HttpFailed {
        failure: postern_mobile_core::HttpFailure::NotSent,
    });
    app.run(app.core.logout(None, LogoutMode::Session))
        .expect("signed out here");
    *device.wire.lock().expect("one thread") = wire;
    server.sign_in(&app);
    let names: Vec<String> = device.store.records().keys().cloned().collect();
    assert_eq!(names.len(), 4, "{names:?}");
    let records = device.store.records().clone();
    for name in &names {
        // What no host can read any more, and what can be read and is garbage.
        for unreadable in [true, false] {
            (*device.store.records()).clone_from(&records);
            let fresh = device.app();
            let mut wiped = false;
            if !unreadable {
                device.store.records().insert(name.clone(), b"\xff{".to_vec());
            }
            let mut spoilt = |effect: &Effect| match effect {
                Effect::Get { key } if unreadable && key == name && !wiped => Some(Input::Failed {
                    error: HookError::Corrupt,
                }),
                Effect::Delete { key, .. } | Effect::Put { key, .. } if key == name => {
                    wiped = true;
                    None
                }
                _ => None,
            };
            let mut run = |operation| {
                fresh
                    .run_with(operation, Kill::Never, |_, effect| spoilt(effect))
                    .0
            };
            run(fresh.core.resume()).unwrap_or_else(|end| panic!("{name}: {end:?}"));
            let Ok(Outcome::AuthorizationReady { ready }) = run(fresh.core.begin(AuthorizeParams::default()))
            else {
                panic!("{name}")
            };
            let back = server.browse(&ready.url);
            let done = run(fresh.core.handle_redirect(back.as_str().into()));
            assert!(matches!(done, Ok(Outcome::SignedIn { .. })), "{name}: {done:?}");
            let token = run(fresh.core.access_token(None, Want::default()));
            assert!(token.is_ok(), "{name}: {token:?}");
        }
    }
}

#[test]
fn long_tokens_for_many_apis_fit_into_a_record() {
    let server = Fake::default();
    let device = server.signed_in();
    server.rules(|rules| rules.padding = 7000);
    let app = device.app();
    let token = |number: u32| {
        let want = Want {
            resource: Some(format!("https://{number}.example")),
            ..Want::default()
        };
        app.run(app.core.access_token(None, want))
    };
    for number in 0..12 {
        assert!(token(number).is_ok());
    }
    // The last ones are at hand still, after a start too.
    let asked = server.asked("token");
    assert!(token(11).is_ok() && token(10).is_ok());
    assert_eq!(server.asked("token"), asked);
    assert!(!app.heard(|event| matches!(event, Event::StorageDegraded { .. })));
    assert!(device.app().refresh().is_ok());
}

#[test]
fn whom_an_app_means_that_names_nobody_is_no_other_apps_person() {
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    let (ours, chosen) = accounts(&app);
    let config = Config {
        client_id: "another".to_owned(),
        scopes: vec!["offline_access".to_owned()],
        ..device.config.clone()
    };
    let other = App {
        core: Core::new(config).expect("a configuration"),
        ..device.app()
    };
    assert_eq!(accounts(&other), (Vec::new(), None));
    // What it is given has no ID token, which would be for the first app.
    let tokens =
        json!({ "access_token": "at", "token_type": "DPoP", "expires_in": 3600, "refresh_token": "rt" });
    server.instead(move |path, _| (path == "token").then(|| answer(200, &tokens)));
    let theirs = server.sign_in(&other);
    assert_eq!(accounts(&other), (vec![theirs.clone()], Some(theirs)));
    assert!(other.run(other.core.access_token(None, fresh())).is_ok());
    assert_eq!(accounts(&device.app()), (ours, chosen));
    server.as_ever();
    assert!(device.app().refresh().is_ok());
}

#[test]
fn two_apps_on_one_store_leave_each_other_alone() {
    let server = Fake::default();
    let device = server.signed_in();
    let app = device.app();
    let back = server.browse(&app.begin());
    // A sign-out that waits.
    server.person("bob");
    let bob = server.sign_in(&app);
    let wire = device.wire.lock().expect("one thread").clone();
    device.wire(|_| Input::HttpFailed {
        failure: postern_mobile_core::HttpFailure::NotSent,
    });
    app.run(app.core.logout(Some(bob), LogoutMode::Session))
        .expect("signed out here");
    *device.wire.lock().expect("one thread") = wire;
    let records = device.store.records().clone();
    let (keys, ended) = (device.keys.count(), server.ended());

    let config = Config {
        client_id: "another".to_owned(),
        ..device.config.clone()
    };
    let other = App {
        core: Core::new(config).expect("a configuration"),
        ..device.app()
    };
    other.begin();
    assert!(other.run(other.core.resume()).is_ok());
    for id in accounts(&app).0 {
        let theirs = other.run(other.core.access_token(Some(id.clone()), fresh()));
        assert_eq!(theirs.expect_err("not its own").code, ErrorCode::NoSuchAccount);
        let gone = other.run(other.core.logout(Some(id), LogoutMode::Session));
        assert!(gone.is_ok(), "{gone:?}");
    }
    for (name, value) in &records {
        assert_eq!(device.store.records().get(name), Some(value), "{name}");
    }
    assert_eq!((device.keys.count(), server.ended()), (keys + 1, ended));

    assert!(app.run(app.core.resume()).is_ok());
    assert_eq!(server.ended(), ended + 1, "what waited is done");
    assert!(app.run(app.core.handle_redirect(back.as_str().into())).is_ok());
}
