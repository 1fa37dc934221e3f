//! A browser session: a person signed in to Postern in one browser.

use serde::{Deserialize, Serialize};

use crate::base::{
    id::{BrowserSessionId, UserId},
    text::Email,
    time::Instant,
};

/// A live browser session with its person, as a page needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserSession {
    /// Its id: the origin of the device sessions that are opened in it.
    pub id: BrowserSessionId,
    /// Who is signed in.
    pub user: UserId,
    /// The address that they sign in with.
    pub email: Email,
    /// How they proved it.
    pub authentication: Authentication,
    /// When it was last seen, to ten minutes.
    pub last_seen_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
}

/// When and how a person proved who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When.
    pub auth_time: Instant,
    /// How well (OpenID Connect Core section 2).
    pub acr: String,
    /// By what means (RFC 8176).
    pub amr: Vec<String>,
}

/// The `acr` of a sign-in with one factor (NIST SP 800-63B, authenticator assurance level 1).
pub const ACR_ONE_FACTOR: &str = "aal1";

impl Authentication {
    /// By password alone, at `now`.
    pub fn by_password(now: Instant) -> Self {
        Self {
            auth_time: now,
            acr: ACR_ONE_FACTOR.to_owned(),
            amr: vec!["pwd".to_owned()],
        }
    }
}
