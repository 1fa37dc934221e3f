//! A sign-in that waits: all that is needed to finish it in a fresh process.

use serde_json::{Map, Value, json};

use super::SCHEMA;
use crate::{
    config::Config,
    deadline::Deadline,
    discovery::Server,
    dpop::Key,
    host::Host,
    json::{self, secret, words},
    secret::Secret,
};

/// As long as the server keeps its half.
const LIFE: i64 = 3_600_000;

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
    pub(crate) fn left(&self, host: &Host) -> i64 {
        let left = self.until.left(host);
        if left > 2 * LIFE { i64::MIN } else { left }
    }
}
