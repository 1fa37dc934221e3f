//! Sign-ins that wait for their browser, their other device or the server: from the key that they make to the account that they
//! become, or to nothing.

use crate::{
    base64,
    config::DpopPolicy,
    discovery::Server,
    dpop::Key,
    error::ErrorCode,
    host::{Host, Result},
    json,
    outcome::Outcome,
    record::{account::Account, is_newer, pending::Pending},
    secret::Secret,
};

/// How much longer one is left alone whose code is on its way: what comes of it may be an account, with its key.
const GRACE: i64 = 600_000;
/// How many may wait at once.
const MOST: usize = 5;

/// The name of a record: it does not tell the state.
pub(crate) fn flow_of(state: &str) -> String {
    base64::digest(state.as_bytes())
}

fn record(flow: &str) -> String {
    format!("pending/{flow}")
}

fn key_of(flow: &str) -> String {
    format!("key/{flow}")
}

impl Pending {
    /// Stores a new one, and then makes the session's key, where sessions are bound: so a process that is killed in between
    /// leaves no key of which nobody knows.
    pub(crate) async fn begin(mut self, host: &Host) -> Result<(Self, i64)> {
        let version = self.put(host, 0).await?;
        if !wants_key(host, &self.server) {
            return Ok((self, version));
        }
        match Key::make(host, key_of(&self.flow)).await {
            Ok(key) => self.key = Some(key),
            Err(error) => {
                give_up(host, &self, version).await?;
                return Err(error);
            }
        }
        let version = self.put(host, version).await?;
        Ok((self, version))
    }

    /// Stores it. Its name is random: nobody else changes it.
    pub(crate) async fn put(&self, host: &Host, version: i64) -> Result<i64> {
        let stored = host
            .put(&record(&self.flow), self.write(host.config()), version)
            .await?;
        stored.map_err(|_| ErrorCode::Busy.into())
    }

    /// Says that its code is on its way, and gives the new version; `None`: somebody else has, or has given it up.
    pub(crate) async fn mark_used(&self, host: &Host, version: i64) -> Result<Option<i64>> {
        let used = Self {
            used: true,
            ..self.clone()
        };
        used.mark(host, version).await
    }

    /// Says that its code came to nothing yet.
    pub(crate) async fn mark_unused(&self, host: &Host, version: i64) -> Result<()> {
        let unused = Self {
            used: false,
            ..self.clone()
        };
        unused.mark(host, version).await.map(drop)
    }

    /// Whether nobody has changed it since it was this version.
    pub(crate) async fn is_still(&self, host: &Host, version: i64) -> Result<bool> {
        let found = host.get(&record(&self.flow)).await?;
        Ok(found.is_some_and(|found| found.version == version))
    }

    async fn mark(&self, host: &Host, version: i64) -> Result<Option<i64>> {
        let marked = self.write(host.config());
        Ok(host.put(&record(&self.flow), marked, version).await?.ok())
    }
}

/// Whether a new session shall be bound.
fn wants_key(host: &Host, server: &Server) -> bool {
    match host.config().dpop {
        DpopPolicy::Required => true,
        DpopPolicy::Preferred => server.dpop,
        DpopPolicy::Off => false,
    }
}

/// A sign-in and its version. What cannot be read, or was given up, is none.
pub(crate) async fn load(host: &Host, flow: &str) -> Result<Option<(Pending, i64)>> {
    let found = host.get_or_drop(&record(flow)).await?;
    let found = found.and_then(|found| Some((Pending::read(&found.value, host.config())?, found.version)));
    Ok(found.filter(|(pending, _)| !pending.given_up))
}

/// Forgets one, after its account was stored: the account has the key now.
pub(crate) async fn forget(host: &Host, flow: &str) -> Result<()> {
    let _any = host.delete(&record(flow), None).await?;
    Ok(())
}

/// Forgets one that comes to nothing, and its key. `false`: somebody has changed it since it was this version.
pub(crate) async fn give_up(host: &Host, pending: &Pending, version: i64) -> Result<bool> {
    let given_up = Pending {
        given_up: true,
        ..pending.clone()
    };
    match given_up.mark(host, version).await? {
        Some(_) => bury(host, &pending.flow).await.map(|()| true),
        None => Ok(false),
    }
}

/// The rest of it, also after a process that was killed at it.
async fn bury(host: &Host, flow: &str) -> Result<()> {
    // Whoever came late with a session has it: an account's key stays.
    if account_of(host, flow).await?.is_none() {
        host.delete_key(&key_of(flow)).await;
    }
    forget(host, flow).await
}

pub(crate) async fn cancel(host: &Host, flow: &str) -> Result<Outcome> {
    if let Some((pending, version)) = load(host, flow).await?
        && !pending.used
    {
        give_up(host, &pending, version).await?;
    }
    Ok(Outcome::Done)
}

/// Makes room for a new one: those that are over go, and the oldest of too many.
pub(crate) async fn tidy(host: &Host, room: usize) -> Result<()> {
    let mut waiting = Vec::new();
    for name in host.keys("pending/").await? {
        let flow = name.trim_start_matches("pending/");
        let Some(found) = host.get_or_drop(&name).await? else {
            continue;
        };
        match Pending::read(&found.value, host.config()) {
            Some(pending) if pending.given_up => bury(host, flow).await?,
            Some(pending) if pending.used => drop_over(host, &pending, found.version).await?,
            Some(pending) if pending.is_over(host) => {
                give_up(host, &pending, found.version).await?;
            }
            Some(pending) => waiting.push((pending, found.version)),
            None if is_anothers(host, &found.value) => {}
            None => bury(host, flow).await?,
        }
    }
    waiting.sort_by_key(|(pending, _)| pending.left(host));
    let surplus = (waiting.len() + room).saturating_sub(MOST);
    for (pending, version) in waiting.iter().take(surplus) {
        give_up(host, pending, *version).await?;
    }
    Ok(())
}

/// Of another app or server, or of a newer SDK.
fn is_anothers(host: &Host, record: &Secret) -> bool {
    json::object(record.bytes())
        .is_some_and(|members| host.config().is_anothers(&members) || is_newer(&members))
}

/// One whose code was sent may have become an account, which has the key, or be about to.
async fn drop_over(host: &Host, pending: &Pending, version: i64) -> Result<()> {
    if pending.left(host) > -GRACE {
        return Ok(());
    }
    if account_of(host, &pending.flow).await?.is_some() {
        return forget(host, &pending.flow).await;
    }
    give_up(host, pending, version).await.map(drop)
}

/// The account that a sign-in has become.
pub(crate) async fn account_of(host: &Host, flow: &str) -> Result<Option<String>> {
    for name in host.keys("account/").await? {
        let found = match host.get(&name).await {
            // It is wiped where it is used.
            Err(error) if error.code == ErrorCode::StorageCorrupt => None,
            found => found?,
        };
        if found.is_some_and(|found| is_of(host, &found.value, flow)) {
            return Ok(Some(name.trim_start_matches("account/").to_owned()));
        }
    }
    Ok(None)
}

/// Whether an account is of this sign-in, also one that a newer SDK has written since: it has the key.
pub(crate) fn is_of(host: &Host, record: &Secret, flow: &str) -> bool {
    match Account::read(record, host.config()) {
        Ok(account) => account.flow == flow,
        Err(ErrorCode::StorageTooNew) => {
            json::object(record.bytes()).is_some_and(|members| json::text(&members, "flow") == Some(flow))
        }
        Err(_) => false,
    }
}
