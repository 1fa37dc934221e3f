//! Sign-ins that wait for their browser or their other device: all that is needed to finish one in a fresh process.

use serde_json::{Map, Value, json};

use crate::{
    base64,
    blob::{Account, SCHEMA, is_newer, secret, words},
    config::Config,
    deadline::Deadline,
    discovery::Server,
    dpop::Key,
    error::ErrorCode,
    json,
    outcome::Outcome,
    secret::Secret,
    store::{Host, Result},
    token_response::wants_key,
};

/// As long as the server keeps its half.
const LIFE: i64 = 3_600_000;
/// How much longer one is left alone whose code is on its way: what comes of it may be an account, with its key.
const GRACE: i64 = 600_000;
/// How many may wait at once.
const MOST: usize = 5;

#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) flow: String,
    pub(crate) server: Server,
    pub(crate) key: Option<Key>,
    pub(crate) kind: Kind,
    pub(crate) scopes: Vec<String>,
    pub(crate) until: Deadline,
    /// Its code is on its way: whatever becomes of it, it is sent once.
    pub(crate) used: bool,
    /// It comes to nothing, and its key goes. Like `used` it is set by one process only, of the version that it has read:
    /// so no key goes of which another one makes a session.
    pub(crate) given_up: bool,
}

/// What it waits for.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Browser(Browser),
    Device(Device),
    /// An answer of the server's: nobody else goes on with it.
    Server,
}

/// What a redirect is checked with, and its code redeemed.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) state: Secret,
    pub(crate) nonce: Secret,
    pub(crate) verifier: Secret,
    pub(crate) redirect_uri: String,
    /// How many seconds before it began the person may have signed in.
    pub(crate) max_age: Option<i64>,
}

/// What is asked about another device, and after how many seconds each time.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) code: Secret,
    pub(crate) interval: i64,
}

impl Kind {
    /// Each kind has what the others leave empty.
    fn read(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if let Some(code) = secret(members, "device_code") {
            let interval = json::number(members, "interval")?.clamp(0, 60);
            return Some(Self::Device(Device { code, interval }));
        }
        if text("state")?.is_empty() {
            return Some(Self::Server);
        }
        Some(Self::Browser(Browser {
            state: text("state")?.into(),
            nonce: text("nonce")?.into(),
            verifier: text("verifier")?.into(),
            redirect_uri: text("redirect_uri")?.to_owned(),
            max_age: json::number(members, "max_age"),
        }))
    }
}

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
    /// One that begins now.
    pub(crate) fn new(host: &Host, flow: String, server: Server, scopes: Vec<String>, kind: Kind) -> Self {
        Self {
            flow,
            server,
            key: None,
            kind,
            scopes,
            until: Deadline::after(host, LIFE),
            used: false,
            given_up: false,
        }
    }

    pub(crate) fn read(record: &Secret, config: &Config) -> Option<Self> {
        let members = json::object(record.bytes())?;
        let same = json::number(&members, "schema") == Some(SCHEMA)
            && json::text(&members, "issuer") == Some(config.issuer.as_str())
            && json::text(&members, "client_id") == Some(config.client_id.as_str());
        same.then_some(())?;
        Some(Self {
            flow: json::owned(&members, "flow")?,
            server: Server::from_members(members.get("server")?.as_object()?, config).ok()?,
            key: members.get("key").and_then(|key| Key::read(key.as_object()?)),
            kind: Kind::read(&members)?,
            scopes: words(members.get("scope")?.as_str()?),
            until: Deadline::read(&members)?,
            used: json::flag(&members, "used"),
            given_up: json::flag(&members, "given_up"),
        })
    }

    pub(crate) fn write(&self, config: &Config) -> Secret {
        let of_browser = |part: fn(&Browser) -> &str| self.browser().map_or("", part);
        let mut record = json!({
            "schema": SCHEMA, "issuer": config.issuer, "client_id": config.client_id, "flow": self.flow,
            "server": self.server.members(), "key": self.key.as_ref().map(Key::members),
            "state": of_browser(|browser| browser.state.text()), "nonce": of_browser(|browser| browser.nonce.text()),
            "verifier": of_browser(|browser| browser.verifier.text()),
            "redirect_uri": of_browser(|browser| &browser.redirect_uri),
            "max_age": self.browser().and_then(|browser| browser.max_age),
            "device_code": self.device().map(|device| device.code.text()),
            "interval": self.device().map_or(0, |device| device.interval),
            "scope": self.scopes.join(" "), "resource": null, "used": self.used, "given_up": self.given_up,
        });
        self.until.write(&mut record);
        json::write(record)
    }

    pub(crate) fn browser(&self) -> Option<&Browser> {
        match &self.kind {
            Kind::Browser(browser) => Some(browser),
            Kind::Device(_) | Kind::Server => None,
        }
    }

    pub(crate) fn device(&self) -> Option<&Device> {
        match &self.kind {
            Kind::Device(device) => Some(device),
            Kind::Browser(_) | Kind::Server => None,
        }
    }

    /// The server's time when it began, where that is known.
    pub(crate) fn began(&self, host: &Host) -> Option<i64> {
        let now = host.now();
        let gone = LIFE.saturating_sub(self.until.left(host));
        let server_now = host.memory().anchor.as_ref()?.server_now(&now);
        Some(server_now.saturating_sub(gone))
    }

    pub(crate) fn is_over(&self, host: &Host) -> bool {
        self.left(host) <= 0
    }

    /// How much is left of it, less than nothing when it is over. That is also one that has too much: the device's clock,
    /// by which alone it could be told, was set back by more than an hour.
    fn left(&self, host: &Host) -> i64 {
        let left = self.until.left(host);
        if left > 2 * LIFE { i64::MIN } else { left }
    }

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

    async fn mark(&self, host: &Host, version: i64) -> Result<Option<i64>> {
        let marked = self.write(host.config());
        Ok(host.put(&record(&self.flow), marked, version).await?.ok())
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
            None => forget(host, flow).await?,
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
fn is_of(host: &Host, record: &Secret, flow: &str) -> bool {
    match Account::read(record, host.config()) {
        Ok(account) => account.flow == flow,
        Err(ErrorCode::StorageTooNew) => {
            json::object(record.bytes()).is_some_and(|members| json::text(&members, "flow") == Some(flow))
        }
        Err(_) => false,
    }
}
