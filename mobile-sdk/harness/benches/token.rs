//! What a token that is at hand costs in the core: `cargo bench --package postern-mobile-harness`. Its figures are in docs/SPEED.md.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures, and says so"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use postern_mobile_core::{Answer, Core, Next, Operation, Want};
use postern_mobile_harness::{device::Device, fake::Fake};

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: it is the system's, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TIMES: u32 = 20_000;

/// Runs an operation to its end; how many effects it had.
fn run(device: &Device, mut operation: Operation) -> usize {
    let mut answer = None;
    for effects in 0.. {
        match operation.step(answer, &device.now()).next {
            Next::Need { id, effect } => {
                let input = device.perform(&effect);
                answer = Some(Answer { id, input });
            }
            end => {
                black_box(end);
                return effects;
            }
        }
    }
    unreachable!("it ends")
}

fn measure(name: &str, mut once: impl FnMut() -> usize) {
    let effects = once();
    let before = ALLOCATED.load(Ordering::Relaxed);
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(once());
    }
    let each = began.elapsed() / TIMES;
    let allocations = (ALLOCATED.load(Ordering::Relaxed) - before) / usize::try_from(TIMES).expect("fits");
    println!("| {name} | {effects} | {allocations} | {} ns |", each.as_nanos());
}

fn main() {
    let device = Fake::default().signed_in();
    let core = Core::new(device.config.clone()).expect("a configuration");
    let url = || "https://api.example/things".to_owned();
    println!("| | effects | allocations | time |\n| --- | --- | --- | --- |");
    // The first one reads the store.
    run(&device, core.access_token(None, Want::default()));
    measure("`cached_token`", || {
        black_box(core.cached_token(None, &Want::default(), &device.now()));
        0
    });
    measure("`access_token`, at hand", || {
        run(&device, core.access_token(None, Want::default()))
    });
    measure("`access_token`, a new process", || {
        let core = Core::new(device.config.clone()).expect("a configuration");
        run(&device, core.access_token(None, Want::default()))
    });
    measure("`authorize_request`, with the test's software key", || {
        run(
            &device,
            core.authorize_request(None, "GET".into(), url(), Want::default()),
        )
    });
}
