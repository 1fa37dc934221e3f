//! What a node tells those who follow its revocation stream: encoded once, for all of them.
//!
//! A bounded number of messages is kept for who is behind; who is further behind is cut off, and begins anew with all that
//! counts.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::{
    base::time::{Instant, Lifetime},
    domain::revocation::{
        Name, Revocation,
        message::{self, Message},
    },
};

/// How many messages somebody may be behind.
const BEHIND: usize = 1024;
/// How long nothing is said at most, when there is nothing to say. The poll comes four times a second; with it this is less
/// than two seconds.
const SILENCE: Lifetime = Lifetime::from_millis(1700);

/// What is said.
#[derive(Debug, Clone)]
pub enum Announcement {
    /// More is to be refused.
    Revoked(Message),
    /// A poll of the database was complete.
    Polled(Arc<Polled>),
    /// The node stops.
    Stopping,
}

/// A complete poll.
#[derive(Debug)]
pub struct Polled {
    /// Polls are counted in the order in which they begin.
    pub number: u64,
    /// When it began, by the database's clock.
    pub at: Instant,
    /// Whether it is time for a heartbeat.
    pub is_due: bool,
    /// Whether everybody is asked to acknowledge it.
    pub asks: bool,
    /// The heartbeat.
    pub heartbeat: Message,
    /// The heartbeat that asks.
    pub asking: Message,
}

/// Who tells, and what was told last.
#[derive(Debug)]
pub struct Announcements {
    sender: Sender<Announcement>,
    /// How often something was added.
    additions: AtomicU64,
    begun: AtomicU64,
    last: Mutex<Last>,
    snapshot: Mutex<Weak<Snapshot>>,
}

#[derive(Debug, Default)]
struct Last {
    /// By this machine's clock.
    heartbeat: Option<Instant>,
    /// How many additions the heartbeat before knew of.
    additions: u64,
    /// Whether that had some more to tell of than the one before it.
    had_additions: bool,
}

/// Everything that is to be refused, encoded.
#[derive(Debug)]
pub struct Snapshot {
    /// The messages.
    pub messages: Vec<Message>,
    additions: u64,
}

impl Default for Announcements {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(BEHIND).0,
            additions: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            last: Mutex::default(),
            snapshot: Mutex::default(),
        }
    }
}

impl Announcements {
    /// Hears everything that is said from now on.
    pub fn follow(&self) -> Receiver<Announcement> {
        self.sender.subscribe()
    }

    /// How many polls have begun.
    pub fn polls_begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Tells of what is to be refused from now on. Called in the order in which it is remembered.
    pub(super) fn add(&self, revocations: &[(Name, Revocation)]) {
        if revocations.is_empty() {
            return;
        }
        self.additions.fetch_add(1, Ordering::SeqCst);
        if self.sender.receiver_count() > 0 {
            for message in message::revoked(revocations) {
                self.say(Announcement::Revoked(message));
            }
        }
    }

    /// A poll begins; its number.
    pub fn begin_poll(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The poll with this number was complete, and what it saw has been told. It began at `at` by the database's clock; it is
    /// `own` by this machine's.
    pub fn complete_poll(&self, number: u64, at: Instant, own: Instant, asks: bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let additions = self.additions.load(Ordering::SeqCst);
        let has_additions = additions != last.additions;
        let is_silent = last
            .heartbeat
            .is_none_or(|at| own < at || own.since(at) >= SILENCE);
        // Once more after one with additions: what it told of may have been written after its poll began.
        let is_due = asks || has_additions || last.had_additions || is_silent;
        if is_due {
            *last = Last {
                heartbeat: Some(own),
                additions,
                had_additions: has_additions,
            };
        }
        drop(last);
        if self.sender.receiver_count() > 0 {
            self.say(Announcement::Polled(Arc::new(Polled {
                number,
                at,
                is_due,
                asks,
                heartbeat: message::heartbeat(at, false),
                asking: message::heartbeat(at, true),
            })));
        }
    }

    /// Says goodbye.
    pub fn stop(&self) {
        self.say(Announcement::Stopping);
    }

    /// Everything that counts, of which `all` gives a list: encoded anew if there was an addition since the last time. Who
    /// follows already misses nothing: what is not in it comes later.
    pub(super) fn snapshot(&self, all: impl FnOnce() -> Vec<(Name, Revocation)>) -> Arc<Snapshot> {
        // Before the list is made: what is added meanwhile makes this one old.
        let additions = self.additions.load(Ordering::SeqCst);
        let mut held = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.upgrade().filter(|known| known.additions == additions) {
            return known;
        }
        let all = all();
        let mut messages = vec![message::snapshot(all.len())];
        messages.extend(message::revoked(&all));
        let made = Arc::new(Snapshot { messages, additions });
        *held = Arc::downgrade(&made);
        made
    }

    fn say(&self, announcement: Announcement) {
        // Nobody may be there to hear it.
        let _ = self.sender.send(announcement);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::revocation::KEY;

    fn revocation(kid: &str) -> (Name, Revocation) {
        let at = Instant::from_millis(0);
        let revocation = Revocation {
            session: None,
            issued_before: at,
            until: at,
            recorded_at: at,
        };
        ((KEY.to_owned(), kid.into()), revocation)
    }

    #[test]
    fn a_heartbeat_is_due_with_additions_once_more_after_them_when_it_asks_and_after_silence() {
        let told = Announcements::default();
        let mut heard = told.follow();
        let mut now = Instant::from_millis(1_000_000);
        let mut is_due = |added: bool, asks: bool, later: i64| {
            now = now.plus(Lifetime::from_millis(later));
            let number = told.begin_poll();
            if added {
                told.add(&[revocation("k")]);
                assert!(matches!(heard.try_recv(), Ok(Announcement::Revoked(_))));
            }
            told.complete_poll(number, now, now, asks);
            match heard.try_recv() {
                Ok(Announcement::Polled(polled)) => {
                    assert_eq!((polled.number, polled.at, polled.asks), (number, now, asks));
                    polled.is_due
                }
                other => panic!("{other:?}"),
            }
        };
        assert!(is_due(false, false, 250), "the first");
        assert!(!is_due(false, false, 250));
        assert!(is_due(true, false, 250));
        assert!(is_due(false, false, 250), "once more");
        assert!(!is_due(false, false, 250));
        assert!(is_due(false, true, 250));
        assert!(!is_due(false, false, 1699));
        assert!(is_due(false, false, 1));
    }

    #[test]
    fn a_snapshot_is_shared_until_something_is_added() {
        let told = Announcements::default();
        let first = told.snapshot(|| vec![revocation("a")]);
        let second = told.snapshot(|| panic!("nothing was added"));
        assert!(Arc::ptr_eq(&first, &second));
        told.add(&[revocation("b")]);
        let third = told.snapshot(|| vec![revocation("a"), revocation("b")]);
        assert!(!Arc::ptr_eq(&first, &third));
        let held = Arc::downgrade(&third);
        drop((first, second, third));
        assert!(held.upgrade().is_none(), "nobody needs it any more");
    }
}
