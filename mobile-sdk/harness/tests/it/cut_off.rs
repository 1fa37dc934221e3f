//! What is cut off between a note and the deed, and what another process does in between.

use std::sync::{Arc, atomic::Ordering};

use postern_mobile_core::{
    Effect, ErrorCode, Header, HookError, HttpFailure, Input, LogoutMode, Outcome, SdkError, Token, Verdict,
    Want,
};
use postern_mobile_harness::{
    device::{App, Device, End, Kill},
    fake::{Fake, answer, no},
};
use serde_json::json;

/// Alice signs in anew, and where her session would be stored something else happens.
fn sign_in_but(server: &Fake, app: &App, mut instead: impl FnMut() -> Option<Input>) -> Result<Outcome, End> {
    let back = server.browse(&app.begin());
    let finish = app.core.handle_redirect(back.as_str().into());
    let (done, _) = app.run_with(finish, Kill::Never, |_, effect| match effect {
        Effect::Put { key, .. } if key.starts_with("account/") => instead(),
        _ => None,
    });
    done
}

fn failed() -> Input {
    Input::Failed { error: HookError::Io }
}

fn notes(device: &Device) -> usize {
    device.store.names("logout/").len()
}

fn sign_out(app: &App, mode: LogoutMode) -> Result<Outcome, SdkError> {
    app.run(app.core.logout(None, mode))
}

#[test]
fn a_session_outlives_a_sign_in_that_was_to_take_its_place() {
    let server = Fake::default();
    let device = server.signed_in();
    assert!(sign_in_but(&server, &device.app(), || Some(failed())).is_err());
    let given_back = server.ended();
    // It may still come: another process may be at it.
    let app = device.app();
    assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
    assert_eq!((notes(&device), server.ended()), (1, given_back));
    // It has not come.
    device.passed.fetch_add(600_001, Ordering::Relaxed);
    assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
    assert_eq!((notes(&device), server.ended()), (0, given_back));
    assert!(app.refresh().is_ok());
}

#[test]
fn a_sign_in_that_is_begun_again_has_its_time_again() {
    let server = Fake::default();
    let device = server.signed_in();
    assert!(sign_in_but(&server, &device.app(), || Some(failed())).is_err());
    let given_back = server.ended();
    device.passed.fetch_add(590_000, Ordering::Relaxed);
    let signed_in = sign_in_but(&server, &device.app(), || {
        device.passed.fetch_add(20_000, Ordering::Relaxed);
        let other = device.app();
        assert_eq!(other.run(other.core.resume()), Ok(Outcome::Done));
        None
    });
    assert!(matches!(signed_in, Ok(Outcome::SignedIn { .. })), "{signed_in:?}");
    assert_eq!(
        (notes(&device), server.ended()),
        (0, given_back + 1),
        "the first was ended"
    );
    assert!(device.app().refresh().is_ok());
}

#[test]
fn a_sign_out_after_a_sign_in_that_was_cut_off_ends_the_session() {
    let server = Fake::default();
    let device = server.signed_in();
    assert!(sign_in_but(&server, &device.app(), || Some(failed())).is_err());
    assert_eq!(sign_out(&device.app(), LogoutMode::Session), Ok(Outcome::Done));
    assert!(device.store.names("account/").is_empty());
    assert_eq!((notes(&device), server.open()), (0, 0));
}

/// Alice signs in anew in another process, at the last moment.
#[test]
fn a_sign_out_takes_nothing_away_from_the_session_that_came_in_between() {
    for mode in [LogoutMode::Session, LogoutMode::LocalOnly] {
        let server = Fake::default();
        let device = server.signed_in();
        let app = device.app();
        let mut came = false;
        let (_done, _) = app.run_with(app.core.logout(None, mode), Kill::Never, |_, effect| {
            if matches!(effect, Effect::Delete { key, .. } if key.starts_with("account/")) && !came {
                came = true;
                server.sign_in(&device.app());
            }
            None
        });
        assert!(came, "{mode:?}");
        assert!(device.app().refresh().is_ok(), "{mode:?}");
        assert_eq!(device.keys.count(), 1, "{mode:?}");
    }
}

#[test]
fn a_sign_out_that_a_busy_server_puts_off_is_made_later_whatever_it_says() {
    for (status, error) in [
        (429, "slow_down"),
        (500, "server_error"),
        (503, "temporarily_unavailable"),
    ] {
        let server = Fake::default();
        let device = server.signed_in();
        server.instead(move |path, _| (path == "revoke").then(|| answer(status, &json!({ "error": error }))));
        let app = device.app();
        assert_eq!(sign_out(&app, LogoutMode::Session), Ok(Outcome::Done));
        assert_eq!((notes(&device), server.ended()), (1, 0), "{status}");
        server.as_ever();
        assert_eq!(app.run(app.core.resume()), Ok(Outcome::Done));
        assert_eq!((notes(&device), server.ended()), (0, 1), "{status}");
    }
}

#[test]
fn a_lease_that_was_got_is_given_back_also_where_nothing_came_of_it() {
    let server = Fake::default();
    let device = server.signed_in();
    for refused in [false, true] {
        if refused {
            server.end_all();
        }
        let app = device.app();
        let want = postern_mobile_harness::device::fresh();
        let mut held = Vec::new();
        let _ended = app.run_with(app.core.access_token(None, want), Kill::Never, |_, effect| {
            match effect {
                Effect::Lock { name, .. } => {
                    held.push(name.clone());
                    return Some(Input::LockHeld);
                }
                Effect::Unlock { name } => held.retain(|known| known != name),
                Effect::Http { .. } => assert_eq!(held.len(), 1),
                _ => {}
            }
            None
        });
        assert!(held.is_empty(), "{refused}: {held:?}");
    }
}

fn token(app: &App) -> Token {
    match app.run(app.core.access_token(None, Want::default())) {
        Ok(Outcome::Token { token }) => token,
        other => panic!("{other:?}"),
    }
}

/// Neither from memory nor from the store.
#[test]
fn a_token_that_an_api_has_refused_is_not_given_again() {
    let server = Fake::default();
    let device: Arc<Device> = server.signed_in();
    let app = device.app();
    let first = token(&app);
    assert_eq!(token(&app).value, first.value);
    let said = [Header {
        name: "WWW-Authenticate".to_owned(),
        value: r#"DPoP error="invalid_token""#.into(),
    }];
    let now = device.now();
    let verdict = app
        .core
        .response_seen(None, "https://api.example/", 401, &said, 0, &now);
    assert_eq!(verdict, Verdict::Retry);
    assert_eq!(app.core.cached_token(None, &Want::default(), &now), None);
    device.passed.fetch_add(1000, Ordering::Relaxed);
    let second = token(&app);
    assert_ne!(second.value, first.value);
    assert_eq!(token(&app).value, second.value);
}

#[test]
fn a_code_whose_answer_is_lost_is_sent_once_more_and_no_oftener() {
    for lost in [1, 2] {
        let server = Fake::default();
        let device = server.device();
        let app = device.app();
        let back = server.browse(&app.begin());
        let mut left = lost;
        server.instead(move |path, _| {
            let loses = path == "token" && left > 0;
            left -= i32::from(loses);
            loses.then_some(Input::HttpFailed {
                failure: HttpFailure::Ambiguous,
            })
        });
        let done = app.run(app.core.handle_redirect(back.as_str().into()));
        assert_eq!(server.asked("token"), 2);
        assert_eq!(done.is_ok(), lost == 1, "{done:?}");
        // What was lost may be handed over again.
        assert_eq!(device.store.names("pending/").len(), usize::from(lost == 2));
        assert_eq!(device.keys.count(), 1);
    }
}

#[test]
fn a_code_that_is_refused_leaves_nothing_behind() {
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let back = server.browse(&app.begin());
    server.instead(|path, _| (path == "token").then(|| no("invalid_grant")));
    let refused = app.run(app.core.handle_redirect(back.as_str().into()));
    assert_eq!(refused.expect_err("refused").code, ErrorCode::CodeRefused);
    assert!(device.store.records().is_empty());
    assert_eq!(device.keys.count(), 0);
}

/// The sixth takes the place of the one that has waited longest.
#[test]
fn five_sign_ins_wait_at_most() {
    let server = Fake::default();
    let device = server.device();
    let app = device.app();
    let mut urls = Vec::new();
    for _ in 0..6 {
        urls.push(app.begin());
        device.passed.fetch_add(1000, Ordering::Relaxed);
    }
    assert_eq!(
        (device.store.names("pending/").len(), device.keys.count()),
        (5, 5)
    );
    let first = server.browse(&urls[0]);
    let gone = app.run(app.core.handle_redirect(first.as_str().into()));
    assert_eq!(gone.expect_err("gone").code, ErrorCode::RedirectStateUnknown);
    let second = server.browse(&urls[1]);
    let signed_in = app.run(app.core.handle_redirect(second.as_str().into()));
    assert!(signed_in.is_ok(), "{signed_in:?}");
}
