//! Whom a limit counts: by address, behind proxies or not, and by browser.

mod addresses;
mod full;
mod going_away;
mod known_browsers;
mod queue;

use std::sync::mpsc::{Sender, channel};

use postern::domain::limit::Limit;

use crate::harness::{Answer, Browser, Postern};

fn limit(burst: u32, every: &str) -> Limit {
    Limit {
        burst,
        every: every.parse().expect("a length of time"),
    }
}

/// A sign-in in a browser in which nobody is signed in any more. 303: done, 422: wrong, 429: wait, 503: the queue is full.
async fn attempt(browser: &mut Browser<'_>, email: &str, password: &str) -> Answer {
    browser.cookies.remove("postern-dev");
    let page = browser.open("/account").await.page();
    let form = page
        .form("/sign-in")
        .with("email", email)
        .with("password", password);
    browser.post(&form, &[("sec-fetch-site", "same-origin")]).await
}

/// The same in a browser that was never here.
async fn stranger(postern: &Postern, email: &str, password: &str) -> Answer {
    attempt(&mut postern.browser(), email, password).await
}

/// Tells a story in which there is one thread to hash on, so that [`stand_still`] can take it.
fn with_one_hashing_thread<T>(story: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build();
    runtime.expect("a runtime").block_on(story)
}

/// No password is hashed until what this gives is dropped.
fn stand_still() -> Sender<()> {
    let (go_on, told) = channel();
    tokio::task::spawn_blocking(move || told.recv());
    go_on
}
