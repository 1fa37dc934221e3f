//! How old what the stream says is: the database's times, told by the machine's clock.

use std::time::Duration;

/// Only a poll that is newer than the last counts, and it counts from when it was made, not from when it arrived: what
/// waited in a socket, while this process was stopped or the network slow, is not new.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    newest: Option<Newest>,
    /// What a stream says that is behind the newest: there the database's clock may have been set back.
    behind: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    polled_at: u64,
    /// When it was made, since the machine started, in milliseconds.
    made_at: u64,
    /// The machine's time less the database's, in milliseconds: the least that was seen, since nothing arrives before it
    /// was sent.
    offset: i64,
    heard_at: u64,
}

impl Polls {
    /// A new connection: what the last one had left behind says nothing of it.
    pub(crate) fn reconnected(&mut self) {
        self.behind = None;
    }

    /// When the poll was made, since the machine started, if it is newer than all others; `is_down` if they are too old.
    pub(crate) fn heard(&mut self, polled_at: u64, now: Duration, is_down: bool) -> Option<Duration> {
        let now = millis(now);
        let seen = i64::try_from(now)
            .unwrap_or(i64::MAX)
            .saturating_sub_unsigned(polled_at);
        let newest = match self.newest {
            None => Newest::first(polled_at, seen, now),
            Some(newest) if polled_at > newest.polled_at => newest.followed_by(polled_at, seen, now),
            // Nothing newer has come for so long that nothing can be relied on, and yet polls go on: it is the clock.
            Some(_) if is_down && self.behind.is_some_and(|before| polled_at > before) => {
                Newest::first(polled_at, seen, now)
            }
            Some(_) => {
                self.behind = Some(polled_at);
                return None;
            }
        };
        self.newest = Some(newest);
        self.behind = None;
        Some(Duration::from_millis(newest.made_at))
    }
}

impl Newest {
    fn first(polled_at: u64, seen: i64, now: u64) -> Self {
        Self {
            polled_at,
            made_at: now,
            offset: seen,
            heard_at: now,
        }
    }

    fn followed_by(self, polled_at: u64, seen: i64, now: u64) -> Self {
        // Two clocks drift apart, by far less than a thousandth.
        let drift = i64::try_from(now.saturating_sub(self.heard_at) / 1000).unwrap_or(0);
        let offset = seen.min(self.offset.saturating_add(drift));
        let made_at = polled_at.saturating_add_signed(offset).max(self.made_at).min(now);
        Self {
            polled_at,
            made_at,
            offset,
            heard_at: now,
        }
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: u64 = 1_800_000_000_000;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn only_what_is_newer_counts() {
        let mut polls = Polls::default();
        assert_eq!(polls.heard(EPOCH, ms(1000), false), Some(ms(1000)));
        assert_eq!(polls.heard(EPOCH, ms(3000), false), None);
        assert_eq!(polls.heard(EPOCH - 1, ms(3000), false), None);
        assert_eq!(polls.heard(EPOCH + 2000, ms(3000), false), Some(ms(3000)));
    }

    /// A process that is stopped for a minute finds a minute of heartbeats in its socket.
    #[test]
    fn what_waited_in_the_socket_is_as_old_as_it_is() {
        let mut polls = Polls::default();
        polls.heard(EPOCH, ms(1000), false);
        for beat in 1..=30 {
            let made = polls.heard(EPOCH + beat * 2000, ms(61_000), false).unwrap();
            // At most a thousandth of the pause is taken for drift.
            let real = 1000 + beat * 2000;
            assert!((real..=real + 60).contains(&millis(made)), "{made:?}");
        }
    }

    #[test]
    fn clocks_that_drift_and_answers_that_dawdle() {
        let mut polls = Polls::default();
        polls.heard(EPOCH, ms(0), false);
        for second in 1..100_000 {
            // The database's clock is slower by 100 ppm, and some answers take 300 ms longer.
            let late = if second % 7 == 0 { 300 } else { 0 };
            let now = ms(second * 1000 + second / 10 + late);
            let made = polls.heard(EPOCH + second * 1000, now, false).unwrap();
            assert!(
                now.saturating_sub(made) <= ms(late + 10),
                "{second}: {made:?} {now:?}"
            );
        }
    }

    #[test]
    fn a_database_clock_that_was_set_back() {
        let mut polls = Polls::default();
        polls.heard(EPOCH, ms(1000), false);
        let back = EPOCH - 3_600_000;
        assert_eq!(polls.heard(back, ms(3000), false), None);
        assert_eq!(polls.heard(back + 2000, ms(5000), false), None, "not down yet");
        assert_eq!(polls.heard(back + 2000, ms(8000), true), None, "no new poll");
        assert_eq!(polls.heard(back + 4000, ms(9000), true), Some(ms(9000)));
        assert_eq!(polls.heard(back + 6000, ms(11_000), false), Some(ms(11_000)));
    }

    /// A node that has lost its database says the same again and again.
    #[test]
    fn who_does_not_move_on_is_never_new() {
        let mut polls = Polls::default();
        polls.heard(EPOCH + 5000, ms(1000), false);
        polls.reconnected();
        for at in 0..100 {
            assert_eq!(polls.heard(EPOCH, ms(10_000 + at * 1000), true), None);
        }
    }
}
