//! Three processes on one store, whose effects come in any order, each with any fault: the session is never over.

use postern_mobile_core::{Action, Answer, Effect, HookError, HttpFailure, Input, Next, Operation};
use postern_mobile_harness::{
    device::{App, Device, fresh},
    fake::Fake,
};
use proptest::prelude::*;

/// What befalls one effect.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    KilledBefore,
    KilledAfter,
    /// It is done, and nobody hears of it.
    Unheard,
    /// It is not done, and nobody knows.
    Undone,
    /// It cannot be done now.
    Refused,
    /// Ten minutes pass before.
    Late,
    /// The answer comes twice.
    Twice,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        12 => Just(Fault::None),
        1 => Just(Fault::KilledBefore),
        1 => Just(Fault::KilledAfter),
        2 => Just(Fault::Unheard),
        1 => Just(Fault::Undone),
        1 => Just(Fault::Refused),
        1 => Just(Fault::Late),
        1 => Just(Fault::Twice),
    ]
}

struct Process {
    app: App,
    running: Option<(Operation, Option<Answer>)>,
}

impl Process {
    fn new(device: &std::sync::Arc<Device>) -> Self {
        Self {
            app: device.app(),
            running: None,
        }
    }

    /// One effect further. `false`: it is killed.
    fn go_on(&mut self, fault: Fault) -> bool {
        let device = &self.app.device;
        let core = &self.app.core;
        let (operation, answer) = self
            .running
            .get_or_insert_with(|| (core.access_token(None, fresh()), None));
        let mut step = operation.step(answer.clone(), &device.now());
        if matches!(fault, Fault::Twice) && answer.is_some() {
            step = operation.step(answer.take(), &device.now());
        }
        let (id, effect) = match step.next {
            Next::Need { id, effect } => (id, effect),
            Next::Failed { error } => {
                assert_ne!(error.action, Action::SignIn, "{error:?}");
                self.running = None;
                return true;
            }
            Next::Done { .. } => {
                self.running = None;
                return true;
            }
        };
        let Some(input) = befall(device, &effect, fault) else {
            return false;
        };
        *answer = Some(Answer { id, input });
        true
    }
}

/// What comes of an effect; `None`: the process is killed.
fn befall(device: &Device, effect: &Effect, fault: Fault) -> Option<Input> {
    let failed = |failure, error| match effect {
        Effect::Http { .. } => Input::HttpFailed { failure },
        _ => Input::Failed { error },
    };
    Some(match fault {
        Fault::KilledBefore => return None,
        Fault::KilledAfter => {
            device.perform(effect);
            return None;
        }
        Fault::Unheard => {
            device.perform(effect);
            failed(HttpFailure::Ambiguous, HookError::Timeout)
        }
        Fault::Undone => failed(HttpFailure::Ambiguous, HookError::Io),
        Fault::Refused => failed(HttpFailure::NotSent, HookError::Locked),
        Fault::Late => {
            device
                .passed
                .fetch_add(600_000, std::sync::atomic::Ordering::Relaxed);
            device.perform(effect)
        }
        Fault::None | Fault::Twice => device.perform(effect),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_effects_and_no_faults_end_a_session(
        schedule in prop::collection::vec((0..3usize, fault()), 0..150),
    ) {
        let server = Fake::default();
        let device = server.signed_in();
        let mut processes = [0; 3].map(|_| Process::new(&device));
        for (which, fault) in schedule {
            let process = &mut processes[which];
            if !process.go_on(fault) {
                *process = Process::new(&device);
            }
        }
        // All is well again: what runs comes to its end, and each process gets a token, as does a new one.
        for process in &mut processes {
            while process.running.is_some() {
                process.go_on(Fault::None);
            }
            let token = process.app.refresh();
            prop_assert!(token.is_ok(), "{:?}", token);
        }
        let token = device.app().refresh();
        prop_assert!(token.is_ok(), "{:?}", token);
        prop_assert_eq!(server.ended(), 0);
        prop_assert_eq!(device.keys.count(), 1);
    }
}
