//! The session survives whatever happens to the process, the network and the store. Against the real server.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use postern_mobile_core::{
    Effect, ErrorCode, Event, HookError, HttpFailure, Input, LogoutMode, Outcome, Want,
};
use postern_mobile_harness::{
    claims,
    device::{App, Kill, fresh, signed_in},
    http,
    server::Server,
};
use serde_json::Value;

fn nothing_ended(server: &Server) {
    let ended: Vec<String> = server
        .events()
        .lines()
        .filter(|line| line.contains("session.ended"))
        .map(str::to_owned)
        .collect();
    assert!(ended.is_empty(), "{ended:?}");
}

#[test]
fn a_kill_at_any_effect_of_a_refresh_never_loses_the_session() {
    let server = Server::start();
    let device = signed_in(&server);
    let app = device.app();
    let (done, effects) = app.run_until(app.core.access_token(None, fresh()), Kill::Never);
    assert!(matches!(done, Ok(Outcome::Token { .. })));
    for number in 0..effects {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let app = device.app();
            let _killed = app.run_until(app.core.access_token(None, fresh()), kill);
            let again = device.app().refresh();
            assert!(matches!(again, Ok(Outcome::Token { .. })), "{kill:?}: {again:?}");
        }
    }
    nothing_ended(&server);
}

#[test]
fn a_lost_answer_is_answered_again_with_the_same_successor() {
    let server = Server::start();
    let device = signed_in(&server);
    let app = device.app();
    app.refresh().expect("a token");
    let before = device.store.records().clone();
    let successor = Arc::new(Mutex::new(Value::Null));
    let on_its_way = Arc::clone(&successor);
    device.wire(move |request| {
        if let Input::Http { response } = http::send(request) {
            let body: Value = serde_json::from_slice(response.body.bytes()).expect("an answer");
            *on_its_way.lock().expect("one thread") = body["refresh_token"].clone();
        }
        Input::HttpFailed {
            failure: HttpFailure::Ambiguous,
        }
    });
    let error = app.refresh().expect_err("no answer");
    assert_eq!(error.code, ErrorCode::NoAnswer);
    assert_eq!(*device.store.records(), before, "nothing was wiped");
    // Killed, and twenty days offline.
    device.passed.fetch_add(20 * 86_400_000, Ordering::Relaxed);
    device.wire(http::send);
    assert!(matches!(device.app().refresh(), Ok(Outcome::Token { .. })));
    let stored = device.store.record("account/");
    assert_eq!(stored["refresh_token"], *successor.lock().expect("one thread"));
    nothing_ended(&server);
}

#[test]
fn a_write_that_fails_after_the_rotation_costs_nothing() {
    for error in [HookError::Locked, HookError::Io] {
        let server = Server::start();
        let device = signed_in(&server);
        let app = device.app();
        device.store.breaks(false, Some(error));
        assert!(
            matches!(app.refresh(), Ok(Outcome::Token { .. })),
            "the caller has its token"
        );
        assert!(app.heard(|event| matches!(event, Event::StorageDegraded { .. })));
        // And uses it.
        let answer = app.get(&format!("{}/userinfo", server.issuer));
        assert_eq!(answer.status, 200);
        // From a token that is not stored nothing is refreshed.
        let refused = app.refresh().expect_err("still not stored");
        assert!(
            matches!(
                refused.code,
                ErrorCode::DeviceLocked | ErrorCode::StorageUnavailable
            ),
            "{refused:?}"
        );
        // Killed: the predecessor is still there.
        device.store.breaks(false, None);
        assert!(matches!(device.app().refresh(), Ok(Outcome::Token { .. })));
        // And the first process stores, or finds what is newer.
        assert!(matches!(app.refresh(), Ok(Outcome::Token { .. })));
        nothing_ended(&server);
    }
}

#[test]
fn a_process_that_sleeps_between_two_effects_while_another_rotates_twice_ends_nothing() {
    let server = Server::start();
    let device = signed_in(&server);
    let app = device.app();
    let (_, effects) = app.run_until(app.core.access_token(None, fresh()), Kill::Never);
    for number in 0..effects {
        let sleeper = device.app();
        let other = device.app();
        let (done, _) = sleeper.run_with(sleeper.core.access_token(None, fresh()), Kill::Never, |at, _| {
            if at == number {
                other.refresh().expect("rotated");
                device.passed.fetch_add(600_000, Ordering::Relaxed);
                other.refresh().expect("rotated again");
            }
            None
        });
        assert!(matches!(done, Ok(Outcome::Token { .. })), "at {number}: {done:?}");
    }
    nothing_ended(&server);
}

#[test]
fn two_processes_without_a_lease_end_nothing() {
    let server = Server::start();
    let device = signed_in(&server);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let app = device.app();
                for _ in 0..25 {
                    let token = app.refresh();
                    let raced = matches!(&token, Err(error) if error.code == ErrorCode::Busy);
                    assert!(raced || token.is_ok(), "{token:?}");
                }
            });
        }
    });
    nothing_ended(&server);
    assert_eq!(server.count("refresh_reuse"), 0);
}

#[test]
fn offline_a_fresh_token_is_given_and_a_stale_one_is_no_reason_to_sign_out() {
    let server = Server::start();
    let device = signed_in(&server);
    device.wire(|_| Input::HttpFailed {
        failure: HttpFailure::NotSent,
    });
    let app = device.app();
    assert!(app.run(app.core.access_token(None, Want::default())).is_ok());
    let error = app.refresh().expect_err("offline");
    assert_eq!((error.code, error.number), (ErrorCode::Offline, 1401));
    // Sign out offline: key and tokens go at once, the server is told later, by another process.
    assert_eq!(
        app.run(app.core.logout(None, LogoutMode::Session)),
        Ok(Outcome::Done)
    );
    assert_eq!(device.keys.count(), 0);
    assert!(!device.store.names("logout/").is_empty());
    assert!(device.store.names("account/").is_empty());
    device.wire(http::send);
    let app = device.app();
    assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
    assert!(device.store.names("logout/").is_empty());
    assert_eq!(server.count("session.ended"), 1);
}

#[test]
fn a_widget_that_may_not_refresh_uses_what_its_app_has_got() {
    let server = Server::start();
    let device = signed_in(&server);
    let widget = device.widget();
    let token = |app: &App, want| match app.run(app.core.access_token(None, want)) {
        Ok(Outcome::Token { token }) => Ok(token.value),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code),
    };
    let before = token(&widget, Want::default()).expect("the app's");
    let records = device.store.records().clone();
    assert_eq!(token(&widget, fresh()), Err(ErrorCode::ReadOnly));
    device.passed.fetch_add(86_400_000, Ordering::Relaxed);
    assert_eq!(token(&widget, Want::default()), Err(ErrorCode::ReadOnly));
    assert_eq!(*device.store.records(), records, "it has changed nothing");
    let after = token(&device.app(), Want::default()).expect("refreshed");
    assert_ne!(before, after);
    assert_eq!(token(&widget, Want::default()), Ok(after));
    nothing_ended(&server);
}

#[test]
fn a_locked_device_is_never_signed_out() {
    let server = Server::start();
    let device = signed_in(&server);
    device.store.breaks(true, Some(HookError::Locked));
    let app = device.app();
    let error = app
        .run(app.core.access_token(None, Want::default()))
        .expect_err("locked");
    assert_eq!(error.code, ErrorCode::DeviceLocked);
    device.store.breaks(true, None);
    assert!(app.refresh().is_ok());
}

#[test]
fn a_lost_key_ends_one_account_once() {
    let server = Server::start();
    let device = signed_in(&server);
    device.keys.lose();
    let app = device.app();
    assert_eq!(app.refresh().expect_err("no key").code, ErrorCode::KeyLost);
    assert_eq!(app.refresh().expect_err("gone").code, ErrorCode::NoSuchAccount);
    assert!(device.store.names("account/").is_empty());
    assert!(device.store.names("logout/").is_empty());
}

#[test]
fn a_clock_that_is_a_day_off_and_a_restart_change_nothing() {
    for off in [-86_400_000, 86_400_000] {
        let server = Server::start();
        let device = postern_mobile_harness::device::Device::new(postern_mobile_harness::device::config(
            &server.issuer,
        ));
        device.wall_off.store(off, Ordering::Relaxed);
        let app = device.app();
        app.sign_in(&mut server.browser());
        assert!(app.heard(|event| matches!(event, Event::ClockSkewDetected { .. })));
        assert!(app.refresh().is_ok());
        device.boot.fetch_add(1, Ordering::Relaxed);
        device.wall_off.store(-off, Ordering::Relaxed);
        let app = device.app();
        let mut asked = false;
        let (token, _) = app.run_with(
            app.core.access_token(None, Want::default()),
            Kill::Never,
            |_, effect| {
                asked |= matches!(effect, Effect::Http { .. });
                None
            },
        );
        assert!(token.is_ok(), "{token:?}");
        assert!(asked, "after a restart nobody knows how old a token is");
    }
}

/// An hour for the summer and back, a day, a person who sets 2016: the wall clock jumps while the app runs, and between two of
/// its processes.
#[test]
fn a_wall_clock_that_jumps_during_the_session_changes_nothing() {
    const HOUR: i64 = 3_600_000;
    let server = Server::start();
    let userinfo = format!("{}/userinfo", server.issuer);
    let device = signed_in(&server);
    let app = device.app();
    // A proof that came with a nonce would be taken with any time.
    let (furthest, clock) = (Arc::new(AtomicI64::new(0)), Arc::downgrade(&device));
    let found = Arc::clone(&furthest);
    device.wire(move |request| {
        let now = clock.upgrade().expect("a device").now().monotonic_ms + 1_600_000_000_000;
        if let Some(claims) = claims(&request.headers) {
            let off = claims["iat"].as_i64().expect("a time") - now / 1000;
            found.fetch_max(off.abs(), Ordering::Relaxed);
        }
        http::send(request)
    });
    for jump in [HOUR, -HOUR, 24 * HOUR, -48 * HOUR, -87_600 * HOUR, 87_600 * HOUR] {
        device.wall_off.fetch_add(jump, Ordering::Relaxed);
        for app in [&app, &device.app()] {
            assert_eq!(app.get(&userinfo).status, 200, "{jump}");
            assert!(app.refresh().is_ok(), "{jump}");
            assert_eq!(app.get(&userinfo).status, 200, "{jump}");
        }
        let off = furthest.load(Ordering::Relaxed);
        assert!(off < 60, "{jump}: {off} s");
        // The device restarts with a clock like that: nobody knows the time until the server has said it.
        device.boot.fetch_add(1, Ordering::Relaxed);
        assert_eq!(device.app().get(&userinfo).status, 200, "{jump}");
        assert!(app.refresh().is_ok(), "{jump}");
        furthest.store(0, Ordering::Relaxed);
    }
    nothing_ended(&server);
}

#[test]
fn no_token_is_used_after_its_time_whatever_the_clocks_say() {
    let server = Server::start();
    let device = signed_in(&server);
    let asks = |app: &App| {
        let mut asked = false;
        let wanted = app.core.access_token(None, Want::default());
        let (token, _) = app.run_with(wanted, Kill::Never, |_, effect| {
            asked |= matches!(effect, Effect::Http { .. });
            None
        });
        let Ok(Outcome::Token { token }) = token else {
            panic!("{token:?}")
        };
        (asked, token.expires_in_ms)
    };
    let app = device.app();
    let (asked, life) = asks(&app);
    assert!(!asked && life > 0);
    let life = i64::try_from(life).expect("fits");
    // Set back by as much, again and again, its clock stands still, and the token grows old all the same.
    device.passed.fetch_add(life / 2, Ordering::Relaxed);
    device.wall_off.fetch_sub(life / 2, Ordering::Relaxed);
    let (asked, left) = asks(&app);
    assert!(!asked && i64::try_from(left).expect("fits") <= life - life / 2);
    device.passed.fetch_add(life / 2, Ordering::Relaxed);
    device.wall_off.fetch_sub(life / 2, Ordering::Relaxed);
    assert!(asks(&device.app()).0 && !asks(&app).0);
    // After a restart nobody knows how old it is, also where the monotonic clock of the new boot says less.
    device.passed.fetch_sub(life, Ordering::Relaxed);
    device.boot.fetch_add(1, Ordering::Relaxed);
    assert!(asks(&app).0);
    nothing_ended(&server);
}
