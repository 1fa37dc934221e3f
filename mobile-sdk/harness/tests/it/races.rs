//! Two processes of one app whose effects come in every order: what one of them tidies away is nothing that the other one
//! makes a session of.

use std::sync::{Arc, atomic::Ordering};

use postern_mobile_core::{
    Action, Answer, AuthorizeParams, Core, Effect, EndReason, ErrorCode, Event, ExchangeParams, LogoutMode,
    Next, Operation, Outcome, SdkError,
};
use postern_mobile_harness::{
    device::{App, Device, End, Kill, fresh},
    fake::{Fake, Rules},
};
use proptest::prelude::*;

/// A sign-in's life and the grace that one has whose code is on its way.
const OVER: i64 = 3_600_000 + 600_001;

/// An operation that is led effect by effect.
struct Led {
    app: App,
    operation: Operation,
    next: Next,
}

impl Led {
    fn new(device: &Arc<Device>, begin: impl FnOnce(&Core) -> Operation) -> Self {
        let app = device.app();
        let mut operation = begin(&app.core);
        let next = operation.step(None, &device.now()).next;
        Self { app, operation, next }
    }

    /// One effect further; `false`: there is none.
    fn go_on(&mut self) -> bool {
        let Next::Need { id, effect } = &self.next else {
            return false;
        };
        let device = &self.app.device;
        let input = device.perform(effect);
        let answer = Answer { id: *id, input };
        self.next = self.operation.step(Some(answer), &device.now()).next;
        true
    }

    fn is_over(&self) -> bool {
        !matches!(self.next, Next::Need { .. })
    }

    fn ended(&self) -> Result<Outcome, SdkError> {
        match &self.next {
            Next::Done { outcome } => Ok(outcome.clone()),
            Next::Failed { error } => Err(error.clone()),
            Next::Need { effect, .. } => panic!("not over: {effect:?}"),
        }
    }
}

/// Every order of the effects of two operations, each on a device of its own; how many there were.
fn every_order(begin: impl Fn() -> [Led; 2], check: impl Fn(&[Led; 2], &[usize])) -> usize {
    let mut order: Vec<usize> = Vec::new();
    for count in 1.. {
        let mut both = begin();
        let mut taken = Vec::new();
        while both.iter().any(|led| !led.is_over()) {
            let which = match (both[0].is_over(), both[1].is_over()) {
                (true, _) => 1,
                (_, true) => 0,
                _ => {
                    taken.push(order.get(taken.len()).copied().unwrap_or(0));
                    taken[taken.len() - 1]
                }
            };
            both[which].go_on();
        }
        check(&both, &taken);
        while taken.last() == Some(&1) {
            taken.pop();
        }
        match taken.last_mut() {
            Some(last) => *last = 1,
            None => return count,
        }
        order = taken;
    }
    unreachable!("they are finite")
}

/// Every pair of places where one gives way to the other and back again.
fn every_turn(begin: impl Fn() -> [Led; 2], check: impl Fn(&[Led; 2], &[usize])) {
    for first in 0.. {
        let mut reached = false;
        for second in 0.. {
            let mut both = begin();
            reached = (0..first).all(|_| both[0].go_on());
            let went = (0..second).all(|_| both[1].go_on());
            while both[0].go_on() {}
            while both[1].go_on() {}
            check(&both, &[first, second]);
            if !went {
                break;
            }
        }
        if !reached {
            return;
        }
    }
}

/// Later, when all is tidied: each key and each session at the server is an account's, whose session lives.
fn is_sound(server: &Fake, device: &Arc<Device>, told: &dyn std::fmt::Debug) -> usize {
    device.passed.fetch_add(OVER, Ordering::Relaxed);
    let app = device.app();
    app.run(app.core.resume()).expect("tidied");
    assert_eq!(device.store.names("pending/"), Vec::<String>::new(), "{told:?}");
    assert_eq!(device.store.names("logout/"), Vec::<String>::new(), "{told:?}");
    let accounts = device.store.names("account/").len();
    assert_eq!(device.keys.count(), accounts, "{told:?}");
    for name in device.store.names("account/") {
        let id = name.trim_start_matches("account/").to_owned();
        let token = app.run(app.core.access_token(Some(id), fresh()));
        assert!(token.is_ok(), "{told:?}: {token:?}");
    }
    assert!(server.open() >= accounts, "{told:?}");
    accounts
}

fn redirected(server: &Fake) -> (Arc<Device>, String) {
    let device = server.device();
    let back = server.browse(&device.app().begin());
    (device, back)
}

#[test]
fn an_exchange_beside_a_new_sign_in_is_one_of_the_new_session() {
    let server = Fake::default();
    let device = server.signed_in();
    let (app, other) = (device.app(), device.app());
    let exchange = || {
        let params = ExchangeParams {
            audience: None,
            resource: Some("https://api.example".into()),
            scopes: None,
        };
        app.core.exchange(None, params)
    };
    let mut signed_in = false;
    let (done, _) = app.run_with(exchange(), Kill::Never, |_, effect| {
        if matches!(effect, Effect::Sign { .. }) && !std::mem::replace(&mut signed_in, true) {
            server.sign_in(&other);
        }
        None
    });
    assert!(matches!(done, Ok(Outcome::Token { .. })), "{done:?}");
    assert!(other.refresh().is_ok());
    // Without its key the session is over, and that is told.
    device.keys.lose();
    let error = app.run(exchange()).expect_err("no key");
    assert_eq!((error.code, error.action), (ErrorCode::KeyLost, Action::SignIn));
    assert!(device.store.names("account/").is_empty());
    assert!(app.heard(|event| matches!(
        event,
        Event::SessionEnded {
            reason: EndReason::KeyLost,
            ..
        }
    )));
}

#[test]
fn a_sign_in_that_is_cancelled_while_its_code_comes_is_whole_or_nothing() {
    let server = std::cell::RefCell::new(Fake::default());
    let begin = || {
        let new = Fake::default();
        let (device, back) = redirected(&new);
        server.replace(new);
        let record = device.store.names("pending/").remove(0);
        let flow = record.trim_start_matches("pending/").to_owned();
        [
            Led::new(&device, |core| core.handle_redirect(back.as_str().into())),
            Led::new(&device, |core| core.cancel(flow)),
        ]
    };
    let orders = every_order(begin, |both, order| {
        let server = server.borrow();
        assert!(both[1].ended().is_ok(), "{order:?}: {:?}", both[1].ended());
        let accounts = is_sound(&server, &both[0].app.device, &order);
        assert_eq!(server.open(), accounts, "{order:?}");
        let signed_in = matches!(both[0].ended(), Ok(Outcome::SignedIn { .. }));
        assert_eq!(signed_in, accounts == 1, "{order:?}: {:?}", both[0].ended());
    });
    assert!(orders > 30, "{orders}");
}

#[test]
fn a_sixth_sign_in_takes_no_key_of_one_whose_code_comes() {
    let server = std::cell::RefCell::new(Fake::default());
    let begin = || {
        let new = Fake::default();
        let (device, back) = redirected(&new);
        for _ in 0..4 {
            device.passed.fetch_add(1000, Ordering::Relaxed);
            device.app().begin();
        }
        server.replace(new);
        [
            Led::new(&device, |core| core.handle_redirect(back.as_str().into())),
            Led::new(&device, |core| core.begin(AuthorizeParams::default())),
        ]
    };
    every_turn(begin, |both, order| {
        assert!(both[1].ended().is_ok(), "{order:?}");
        let accounts = is_sound(&server.borrow(), &both[0].app.device, &order);
        let signed_in = matches!(both[0].ended(), Ok(Outcome::SignedIn { .. }));
        assert_eq!(signed_in, accounts == 1, "{order:?}: {:?}", both[0].ended());
    });
}

#[test]
fn an_hour_that_is_over_while_the_code_is_on_its_way_takes_no_key() {
    for number in 0.. {
        let server = Fake::default();
        let (device, back) = redirected(&server);
        let mut led = Led::new(&device, |core| core.handle_redirect(back.as_str().into()));
        let reached = (0..number).all(|_| led.go_on());
        device.passed.fetch_add(3_600_001, Ordering::Relaxed);
        let other = device.app();
        other.run(other.core.resume()).expect("tidied");
        while led.go_on() {}
        let accounts = is_sound(&server, &device, &number);
        let signed_in = matches!(led.ended(), Ok(Outcome::SignedIn { .. }));
        assert_eq!(signed_in, accounts == 1, "{number}: {:?}", led.ended());
        if !reached {
            return;
        }
    }
}

#[test]
fn a_sign_in_that_was_given_up_while_its_process_slept_is_no_session_without_a_key() {
    let server = Fake::default();
    let (device, back) = redirected(&server);
    let app = device.app();
    let redirect = app.core.handle_redirect(back.as_str().into());
    let (done, _) = app.run_with(redirect, Kill::Never, |_, effect| {
        let Effect::Http { request } = effect else {
            return None;
        };
        let answer = server.send(request);
        device.passed.fetch_add(80 * 60_000, Ordering::Relaxed);
        let other = device.app();
        other.run(other.core.resume()).expect("tidied");
        Some(answer)
    });
    let Err(End::Failed(error)) = done else {
        panic!("{done:?}")
    };
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::CodeRefused, Action::ShowLogin)
    );
    assert_eq!((server.open(), device.keys.count()), (0, 0));
    assert!(device.store.names("account/").is_empty());
}

fn with_device_grant() -> (Fake, Arc<Device>, String) {
    let server = Fake::new(Rules {
        device: true,
        ..Rules::default()
    });
    let device = server.device();
    let app = device.app();
    match app.run(app.core.begin_device(AuthorizeParams::default())) {
        Ok(Outcome::DeviceReady { ready }) => (server, device, ready.flow_id),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kill_at_any_effect_of_a_granted_poll_leaves_a_session_or_nothing() {
    let (_server, device, flow) = with_device_grant();
    let app = device.app();
    let (_, effects) = app.run_until(app.core.poll_device(flow), Kill::Never);
    for number in 0..effects {
        for kill in [Kill::Before(number), Kill::After(number)] {
            for tidied_first in [false, true] {
                let (server, device, flow) = with_device_grant();
                let app = device.app();
                let _killed = app.run_until(app.core.poll_device(flow.clone()), kill);
                let stored = device.store.names("account/").len();
                if tidied_first {
                    device.passed.fetch_add(OVER, Ordering::Relaxed);
                    let app = device.app();
                    app.run(app.core.resume()).expect("tidied");
                }
                let app = device.app();
                let done = app.run(app.core.poll_device(flow));
                let told = (kill, tidied_first, &done);
                let accounts = is_sound(&server, &device, &told);
                let signed_in = matches!(done, Ok(Outcome::SignedIn { .. }));
                assert_eq!(signed_in, accounts == 1, "{told:?}");
                assert!(accounts >= stored, "{told:?}");
            }
        }
    }
}

#[test]
fn two_who_poll_for_one_code_get_one_session_or_none() {
    let server = std::cell::RefCell::new(Fake::default());
    let begin = || {
        let (new, device, flow) = with_device_grant();
        server.replace(new);
        [
            Led::new(&device, |core| core.poll_device(flow.clone())),
            Led::new(&device, |core| core.poll_device(flow)),
        ]
    };
    every_turn(begin, |both, order| {
        let server = server.borrow();
        let accounts = is_sound(&server, &both[0].app.device, &order);
        let ended = [both[0].ended(), both[1].ended()];
        let signed_in = ended
            .iter()
            .any(|ended| matches!(ended, Ok(Outcome::SignedIn { .. })));
        assert_eq!(signed_in, accounts == 1, "{order:?}: {ended:?}");
        assert_eq!(server.open(), accounts, "{order:?}: {ended:?}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn two_who_poll_and_one_who_cancels_in_any_order_leave_a_session_or_nothing(
        schedule in prop::collection::vec(0..3usize, 0..50),
    ) {
        let (server, device, flow) = with_device_grant();
        let mut all = [
            Led::new(&device, |core| core.poll_device(flow.clone())),
            Led::new(&device, |core| core.poll_device(flow.clone())),
            Led::new(&device, |core| core.cancel(flow)),
        ];
        for which in &schedule {
            all[*which].go_on();
        }
        for led in &mut all {
            while led.go_on() {}
        }
        let accounts = is_sound(&server, &device, &schedule);
        let signed_in = all.iter().any(|led| matches!(led.ended(), Ok(Outcome::SignedIn { .. })));
        prop_assert_eq!(signed_in, accounts == 1);
        prop_assert_eq!(server.open(), accounts);
    }
}

#[test]
fn a_device_code_that_is_over_when_its_answer_comes_takes_no_key() {
    for number in 0.. {
        let (server, device, flow) = with_device_grant();
        let mut led = Led::new(&device, |core| core.poll_device(flow.clone()));
        let reached = (0..number).all(|_| led.go_on());
        device.passed.fetch_add(600_001, Ordering::Relaxed);
        let other = device.app();
        let polled = other.run(other.core.poll_device(flow));
        while led.go_on() {}
        let accounts = is_sound(&server, &device, &number);
        let ended = [led.ended(), polled];
        let signed_in = ended
            .iter()
            .any(|ended| matches!(ended, Ok(Outcome::SignedIn { .. })));
        assert_eq!(signed_in, accounts == 1, "{number}: {ended:?}");
        if !reached {
            return;
        }
    }
}

#[test]
fn processes_that_count_from_their_own_start_leave_each_others_sign_ins_alone() {
    let others: [fn(&Core) -> Operation; 2] = [Core::resume, |core| core.begin(AuthorizeParams::default())];
    for number in 0.. {
        let mut reached = false;
        for other in others {
            let server = Fake::default();
            let (device, back) = redirected(&server);
            let mut led = Led::new(&device, |core| core.handle_redirect(back.as_str().into()));
            reached = (0..number).all(|_| led.go_on());
            // Another process, with a boot of its own.
            device.boot.fetch_add(1, Ordering::Relaxed);
            let app = device.app();
            assert!(app.run(other(&app.core)).is_ok());
            device.boot.fetch_sub(1, Ordering::Relaxed);
            while led.go_on() {}
            assert!(
                matches!(led.ended(), Ok(Outcome::SignedIn { .. })),
                "{number}: {:?}",
                led.ended()
            );
            assert!(device.app().refresh().is_ok(), "{number}");
        }
        if !reached {
            return;
        }
    }
}

#[test]
fn a_sign_in_of_another_boot_is_over_by_the_clocks_that_there_are() {
    // How far the wall clock is, and whether the sign-in is there still.
    for (wall, there) in [
        (0, true),
        (3_500_000, true),
        (3_600_001, false),
        (-3_500_000, true),
        (-90_000_000, false),
    ] {
        let server = Fake::default();
        let (device, _back) = redirected(&server);
        device.boot.fetch_add(1, Ordering::Relaxed);
        device.wall_off.fetch_add(wall, Ordering::Relaxed);
        let app = device.app();
        app.run(app.core.resume()).expect("tidied");
        assert_eq!(device.store.names("pending/").len(), usize::from(there), "{wall}");
        assert_eq!(device.keys.count(), usize::from(there), "{wall}");
    }
}

#[test]
fn a_second_session_of_a_person_ends_the_first_whoever_tidies_meanwhile() {
    let server = std::cell::RefCell::new(Fake::default());
    let begin = || {
        let new = Fake::default();
        let device = new.signed_in();
        let back = new.browse(&device.app().begin());
        server.replace(new);
        [
            Led::new(&device, |core| core.handle_redirect(back.as_str().into())),
            Led::new(&device, Core::resume),
        ]
    };
    every_turn(begin, |both, order| {
        let server = server.borrow();
        assert!(both[1].ended().is_ok(), "{order:?}");
        assert!(
            matches!(both[0].ended(), Ok(Outcome::SignedIn { .. })),
            "{order:?}"
        );
        assert_eq!(is_sound(&server, &both[0].app.device, &order), 1);
        assert_eq!((server.open(), server.ended()), (1, 1), "{order:?}");
    });
}

#[test]
fn a_second_session_that_never_came_leaves_the_first_and_its_note_for_a_while_only() {
    let server = Fake::default();
    let device = server.signed_in();
    let back = server.browse(&device.app().begin());
    let mut led = Led::new(&device, |core| core.handle_redirect(back.as_str().into()));
    while device.store.names("logout/").is_empty() {
        assert!(led.go_on());
    }
    drop(led);
    for _ in 0..2 {
        let app = device.app();
        app.run(app.core.resume()).expect("tidied");
        assert!(app.refresh().is_ok());
    }
    assert_eq!(is_sound(&server, &device, &()), 1);
    let app = device.app();
    app.run(app.core.logout(None, LogoutMode::Session))
        .expect("signed out");
    let error = app.refresh().expect_err("nobody");
    assert_eq!(error.code, ErrorCode::NoSuchAccount);
}
