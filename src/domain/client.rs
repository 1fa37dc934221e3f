//! An OAuth client and what it may do.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::ClientId,
        text::DisplayName,
        time::{Instant, Lifetime},
        url::{RedirectKind, RedirectUri, Resource},
    },
    domain::{policy::Lifetimes, scope::ScopeSet},
};

/// A registered client (RFC 6749 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// What people see on the consent page.
    pub name: DisplayName,
    /// What it may do and how.
    #[serde(flatten)]
    pub settings: ClientSettings,
    /// When it was registered.
    pub created_at: Instant,
    /// When it was disabled; a disabled client gets nothing.
    pub disabled_at: Option<Instant>,
}

/// Everything about a client that an operator chooses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSettings {
    /// What kind of program it is.
    pub kind: ClientKind,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// The most that it may ask for.
    pub scope: ScopeSet,
    /// Whether people are asked.
    pub consent: ConsentPolicy,
    /// The API whose access tokens it gets when it names none (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// The other APIs that it may name (RFC 8707 section 2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// Where people may be sent when they have signed out (OpenID Connect RP-Initiated Logout section 3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Whether people whom nothing has to be asked are sent back without a tap, although it is public. Only for redirects
    /// to https addresses that the app claims: anybody can answer to the others (RFC 8252 section 8.6).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answers_without_tap: bool,
    /// Whether it may end the browser session that a session of it came from, without a browser (`end_browser_session` at
    /// the revocation endpoint).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_end_browser_session: bool,
    /// Its own lifetimes, where they differ from the server's.
    #[serde(default)]
    pub lifetimes: ClientLifetimes,
}

/// What kind of program a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// An app on a person's device: public, holds no secret (RFC 8252).
    Native,
}

/// Whether a person is asked before the client gets anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPolicy {
    /// Asked once for each set of scopes.
    Ask,
    /// A first-party app: the person continues with one tap, and the consent is recorded all the same.
    Never,
}

/// Lifetimes of one client; what is absent is the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientLifetimes {
    /// Life of its access and ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Lifetime>,
    /// How long a device session lives without a refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_session_idle: Option<Lifetime>,
    /// How long a device session lives at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_session_absolute: Option<Lifetime>,
}

impl Client {
    /// Whether it may be used at all.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether it can keep a secret (RFC 6749 section 2.1); no kind can yet.
    pub fn is_confidential(&self) -> bool {
        match self.settings.kind {
            ClientKind::Native => false,
        }
    }

    /// Whether a person whom nothing has to be asked is sent back without a tap: who answers at the redirect URI is known.
    pub fn answers_without_tap(&self) -> bool {
        self.is_confidential() || self.settings.answers_without_tap
    }

    /// Whether `presented` is one of its redirect URIs.
    pub fn allows_redirect(&self, presented: &str) -> bool {
        self.settings
            .redirect_uris
            .iter()
            .any(|uri| uri.matches(presented))
    }

    /// The APIs that it may get tokens for (RFC 8707 section 2), its default first.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.settings.resource.iter().chain(&self.settings.resources)
    }

    /// Whether `asked` is an API that it may get tokens for.
    pub fn allows_resource(&self, asked: &str) -> bool {
        self.resources().any(|own| own.as_str() == asked)
    }

    /// Whether a person who has signed out may be sent to `presented`: compared as text, a loopback port too.
    pub fn allows_post_logout_redirect(&self, presented: &str) -> bool {
        let mut uris = self.settings.post_logout_redirect_uris.iter();
        uris.any(|uri| uri.as_str() == presented)
    }

    /// The private-use schemes of its redirect URIs, with their colon.
    pub fn private_schemes(&self) -> impl Iterator<Item = &str> {
        let uris = self.settings.redirect_uris.iter();
        uris.filter(|uri| uri.kind() == RedirectKind::PrivateScheme)
            .map(RedirectUri::scheme)
    }

    /// The server's lifetimes with this client's own in their place.
    pub fn lifetimes(&self, server: &Lifetimes) -> Lifetimes {
        self.settings.lifetimes.over(server)
    }
}

impl ClientLifetimes {
    /// The server's lifetimes with these in their place.
    pub fn over(self, server: &Lifetimes) -> Lifetimes {
        Lifetimes {
            access_token: self.access_token.unwrap_or(server.access_token),
            device_session_idle: self.device_session_idle.unwrap_or(server.device_session_idle),
            device_session_absolute: self
                .device_session_absolute
                .unwrap_or(server.device_session_absolute),
            ..*server
        }
    }
}

impl FromStr for ConsentPolicy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ask" => Ok(Self::Ask),
            "never" => Ok(Self::Never),
            _ => Err("write ask or never"),
        }
    }
}

impl FromStr for ClientKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "native" => Ok(Self::Native),
            _ => Err("write native: an app on a person's device"),
        }
    }
}
