//! What requests see of the revocations: the set, how old it is, and what is done when it is too old.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::ended::{EndedSet, Names};
use super::polls::millis;

/// What an API does with tokens while it cannot know which were revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenDown {
    /// Asks the issuer about each (RFC 7662), and refuses those that it cannot ask about.
    Introspect,
    /// Answers 503.
    Refuse,
    /// Accepts them until they expire.
    Accept,
}

/// How the stream is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamHealth {
    /// The stream is not followed: a token is accepted until it expires.
    NotFollowed,
    /// Nothing is known yet, and every token is refused with 503.
    Starting,
    /// What is known is whole.
    Up {
        /// How old it is, in milliseconds.
        age: u64,
        /// How many ids have ended.
        ended: usize,
    },
    /// Nothing new has come for six seconds.
    Down {
        /// How old what is known is, in milliseconds.
        age: u64,
        /// How many ids have ended, as far as is known.
        ended: usize,
        /// What is done now. Nothing special until the time that was set has passed.
        choice: Option<WhenDown>,
    },
}

impl StreamHealth {
    pub(crate) fn lets_tokens_in(self) -> bool {
        let choice = Some(WhenDown::Refuse);
        !matches!(self, Self::Starting)
            && !matches!(self, Self::Down { choice: taken, .. } if taken == choice)
    }
}

/// What is to be done with a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Ended,
    /// Nobody knows here.
    Ask,
    Unknown,
}

#[derive(Debug)]
pub(crate) struct View {
    pub(crate) ended: EndedSet,
    /// When the newest poll was made, in milliseconds since the machine started, and one more; 0 before the first snapshot.
    polled: AtomicU64,
    /// What the issuer's clock said in the newest poll, in seconds since 1970; 0 before the first.
    issuers_time: AtomicU64,
    /// When somebody last saw that this process runs, likewise; 0 when nobody looks.
    ran: AtomicU64,
    /// When it was seen to run again after it had been stopped, likewise.
    resumed: AtomicU64,
    when_down: WhenDown,
    after: Duration,
}

impl View {
    pub(crate) fn new(when_down: WhenDown, after: Duration) -> Self {
        Self {
            ended: EndedSet::default(),
            polled: AtomicU64::new(0),
            issuers_time: AtomicU64::new(0),
            ran: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            when_down,
            after,
        }
    }

    /// Asked for each request: what has ended is refused however old the set is, and how old it is is looked at each time,
    /// so that a process which was stopped does not go on as if nothing had been.
    pub(crate) fn judge(&self, names: &Names, iat: u64, now: Duration) -> Standing {
        let Some(age) = self.age(now) else {
            return Standing::Unknown;
        };
        if self.ended.has(names, iat) {
            return Standing::Ended;
        }
        match self.choice(age) {
            Some(WhenDown::Introspect) => Standing::Ask,
            Some(WhenDown::Refuse) => Standing::Unknown,
            None | Some(WhenDown::Accept) if self.catches_up(now) => Standing::Unknown,
            None | Some(WhenDown::Accept) => Standing::Good,
        }
    }

    /// Said again and again. After a gap the process was stopped, and what it knows is of before.
    pub(crate) fn runs(&self, now: Duration) {
        if self.was_stopped(now) {
            self.resumed.store(stamp(now), Ordering::Release);
        }
        self.ran.store(stamp(now), Ordering::Release);
    }

    /// Whether nobody has said yet that the process runs again.
    fn was_stopped(&self, now: Duration) -> bool {
        let ran = self.ran.load(Ordering::Acquire);
        ran > 0 && stamp(now).saturating_sub(ran) > millis(STOPPED)
    }

    /// Whether the process was stopped and has not heard since of what ended meanwhile. Requests that waited in its sockets
    /// are as quick as the stream; a stream that stays silent is down, as for everybody else.
    fn catches_up(&self, now: Duration) -> bool {
        if self.was_stopped(now) {
            return true;
        }
        let resumed = self.resumed.load(Ordering::Acquire);
        self.polled.load(Ordering::Acquire) < resumed && stamp(now).saturating_sub(resumed) < millis(SILENCE)
    }

    pub(crate) fn health(&self, now: Duration) -> StreamHealth {
        let Some(age) = self.age(now) else {
            return StreamHealth::Starting;
        };
        let (choice, ended) = (self.choice(age), self.ended.len());
        if age < SILENCE {
            StreamHealth::Up {
                age: millis(age),
                ended,
            }
        } else {
            StreamHealth::Down {
                age: millis(age),
                ended,
                choice,
            }
        }
    }

    pub(crate) fn is_down(&self, now: Duration) -> bool {
        self.age(now).is_none_or(|age| age >= SILENCE)
    }

    /// When the stream is down unless something new comes before.
    pub(crate) fn time_left(&self, now: Duration) -> Duration {
        SILENCE.saturating_sub(self.age(now).unwrap_or_default())
    }

    /// What is known holds as of this time since the machine started.
    pub(crate) fn holds_as_of(&self, made_at: Duration) {
        self.polled.store(stamp(made_at), Ordering::Release);
    }

    /// What the issuer's clock says, in milliseconds since 1970.
    pub(crate) fn issuer_is_at(&self, polled_at: u64) {
        self.issuers_time.store(polled_at / 1000, Ordering::Release);
    }

    /// Forgets what is over by our clock (`now`, in seconds since 1970) and by the issuer's: one that somebody sets wrong
    /// forgets nothing by itself.
    pub(crate) fn forget(&self, now: u64) {
        self.ended
            .forget(now.min(self.issuers_time.load(Ordering::Acquire)));
    }

    fn age(&self, now: Duration) -> Option<Duration> {
        let made_at = self.polled.load(Ordering::Acquire).checked_sub(1)?;
        Some(now.saturating_sub(Duration::from_millis(made_at)))
    }

    fn choice(&self, age: Duration) -> Option<WhenDown> {
        (age >= self.after).then_some(self.when_down)
    }
}

/// Told from 0, which is never.
fn stamp(time: Duration) -> u64 {
    millis(time).saturating_add(1)
}

/// A process that did nothing for so long was stopped: it is to be seen every second.
const STOPPED: Duration = Duration::from_secs(3);

/// Three heartbeats.
pub(crate) const SILENCE: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessToken;
    use crate::revocations::ended::LEEWAY;
    use crate::revocations::parser::{Revocation, RevocationKind};

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn token(sid: &str) -> Names {
        Names::of(&AccessToken::sample(sid))
    }

    fn view(when_down: WhenDown) -> View {
        let view = View::new(when_down, at(30));
        let ended = Revocation {
            kind: RevocationKind::Session,
            id: "over".to_owned(),
            issued_before: 100,
            until: 1000,
        };
        view.ended.add(&ended).unwrap();
        view.holds_as_of(at(1000));
        view
    }

    #[test]
    fn nothing_is_known_before_the_first_snapshot_whatever_is_chosen() {
        for choice in [WhenDown::Introspect, WhenDown::Refuse, WhenDown::Accept] {
            let view = View::new(choice, at(30));
            for now in [0, 5, 10_000] {
                assert_eq!(view.judge(&token("good"), 1, at(now)), Standing::Unknown);
            }
            assert_eq!(view.health(at(5)), StreamHealth::Starting);
        }
    }

    #[test]
    fn the_choice_is_taken_when_the_time_has_come_and_what_ended_stays_ended() {
        for (choice, standing) in [
            (WhenDown::Introspect, Standing::Ask),
            (WhenDown::Refuse, Standing::Unknown),
            (WhenDown::Accept, Standing::Good),
        ] {
            let view = view(choice);
            for (now, expected) in [
                (1000, Standing::Good),
                (1006, Standing::Good),
                (1029, Standing::Good),
                (1030, standing),
                (9000, standing),
            ] {
                assert_eq!(
                    view.judge(&token("good"), 1, at(now)),
                    expected,
                    "{choice:?} {now}"
                );
                assert_eq!(view.judge(&token("over"), 100, at(now)), Standing::Ended, "{now}");
            }
            view.holds_as_of(at(9000));
            assert_eq!(view.judge(&token("good"), 1, at(9001)), Standing::Good);
        }
    }

    #[test]
    fn who_was_stopped_hears_first_what_ended_meanwhile() {
        let token = token("good");
        for (choice, late) in [
            (WhenDown::Introspect, Standing::Ask),
            (WhenDown::Refuse, Standing::Unknown),
            (WhenDown::Accept, Standing::Unknown),
        ] {
            let view = view(choice);
            view.runs(at(1000));
            assert_eq!(view.judge(&token, 1, at(1003)), Standing::Good);
            // Nobody has noticed yet but the request itself.
            assert_eq!(view.judge(&token, 1, at(1008)), Standing::Unknown);
            assert_eq!(view.judge(&token, 1, at(1040)), late);
            view.runs(at(1008));
            view.runs(at(1009));
            assert_eq!(view.judge(&token, 1, at(1009)), Standing::Unknown);
            // A heartbeat of before is none of after.
            view.holds_as_of(at(1007));
            assert_eq!(view.judge(&token, 1, at(1009)), Standing::Unknown);
            view.holds_as_of(at(1008));
            assert_eq!(view.judge(&token, 1, at(1009)), Standing::Good);
        }
    }

    #[test]
    fn who_was_stopped_and_hears_nothing_does_what_others_do() {
        let view = view(WhenDown::Accept);
        view.runs(at(1000));
        for now in 1020..1026 {
            view.runs(at(now));
            assert_eq!(view.judge(&token("good"), 1, at(now)), Standing::Unknown, "{now}");
        }
        view.runs(at(1026));
        assert_eq!(view.judge(&token("good"), 1, at(1026)), Standing::Good);
    }

    /// Tokens are judged by the same clock. When it is right again, what had ended must not live again.
    #[test]
    fn a_clock_that_jumps_ahead_makes_no_end_forgotten() {
        let view = view(WhenDown::Refuse);
        let ended = |token: &Names| view.judge(token, 100, at(1001));
        let over = token("over");
        view.forget(u64::MAX);
        assert_eq!(ended(&over), Standing::Ended, "the issuer has said no time yet");
        for (ours, issuers) in [(1_000_000, 900), (900, 1_000_000), (1_000_000, 1000 + LEEWAY - 1)] {
            view.issuer_is_at(issuers * 1000);
            view.forget(ours);
            assert_eq!(ended(&over), Standing::Ended, "{ours} {issuers}");
            assert_eq!(view.ended.len(), 1);
        }
        view.issuer_is_at((1000 + LEEWAY) * 1000);
        view.forget(1000 + LEEWAY);
        assert_eq!(view.ended.len(), 0, "it is over by both");
    }

    #[test]
    fn it_is_down_after_six_seconds() {
        let view = view(WhenDown::Refuse);
        let (ended, choice) = (1, Some(WhenDown::Refuse));
        for (now, health) in [
            (1000, StreamHealth::Up { age: 0, ended }),
            (1005, StreamHealth::Up { age: 5000, ended }),
            (
                1006,
                StreamHealth::Down {
                    age: 6000,
                    ended,
                    choice: None,
                },
            ),
            (
                1030,
                StreamHealth::Down {
                    age: 30_000,
                    ended,
                    choice,
                },
            ),
        ] {
            assert_eq!(view.health(at(now)), health);
            assert_eq!(view.is_down(at(now)), now >= 1006);
        }
        assert_eq!(view.time_left(at(1004)), at(2));
        assert_eq!(view.time_left(at(1007)), at(0));
    }
}
