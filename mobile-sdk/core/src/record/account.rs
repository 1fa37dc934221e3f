//! An account: one record, written as a whole, so that it is never half old and half new.

use serde_json::{Map, Value, json};

use super::SCHEMA;
use crate::{
    clock::{Anchor, Moment, Until},
    config::Config,
    discovery::Server,
    dpop::Key,
    error::ErrorCode,
    json::{self, secret, words},
    outcome::Token,
    secret::Secret,
};

/// What every store takes.
const MOST: usize = 65_536;

/// A session of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// The sign-in that it came from: names its key and what is left to do when it is over.
    pub(crate) flow: String,
    pub(crate) server: Server,
    /// The key that the session is bound to; `None` is a bearer session.
    pub(crate) key: Option<Key>,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) tokens: Vec<AccessToken>,
    pub(crate) scopes: Vec<String>,
    pub(crate) sub: Option<String>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) device_secret: Option<Secret>,
    /// The server's time when it was last heard.
    pub(crate) anchor: Option<Anchor>,
}

/// An access token and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccessToken {
    pub(crate) resource: Option<String>,
    /// What it was asked for, if not all.
    pub(crate) asked: Option<String>,
    pub(crate) value: Secret,
    pub(crate) token_type: String,
    pub(crate) scopes: Vec<String>,
    /// When its request was sent, by the monotonic clock.
    pub(crate) since: i64,
    pub(crate) until: Until,
}

impl AccessToken {
    pub(crate) fn token(&self, now: &Moment) -> Token {
        Token {
            value: self.value.clone(),
            token_type: self.token_type.clone(),
            expires_in_ms: self.until.left(now),
            scopes: self.scopes.clone(),
        }
    }
}

impl Account {
    /// The name of its record.
    pub(crate) fn record(id: &str) -> String {
        format!("account/{id}")
    }

    /// Reads a record.
    pub(crate) fn read(record: &Secret, config: &Config) -> Result<Self, ErrorCode> {
        let members = json::object(record.bytes()).ok_or(ErrorCode::StorageCorrupt)?;
        if config.is_anothers(&members) {
            return Err(ErrorCode::NoSuchAccount);
        }
        match json::number(&members, "schema") {
            Some(SCHEMA) => Self::from_members(&members, config).ok_or(ErrorCode::StorageCorrupt),
            Some(newer) if newer > SCHEMA => Err(ErrorCode::StorageTooNew),
            _ => Err(ErrorCode::StorageCorrupt),
        }
    }

    fn from_members(members: &Map<String, Value>, config: &Config) -> Option<Self> {
        json::text(members, "issuer")?;
        json::text(members, "client_id")?;
        let object = |name: &str| members.get(name).and_then(Value::as_object);
        let tokens = members.get("tokens")?.as_array()?;
        Some(Self {
            id: json::owned(members, "account")?,
            flow: json::owned(members, "flow")?,
            server: Server::from_members(object("server")?, config).ok()?,
            key: match members.get("key")? {
                Value::Null => None,
                key => Some(Key::read(key.as_object()?)?),
            },
            refresh_token: secret(members, "refresh_token"),
            tokens: tokens.iter().map(read_token).collect::<Option<_>>()?,
            scopes: words(json::text(members, "scope").unwrap_or_default()),
            sub: json::owned(members, "sub"),
            id_token: secret(members, "id_token"),
            device_secret: secret(members, "device_secret"),
            anchor: object("anchor").and_then(read_anchor),
        })
    }

    /// Without what it can do without, if it is longer than a store takes: access tokens, the ID token, the device secret.
    pub(crate) fn write(&self, config: &Config) -> Secret {
        let mut written = self.whole(config);
        let mut lean = Self::clone(self);
        while written.bytes().len() > MOST {
            if !lean.tokens.is_empty() {
                lean.tokens.remove(0);
            } else if lean.id_token.take().is_none() && lean.device_secret.take().is_none() {
                break;
            }
            written = lean.whole(config);
        }
        written
    }

    fn whole(&self, config: &Config) -> Secret {
        let tokens: Vec<Value> = self.tokens.iter().map(write_token).collect();
        let anchor = self.anchor.as_ref().map(|anchor| {
            json!({
                "server_ms": anchor.server_ms, "wall_ms": anchor.wall_ms,
                "monotonic_ms": anchor.monotonic_ms, "boot_id": anchor.boot_id,
            })
        });
        let mut record = json!({
            "schema": SCHEMA,
            "issuer": config.issuer,
            "client_id": config.client_id,
            "account": self.id,
            "flow": self.flow,
            "server": self.server.members(),
            "key": self.key.as_ref().map(Key::members),
            "refresh_token": self.refresh_token.as_ref().map(Secret::text),
            "scope": self.scopes.join(" "),
            "sub": self.sub,
            "id_token": self.id_token.as_ref().map(Secret::text),
            "device_secret": self.device_secret.as_ref().map(Secret::text),
            "anchor": anchor,
        });
        if let Some(record) = record.as_object_mut() {
            // Moved, not copied: what is copied is not wiped.
            record.insert("tokens".to_owned(), Value::Array(tokens));
        }
        json::write(record)
    }

    /// Puts a token in the place of one for the same, and drops those that are over.
    pub(crate) fn keep(&mut self, token: AccessToken, now: &Moment) {
        let same = |old: &AccessToken| old.resource == token.resource && old.asked == token.asked;
        self.tokens.retain(|old| !same(old) && old.until.left(now) > 0);
        self.tokens.push(token);
        // Few APIs, few scopes: whoever asks for more of them does so again. All of it has to fit into a record.
        let size =
            |tokens: &[AccessToken]| -> usize { tokens.iter().map(|token| token.value.bytes().len()).sum() };
        while self.tokens.len() > 8 || (self.tokens.len() > 1 && size(&self.tokens) > 16384) {
            self.tokens.remove(0);
        }
    }
}

fn read_anchor(members: &Map<String, Value>) -> Option<Anchor> {
    Some(Anchor {
        server_ms: json::number(members, "server_ms")?,
        wall_ms: json::number(members, "wall_ms")?,
        monotonic_ms: json::number(members, "monotonic_ms")?,
        boot_id: members.get("boot_id")?.as_str()?.to_owned(),
    })
}

fn read_token(token: &Value) -> Option<AccessToken> {
    let members = token.as_object()?;
    Some(AccessToken {
        resource: json::owned(members, "resource"),
        asked: json::owned(members, "asked"),
        value: secret(members, "token")?,
        token_type: json::owned(members, "type")?,
        scopes: words(json::text(members, "scope").unwrap_or_default()),
        since: json::number(members, "since_ms")?,
        until: Until {
            monotonic_ms: json::number(members, "until_ms")?,
            boot_id: members.get("boot_id")?.as_str()?.to_owned(),
        },
    })
}

fn write_token(token: &AccessToken) -> Value {
    json!({
        "resource": token.resource, "asked": token.asked, "token": token.value.text(), "type": token.token_type,
        "scope": token.scopes.join(" "), "since_ms": token.since, "until_ms": token.until.monotonic_ms,
        "boot_id": token.until.boot_id,
    })
}
