//! What others have to be told: a message waits in the outbox until its recipient has it.

use serde::{Deserialize, Serialize};

use crate::base::{
    id::{ClientId, DeviceSessionId, UserId},
    time::{Instant, Lifetime},
};

/// A message that is being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who is told.
    pub recipient: ClientId,
    /// What.
    pub kind: MessageKind,
    /// The device session that it is about.
    pub session: DeviceSessionId,
    /// Its person.
    pub user: UserId,
    /// Since when it waits.
    pub created_at: Instant,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// What kinds there are, by their names in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    /// A logout token (OpenID Connect Back-Channel Logout 1.0).
    #[serde(rename = "backchannel_logout")]
    BackchannelLogout,
}

impl MessageKind {
    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::BackchannelLogout]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BackchannelLogout => "backchannel_logout",
        }
    }
}

/// The pause after the first try that failed; each further one is three times as long.
const FIRST_PAUSE: Lifetime = Lifetime::from_secs(10);
/// The longest pause.
const LONGEST_PAUSE: Lifetime = Lifetime::from_secs(600);
/// Nobody is told of what is older. The access tokens that it is about have expired long before.
const TOO_OLD: Lifetime = Lifetime::from_days(1);

impl Message {
    /// When to try again after this try has failed; nothing when it is given up.
    pub fn again_at(&self, now: Instant) -> Option<Instant> {
        let failed = u32::try_from(self.attempts.clamp(1, 10)).unwrap_or(10);
        let pause = FIRST_PAUSE
            .millis()
            .saturating_mul(3_i64.saturating_pow(failed - 1));
        let at = now.plus(Lifetime::from_millis(pause).min(LONGEST_PAUSE));
        (at < self.created_at.plus(TOO_OLD)).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::Entropy;

    #[test]
    fn pauses_grow_to_ten_minutes_and_end_after_a_day() {
        let (start, entropy) = (Instant::from_millis(1_000_000), Entropy::seeded(1));
        let message = |attempts| Message {
            recipient: "web".parse().expect("an id"),
            kind: MessageKind::BackchannelLogout,
            session: DeviceSessionId::new(start, &entropy),
            user: UserId::new(start, &entropy),
            created_at: start,
            attempts,
        };
        let (mut now, mut pauses) = (start, Vec::new());
        for attempts in 1.. {
            let Some(next) = message(attempts).again_at(now) else {
                break;
            };
            pauses.push(next.since(now).millis() / 1000);
            now = next;
        }
        assert_eq!(pauses[..5], [10, 30, 90, 270, 600]);
        assert!(pauses[5..].iter().all(|pause| *pause == 600));
        let waited = now.since(start);
        assert!(
            waited < TOO_OLD && waited > Lifetime::from_secs(22 * 3600),
            "{waited}"
        );
    }
}
