//! Step-up authentication (RFC 9470): an API that wants a newer or a better sign-in than the token's says which.

use std::time::Duration;

use crate::{AccessToken, Rejection, clock};

/// The sign-in that a request needs behind its token (RFC 9470 section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    acr_values: Vec<String>,
    max_age: Option<Duration>,
}

impl Authentication {
    /// Any sign-in.
    pub fn any() -> Self {
        Self::default()
    }

    /// Only one with this `acr`, or with another that is named so.
    #[must_use]
    pub fn with_acr(mut self, acr: &str) -> Self {
        self.acr_values.push(acr.to_owned());
        self
    }

    /// Only one that is at most this old.
    #[must_use]
    pub fn within(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Whether a token says enough of its sign-in; `now` in seconds since 1970.
    fn is_met_by(&self, token: &AccessToken, now: u64) -> bool {
        let acr = self.acr_values.is_empty()
            || (token.acr.as_ref()).is_some_and(|acr| self.acr_values.iter().any(|good| good == acr));
        let age = token
            .auth_time
            .map(|at| Duration::from_secs(now.saturating_sub(at)));
        let fresh = self.max_age.is_none_or(|most| age.is_some_and(|age| age <= most));
        acr && fresh
    }
}

impl AccessToken {
    /// Refuses unless the person signed in as well and as lately as `needed`: one line at the head of a handler. The
    /// answer tells the app what to ask the authorization server for (`acr_values`, `max_age`).
    pub fn require_authentication(&self, needed: &Authentication) -> Result<(), Rejection> {
        self.require_authentication_at(needed, clock::unix_seconds())
    }

    /// The same at a time of one's own, in seconds since 1970.
    pub fn require_authentication_at(&self, needed: &Authentication, now: u64) -> Result<(), Rejection> {
        if needed.is_met_by(self, now) {
            return Ok(());
        }
        Err(Rejection::InsufficientAuthentication {
            acr_values: needed.acr_values.join(" "),
            max_age: needed.max_age.map(|most| most.as_secs()),
        })
    }
}
