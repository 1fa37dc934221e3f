//! One connection to the stream, event by event: what it changes in what requests see.

use std::time::Duration;

use super::parser::{Poll, StreamError, StreamEvent};
use super::polls::Polls;
use super::view::View;

/// Who reads one connection. What it says is in force at once; only how far that reaches waits for the whole snapshot.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    view: &'a View,
    polls: &'a mut Polls,
    snapshot: Snapshot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Snapshot {
    Awaited,
    Arriving,
    Whole,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(view: &'a View, polls: &'a mut Polls) -> Self {
        polls.reconnected();
        Self {
            view,
            polls,
            snapshot: Snapshot::Awaited,
        }
    }

    /// Whether this connection has brought its snapshot.
    pub(crate) fn is_whole(&self) -> bool {
        self.snapshot == Snapshot::Whole
    }

    /// Takes an event in. When it returns, requests are judged by it; what is returned may then be acknowledged.
    pub(crate) fn take(&mut self, event: StreamEvent, now: Duration) -> Result<Option<u64>, StreamError> {
        match (event, self.snapshot) {
            (StreamEvent::Snapshot { .. }, _) => {
                self.snapshot = Snapshot::Arriving;
                Ok(None)
            }
            (StreamEvent::Revoked(_), Snapshot::Awaited)
            | (StreamEvent::Complete(_), Snapshot::Awaited | Snapshot::Whole) => Err(StreamError::WrongOrder),
            (StreamEvent::Revoked(revocations), _) => {
                for revocation in &revocations {
                    self.view.ended.add(revocation)?;
                }
                Ok(None)
            }
            (StreamEvent::Complete(poll), Snapshot::Arriving) => {
                self.snapshot = Snapshot::Whole;
                Ok(self.hear(poll, now))
            }
            (StreamEvent::Heartbeat(poll), Snapshot::Whole) => Ok(self.hear(poll, now)),
            // Says nothing of a set that is not whole.
            (StreamEvent::Heartbeat(_), _) => Ok(None),
        }
    }

    fn hear(&mut self, poll: Poll, now: Duration) -> Option<u64> {
        let is_down = self.view.is_down(now);
        if let Some(made_at) = self.polls.heard(poll.polled_at, now, is_down) {
            self.view.holds_as_of(made_at);
            self.view.issuer_is_at(poll.polled_at);
        }
        poll.acknowledge.then_some(poll.polled_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessToken;
    use crate::revocations::ended::Names;
    use crate::revocations::parser::{Revocation, RevocationKind};
    use crate::revocations::view::{Standing, WhenDown};

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn revoked(sid: &str) -> StreamEvent {
        StreamEvent::Revoked(vec![Revocation {
            kind: RevocationKind::Session,
            id: sid.to_owned(),
            issued_before: 100,
            until: 1000,
        }])
    }

    fn poll(polled_at: u64) -> Poll {
        Poll {
            polled_at,
            acknowledge: true,
        }
    }

    #[test]
    fn nothing_is_good_before_the_first_snapshot_is_whole_and_what_ended_stays_ended() {
        let view = View::new(WhenDown::Refuse, at(30));
        let mut polls = Polls::default();
        let standing = |sid: &str, now| view.judge(&Names::of(&AccessToken::sample(sid)), 100, at(now));

        let mut first = Reader::new(&view, &mut polls);
        assert_eq!(first.take(StreamEvent::Snapshot { count: 1 }, at(1)), Ok(None));
        assert_eq!(first.take(revoked("a"), at(1)), Ok(None));
        assert_eq!(first.take(StreamEvent::Heartbeat(poll(4999)), at(1)), Ok(None));
        assert_eq!([standing("a", 1), standing("b", 1)], [Standing::Unknown; 2]);
        assert_eq!(
            first.take(StreamEvent::Complete(poll(5000)), at(1)),
            Ok(Some(5000))
        );
        assert_eq!(
            [standing("a", 1), standing("b", 1)],
            [Standing::Ended, Standing::Good]
        );
        assert_eq!(first.take(revoked("b"), at(2)), Ok(None));
        assert_eq!(standing("b", 2), Standing::Ended);
        assert_eq!(
            first.take(StreamEvent::Heartbeat(poll(7000)), at(3)),
            Ok(Some(7000))
        );

        // The next node has not heard of them yet.
        let mut behind = Reader::new(&view, &mut polls);
        behind.take(StreamEvent::Snapshot { count: 1 }, at(5)).unwrap();
        behind.take(revoked("c"), at(5)).unwrap();
        assert_eq!(
            behind.take(StreamEvent::Complete(poll(6000)), at(5)),
            Ok(Some(6000))
        );
        for sid in ["a", "b", "c"] {
            assert_eq!(standing(sid, 5), Standing::Ended, "{sid}");
        }
        assert!(view.is_down(at(9)), "an older poll makes nothing newer");
    }

    #[test]
    fn a_wrong_order_is_refused() {
        let view = View::new(WhenDown::Refuse, at(30));
        let mut polls = Polls::default();
        for event in [revoked("a"), StreamEvent::Complete(poll(1))] {
            let mut reader = Reader::new(&view, &mut polls);
            assert_eq!(reader.take(event, at(1)), Err(StreamError::WrongOrder));
        }
        assert!(view.is_down(at(1)));
    }
}
