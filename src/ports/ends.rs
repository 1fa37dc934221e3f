//! What ended lately, in memory: a database that went back (a restored backup, a replica that lagged when it took over)
//! may say that it lives. Looked at before each answer that an ended session must not get.
//!
//! Filled by this node's own ends before anybody is told of them, and by the poll with those of others.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    base::{
        id::{BrowserSessionId, ClientId, DeviceSessionId, KeyId},
        time::{Instant, Lifetime},
    },
    domain::revocation::{CLIENT, KEY, Name, Revocation, SESSION, TOKEN},
    ports::{
        announcements::{Announcements, Snapshot},
        recent::Recent,
    },
    store::ending::{EndedSessions, ISSUED_BEFORE},
};

/// How long an end is remembered: longer than a failover takes, short enough to bound what is kept.
pub const REMEMBERED: Lifetime = Lifetime::from_secs(3600);

/// Every end of the last hour, and everything that resource servers must refuse.
#[derive(Debug, Default)]
pub struct Ends {
    /// Device sessions, with when they ended.
    pub devices: Recent<DeviceSessionId, Instant>,
    /// Browser sessions, with when they ended.
    pub browsers: Recent<BrowserSessionId, Instant>,
    /// What resource servers must refuse, as long as that is so.
    pub revocations: Recent<Name, Revocation>,
    /// Keys of every ring that were taken back, with when: as long as this process runs, since there are few.
    pub keys: Recent<KeyId, Instant>,
    /// What those are told who follow the stream of it.
    pub announcements: Announcements,
    /// Whoever has it remembers and tells: what is remembered has been told when somebody else finds it.
    turn: Mutex<()>,
}

impl Ends {
    /// Remembers what a change ended.
    pub fn remember(&self, ended: &EndedSessions) {
        for id in &ended.browsers {
            self.browsers.insert(*id, ended.at);
        }
        for (id, _) in &ended.devices {
            self.devices.insert(*id, ended.at);
        }
        let had_tokens = ended
            .devices
            .iter()
            .filter(|(_, activated_at)| activated_at.is_some());
        let own = recorded(ended.until, ended.at);
        self.revoke(had_tokens.map(|(id, _)| ((SESSION.to_owned(), id.to_bytes().to_vec()), own)));
    }

    /// Remembers a single access token that was revoked. Its first revocation is the one that is listed.
    pub fn remember_token(
        &self,
        jti: Vec<u8>,
        session: Option<DeviceSessionId>,
        until: Instant,
        recorded_at: Instant,
    ) {
        let name = (TOKEN.to_owned(), jti);
        if !self.revocations.contains(&name) {
            let own = recorded(until, recorded_at);
            self.revoke([(name, Revocation { session, ..own })]);
        }
    }

    /// Remembers that the tokens of a client are refused that it got for itself.
    pub fn remember_client(&self, client: &ClientId, until: Instant, recorded_at: Instant) {
        let name = (CLIENT.to_owned(), client.as_str().as_bytes().to_vec());
        self.revoke([(name, recorded(until, recorded_at))]);
    }

    /// Remembers that a key was taken back; with `until`, that resource servers must refuse until then what it signed.
    pub fn remember_key(&self, kid: KeyId, until: Option<Instant>, recorded_at: Instant) {
        self.keys.insert(kid, recorded_at);
        let name = (KEY.to_owned(), kid.to_string().into_bytes());
        self.revoke(until.map(|until| (name, recorded(until, recorded_at))));
    }

    /// Remembers revocations, and tells of those that refuse more than what is known.
    pub fn revoke(&self, revocations: impl IntoIterator<Item = (Name, Revocation)>) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let news = |(name, revocation): (Name, Revocation)| {
            let both = |known: Option<Revocation>| known.map_or(revocation, |known| known.and(revocation));
            let (known, now) = self.revocations.update(name.clone(), both);
            let is_news = known.is_none_or(|known| now.reaches_beyond(&known));
            is_news.then_some((name, now))
        };
        let news: Vec<_> = revocations.into_iter().filter_map(news).collect();
        self.announcements.add(&news);
    }

    /// Everything that resource servers must refuse, as those are told.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.announcements.snapshot(|| self.revocations.all())
    }

    /// Whether a session has ended whose access tokens may still live.
    pub fn has_session(&self, session: DeviceSessionId) -> bool {
        self.devices.contains(&session)
            || self
                .revocations
                .contains(&(SESSION.to_owned(), session.to_bytes().to_vec()))
    }

    /// Whether a single access token was revoked.
    pub fn has_token(&self, jti: &[u8]) -> bool {
        self.revocations.contains(&(TOKEN.to_owned(), jti.to_vec()))
    }

    /// Whether a signing key was taken back.
    pub fn has_key(&self, kid: &str) -> bool {
        self.revocations
            .contains(&(KEY.to_owned(), kid.as_bytes().to_vec()))
    }

    /// Whether a key of any ring was taken back, as far as this process has heard.
    pub fn has_withdrawn(&self, kid: KeyId) -> bool {
        self.keys.contains(&kid) || self.has_key(&kid.to_string())
    }

    /// Forgets what ended more than an hour ago, and revocations that are not in force any more.
    pub fn forget(&self, now: Instant) {
        let since = now.minus(REMEMBERED);
        self.devices.keep(|at| *at > since);
        self.browsers.keep(|at| *at > since);
        self.revocations.keep(|revocation| revocation.until > now);
    }
}

/// The revocation of what ended at a time.
fn recorded(until: Instant, at: Instant) -> Revocation {
    Revocation {
        session: None,
        issued_before: at.plus(ISSUED_BEFORE),
        until,
        recorded_at: at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::Entropy;

    #[test]
    fn an_end_is_remembered_for_an_hour_and_a_revocation_until_it_is_over() {
        let (ends, entropy) = (Ends::default(), Entropy::seeded(3));
        let at = Instant::from_millis(1_790_000_000_000);
        let id = DeviceSessionId::new(at, &entropy);
        let granted = DeviceSessionId::new(at, &entropy);
        let until = at.plus(Lifetime::from_secs(420));
        ends.remember(&EndedSessions {
            at,
            until,
            browsers: Vec::new(),
            devices: vec![(id, Some(at)), (granted, None)],
        });
        let revoked = (SESSION.to_owned(), id.to_bytes().to_vec());
        assert_eq!(ends.revocations.all().len(), 1, "tokens had one");
        for (later, session, revocation) in [
            (Lifetime::from_secs(419), true, true),
            (Lifetime::from_secs(420), true, false),
            (Lifetime::from_secs(3599), true, false),
            (REMEMBERED, false, false),
        ] {
            ends.forget(at.plus(later));
            assert_eq!(ends.devices.contains(&id), session, "{later}");
            assert_eq!(ends.devices.contains(&granted), session, "{later}");
            assert_eq!(ends.revocations.contains(&revoked), revocation, "{later}");
        }
    }

    #[test]
    fn who_follows_is_told_of_what_refuses_more_and_of_nothing_else() {
        let ends = Ends::default();
        let at = Instant::from_millis(1_790_000_000_000);
        let name = || (KEY.to_owned(), b"k".to_vec());
        let own = recorded(at.plus(Lifetime::from_secs(420)), at);
        let mut heard = ends.announcements.follow();
        let mut is_told = |revocation| {
            ends.revoke([(name(), revocation)]);
            heard.try_recv().is_ok()
        };
        assert!(is_told(own));
        assert!(!is_told(own), "it is known");
        let later = recorded(own.until.plus(Lifetime::from_secs(1)), at);
        assert!(is_told(later), "for longer");
        assert!(!is_told(own), "a database that went back makes nothing shorter");
        assert!(
            is_told(recorded(at, at.plus(Lifetime::from_secs(1)))),
            "for newer tokens"
        );
        let all = ends.revocations.all();
        assert_eq!((all.len(), all[0].1.until), (1, later.until));
    }
}
