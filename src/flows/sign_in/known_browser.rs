//! Browsers in which people have signed in before. Their failures are counted apart from those of strangers, so that
//! somebody who fails on purpose cannot make the owner of an account wait.
//!
//! A browser proves it by a sealed cookie. A stolen copy of it gives guesses from the one bucket of this browser and this
//! account, and none once the password has been changed.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::Person;
use crate::{
    base::{id::UserId, seal::Purpose, time::Instant},
    flows::Provider,
};

/// What the cookie says.
#[derive(Clone, Serialize, Deserialize)]
pub struct KnownBrowser {
    /// Random, the same for as long as the cookie is renewed: copies of it share their buckets.
    id: [u8; 16],
    /// Who signed in here, the latest first.
    accounts: Vec<Account>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Account {
    user: UserId,
    password_version: i64,
    at: Instant,
}

/// So many accounts are known in one browser; a family has fewer.
const MAX_ACCOUNTS: usize = 5;

impl KnownBrowser {
    /// Reads the cookie. One that is not ours, or too old, is none: everybody may be a stranger.
    pub fn open(provider: &Provider, cookie: &str) -> Option<Self> {
        let now = provider.clock.now();
        let sealer = &provider.keys.load().sealer;
        let mut browser: Self = sealer.open(Purpose::KnownBrowser, cookie, now).ok()?;
        // Renewing the cookie for one account does not prolong what it says of the others.
        let life = provider.lifetimes.known_browser;
        browser.accounts.retain(|account| account.at.plus(life) > now);
        Some(browser)
    }

    /// The cookie after somebody has signed in.
    pub fn remember(provider: &Provider, before: Option<Self>, person: &Person) -> String {
        let now = provider.clock.now();
        let mut browser = before.unwrap_or_else(|| Self {
            id: provider.entropy.bytes(),
            accounts: Vec::new(),
        });
        browser.accounts.retain(|account| account.user != person.id);
        browser.accounts.insert(
            0,
            Account {
                user: person.id,
                password_version: person.password_version,
                at: now,
            },
        );
        browser.accounts.truncate(MAX_ACCOUNTS);
        let expires = now.plus(provider.lifetimes.known_browser);
        let sealer = &provider.keys.load().sealer;
        sealer.seal(Purpose::KnownBrowser, &browser, expires)
    }

    /// Whether this person signed in here with the password that they still have.
    pub(super) fn knows(&self, user: UserId, password_version: i64) -> bool {
        let same = |account: &Account| (account.user, account.password_version) == (user, password_version);
        self.accounts.iter().any(same)
    }

    /// The name of its bucket for an account.
    pub(super) fn bucket(&self, user: UserId) -> String {
        format!("{} {user}", Base64UrlUnpadded::encode_string(&self.id))
    }
}

impl fmt::Debug for KnownBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownBrowser")
    }
}
