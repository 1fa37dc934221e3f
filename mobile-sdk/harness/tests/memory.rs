//! What the core frees holds no secret: an allocator looks at each block that the core gives back. A program of its own, since
//! it has its own allocator.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

use postern_mobile_core::{
    Answer, AuthorizeParams, Core, Effect, Input, LogoutMode, Next, Operation, Outcome, Want,
};
use postern_mobile_harness::{
    device::{Device, fresh},
    fake::Fake,
};

/// Tokens and codes of the fake server, and the verifier, which is the third that is drawn.
const SECRETS: [&[u8]; 6] = [
    b"canary-access-",
    b"canary-refresh-",
    b"canary-code-",
    b"canary-exchanged-",
    b"canary-signature-",
    b"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw",
];

static FOUND: AtomicUsize = AtomicUsize::new(0);
static LOOKED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LOOKS: Cell<bool> = const { Cell::new(false) };
}

struct Looking;

// SAFETY: it is the system's; what is given back is only read before.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on. Zeroed, so that what is read below was written.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if LOOKS.get() {
            // SAFETY: the block is the caller's, of this size, and was zeroed when it was given.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            LOOKED.fetch_add(1, Ordering::Relaxed);
            let has = |secret: &&[u8]| bytes.windows(secret.len()).any(|window| window == *secret);
            if SECRETS.iter().any(has) {
                LOOKS.set(false);
                FOUND.fetch_add(1, Ordering::Relaxed);
                eprintln!(
                    "given back: {}\n{}",
                    String::from_utf8_lossy(bytes),
                    std::backtrace::Backtrace::force_capture()
                );
                LOOKS.set(true);
            }
        }
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

/// Does something of the core's while the allocator looks.
fn looking<T>(work: impl FnOnce() -> T) -> T {
    LOOKS.set(true);
    let done = work();
    LOOKS.set(false);
    done
}

/// A device whose randomness is counted: the n-th draw is n, again and again.
struct Host {
    device: std::sync::Arc<Device>,
    core: Core,
    drawn: Cell<u8>,
}

impl Host {
    fn run(&self, mut operation: Operation) -> Next {
        let mut answer = None;
        loop {
            let now = self.device.now();
            let step = looking(|| operation.step(answer.take(), &now));
            let (id, effect) = match step.next {
                Next::Need { id, effect } => (id, effect),
                end => {
                    looking(|| drop(operation));
                    return end;
                }
            };
            let input = match &effect {
                Effect::Random { len } => {
                    self.drawn.set(self.drawn.get() + 1);
                    Input::Random {
                        bytes: vec![self.drawn.get(); usize::try_from(*len).expect("fits")].into(),
                    }
                }
                effect => self.device.perform(effect),
            };
            // The effect is the core's too.
            looking(|| drop(effect));
            answer = Some(Answer { id, input });
        }
    }
}

#[test]
fn nothing_that_the_core_gives_back_holds_a_secret() {
    let server = Fake::default();
    let device = server.device();
    let host = Host {
        core: Core::new(device.config.clone()).expect("a configuration"),
        device,
        drawn: Cell::new(0),
    };
    for _ in 0..2 {
        host.drawn.set(0);
        let Next::Done {
            outcome: Outcome::AuthorizationReady { ready },
        } = host.run(host.core.begin(AuthorizeParams::default()))
        else {
            panic!("no URL")
        };
        let pending = host.device.store.records().clone();
        let pending = pending.iter().find(|(name, _)| name.starts_with("pending/"));
        let pending = String::from_utf8_lossy(pending.expect("waiting").1).into_owned();
        assert!(
            pending.contains("AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"),
            "{pending}"
        );
        let back = server.browse(&ready.url);
        let signed_in = host.run(host.core.handle_redirect(back.as_str().into()));
        assert!(
            matches!(
                signed_in,
                Next::Done {
                    outcome: Outcome::SignedIn { .. }
                }
            ),
            "{signed_in:?}"
        );
        for _ in 0..3 {
            let token = host.run(host.core.access_token(None, fresh()));
            assert!(
                matches!(
                    &token,
                    Next::Done {
                        outcome: Outcome::Token { .. }
                    }
                ),
                "{token:?}"
            );
            looking(|| drop(token));
        }
        let url = "https://api.example/".to_owned();
        let headers = host.run(
            host.core
                .authorize_request(None, "GET".into(), url, Want::default()),
        );
        looking(|| drop(headers));
        host.run(host.core.id_claims(None));
        // Half done: dropped in the middle.
        for steps in 0..12 {
            let mut operation = host.core.access_token(None, fresh());
            let mut answer = None;
            for _ in 0..steps {
                let now = host.device.now();
                let step = looking(|| operation.step(answer.take(), &now));
                let Next::Need { id, effect } = step.next else {
                    break;
                };
                let input = host.device.perform(&effect);
                answer = Some(Answer { id, input });
                looking(|| drop(effect));
                if id == steps {
                    break;
                }
            }
            looking(|| drop((operation, answer)));
        }
    }
    host.run(host.core.logout(None, LogoutMode::Session));
    let core = host.core;
    looking(|| drop(core));
    assert!(LOOKED.load(Ordering::Relaxed) > 1000);
    assert_eq!(FOUND.load(Ordering::Relaxed), 0, "see what was printed above");
}
