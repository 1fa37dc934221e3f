//! What an app's process remembers. All of it may be lost at any time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    clock::{Anchor, Moment, NOTICEABLE, Until},
    config::Config,
    discovery::Server,
    dpop::Key,
    effect::Header,
    headers,
    record::account::{AccessToken, Account},
};

pub(crate) struct Shared {
    pub(crate) config: Config,
    memory: Mutex<Memory>,
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) server: Option<(Server, Until)>,
    pub(crate) nonces: BTreeMap<String, String>,
    pub(crate) anchor: Option<Anchor>,
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) default: Option<String>,
}

/// What is known of an account's session.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) key: Option<Key>,
    pub(crate) tokens: Vec<AccessToken>,
    /// Tokens from before are refused by an API.
    pub(crate) refused_before: i64,
    /// New tokens that could not be stored yet, and the version that they follow.
    pub(crate) unstored: Option<(Account, i64)>,
    /// The server has asked for patience.
    pub(crate) wait: Option<Until>,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            memory: Mutex::default(),
        }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing panics while it holds it.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    pub(crate) fn session(&mut self, account: &str) -> &mut Session {
        self.sessions.entry(account.to_owned()).or_default()
    }

    /// Takes over what is stored.
    pub(crate) fn learn(&mut self, account: &Account) {
        if self.anchor.is_none() {
            self.anchor.clone_from(&account.anchor);
        }
        let session = self.session(&account.id);
        session.key.clone_from(&account.key);
        session.tokens.clone_from(&account.tokens);
    }

    /// Takes over the time that an answer tells. One that waited, perhaps in a process that was asleep, is older than it looks:
    /// what is known already is better.
    pub(crate) fn hear(&mut self, headers: &[Header], sent: &Moment, now: &Moment) {
        // What a cache gives was said at some other time (RFC 9111 section 5.1).
        if headers::find(headers, "age").is_some() {
            return;
        }
        let Some(heard) = headers::find(headers, "date").and_then(|date| Anchor::heard(date, now)) else {
            return;
        };
        let late = now.monotonic_ms.abs_diff(sent.monotonic_ms) > NOTICEABLE;
        let known = self.anchor.as_ref();
        if late && known.is_some_and(|known| known.boot_id == now.boot_id) {
            return;
        }
        self.anchor = Some(heard);
    }

    /// How wrong the device's clock is thought to be, in ms.
    pub(crate) fn offset(&self) -> i64 {
        self.anchor.as_ref().map_or(0, Anchor::offset)
    }

    pub(crate) fn server_now(&self, now: &Moment) -> i64 {
        self.anchor
            .as_ref()
            .map_or(now.wall_ms, |anchor| anchor.server_now(now))
    }

    pub(crate) fn keep_nonce(&mut self, origin: String, nonce: &str) {
        // An app has few servers; whoever makes it ask many is given no memory.
        if self.nonces.len() >= 32 && !self.nonces.contains_key(&origin) {
            self.nonces.clear();
        }
        self.nonces.insert(origin, nonce.to_owned());
    }
}
