//! The numbers that an operator may change: lifetimes, retention and limits, with the rules between them.

use serde::Serialize;

use crate::{
    base::{time::Lifetime, url::HttpsUrl},
    domain::{key::rotation, limit::Limit},
};

/// How long the answer to a request of the admin API is kept that may be sent again.
pub const IDEMPOTENT: Lifetime = Lifetime::from_days(1);

/// How long things live. The defaults are in `config/default.toml`, with the reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lifetimes {
    /// Access tokens and ID tokens.
    pub access_token: Lifetime,
    /// Authorization codes.
    pub authorization_code: Lifetime,
    /// The codes of a device authorization.
    pub device_code: Lifetime,
    /// A pushed request, until its first page.
    pub request_uri: Lifetime,
    /// A pending request, from its first page.
    pub pending_request: Lifetime,
    /// A device session without a refresh.
    pub device_session_idle: Lifetime,
    /// A device session at most.
    pub device_session_absolute: Lifetime,
    /// A browser session without a request.
    pub browser_session_idle: Lifetime,
    /// A browser session at most.
    pub browser_session_absolute: Lifetime,
    /// A session at the console without a request.
    pub admin_session_idle: Lifetime,
    /// A session at the console at most.
    pub admin_session_absolute: Lifetime,
    /// How long a browser is known to an account after a sign-in.
    pub known_browser: Lifetime,
    /// How long a DPoP nonce says when a proof was made.
    pub dpop_nonce: Lifetime,
    /// How long a lost refresh may be repeated by a bearer session.
    pub retry_window: Lifetime,
    /// How long a key is used before the next one takes its place.
    pub key_rotation: Lifetime,
}

impl Lifetimes {
    /// The longest time in which a refresh token may still be presented. Two idle times: a session that idles for one
    /// refreshes, the answer is lost, and it comes back with the same token when it has idled for another.
    pub fn refresh_token(&self) -> Lifetime {
        let twice = Lifetime::from_millis(self.device_session_idle.millis().saturating_mul(2));
        twice.min(self.device_session_absolute)
    }

    /// The longest life of anything that is sealed: a pending request, the parameters of a posted one, the cookie of a
    /// known browser, a DPoP nonce.
    pub fn sealed(&self) -> Lifetime {
        self.pending_request
            .max(self.authorization_code)
            .max(self.request_uri)
            .max(self.known_browser)
            .max(self.dpop_nonce)
            .max(IDEMPOTENT)
    }

    /// The contradictions between these settings: name of the setting, what to write.
    pub fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let half = Lifetime::from_millis(self.access_token.millis() / 2);
        if self.retry_window > half {
            // A window as long as the refresh interval hides a thief who follows his victim.
            found.push((
                "tokens.retry_window",
                format!(
                    "write at most half of tokens.access_token, which is {half}, instead of {}",
                    self.retry_window
                ),
            ));
        }
        if self.device_session_idle > self.device_session_absolute {
            found.push((
                "sessions.device_idle",
                format!(
                    "write at most sessions.device_absolute, which is {}",
                    self.device_session_absolute
                ),
            ));
        }
        if self.browser_session_idle > self.browser_session_absolute {
            found.push((
                "sessions.browser_idle",
                format!(
                    "write at most sessions.browser_absolute, which is {}",
                    self.browser_session_absolute
                ),
            ));
        }
        let least = rotation::shortest(self.access_token);
        if self.key_rotation < least {
            found.push((
                "keys.rotate_every",
                format!(
                    "write at least {least}: a key is published before it is used and kept until what it signed has \
                     expired, which for access tokens of {} takes that long",
                    self.access_token
                ),
            ));
        }
        found
    }
}

/// How long the past is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Events; nothing is for ever.
    pub events: Option<Lifetime>,
}

/// How many failed tries are taken before somebody has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Failed sign-ins to one account: of strangers together, and of each browser that is known to it.
    pub sign_in_account: Limit,
    /// Failed sign-ins of strangers from one address.
    pub sign_in_address: Limit,
    /// Token requests from one address that fail authentication or carry forged tokens.
    pub token_failures: Limit,
    /// Device authorizations that begin at one address, and codes that are typed in there.
    pub device_codes: Limit,
    /// Clients that register openly from one address.
    pub registrations: Limit,
    /// Revocation streams.
    pub revocation_streams: StreamLimits,
}

/// How many revocation streams may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StreamLimits {
    /// At one node.
    pub at_node: usize,
    /// At one node, of one client.
    pub of_client: usize,
}

/// Pages about the service that its metadata name (RFC 8414 section 2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// For the developers of clients.
    pub service_documentation: Option<HttpsUrl>,
    /// What clients may do with what they learn.
    pub op_policy_uri: Option<HttpsUrl>,
    /// The terms of service.
    pub op_tos_uri: Option<HttpsUrl>,
}
