//! Validates the access tokens of an OAuth 2.0 authorization server in the APIs that accept them (RFC 9068).
//!
//! An API names two things: the **issuer** whose tokens it accepts, and its own **audience**, the resource
//! that those tokens must be made for. Everything else is read from the issuer (RFC 8414), once at the
//! start and again in the background. A request waits for the issuer only when its token names a new key, or
//! when nobody has asked for long.
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use std::sync::Arc;
//!
//! use axum::{Router, routing::get};
//! use postern_resource_server::{AccessToken, Rejection, ResourceServer};
//!
//! // A handler that names an `AccessToken` cannot run without a valid one.
//! async fn notes(token: AccessToken) -> Result<String, Rejection> {
//!     token.require_scope("notes:read")?;
//!     Ok(format!("the notes of {}", token.sub))
//! }
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let api = ResourceServer::discover("https://id.example.com", "https://notes.example.com").await?;
//! let app: Router = Router::new().route("/notes", get(notes)).with_state(Arc::new(api));
//! # Ok(())
//! # }
//! ```
//!
//! Without axum, [`ResourceServer::authenticate`] takes the request's headers. Without a network,
//! [`validate`] is a pure function of the token, a [`KeySet`], what is [`Expected`] and the time.
//! A [`Rejection`] knows the status and the `WWW-Authenticate` header that the caller is owed.
//!
//! Features: `axum` (default) makes [`AccessToken`] an extractor and [`Rejection`] a response; `tls` is
//! needed to discover an issuer over https.

mod bearer;
mod claims;
mod clock;
mod discovery;
mod error;
#[cfg(feature = "axum")]
mod extract;
mod fetch;
mod keys;
mod remote_keys;
mod step_up;
mod validate;

use std::time::Duration;

use http::HeaderMap;

pub use crate::bearer::{Presented, Scheme};
pub use crate::claims::{AccessToken, Confirmation, ScopeSet};
pub use crate::discovery::DiscoverError;
pub use crate::error::Rejection;
pub use crate::fetch::FetchError;
pub use crate::keys::{KeySet, KeySetError};
pub use crate::remote_keys::{KeyLimits, RemoteKeys};
pub use crate::step_up::Authentication;
pub use crate::validate::{Expected, validate};

/// An API that accepts the access tokens of one issuer, made for one audience.
///
/// Cheap to share: put it into an [`Arc`](std::sync::Arc).
#[derive(Debug)]
pub struct ResourceServer {
    expected: Expected,
    keys: RemoteKeys,
}

impl ResourceServer {
    /// Reads the issuer's metadata and keys.
    ///
    /// `issuer` is compared byte by byte, with the metadata and with every token: write it exactly as the
    /// authorization server does.
    pub async fn discover(issuer: &str, audience: &str) -> Result<Self, DiscoverError> {
        let keys = RemoteKeys::discover(issuer).await?;
        Ok(Self::new(Expected::new(issuer, audience), keys))
    }

    /// Of keys that were discovered with limits of one's own; see [`RemoteKeys::discover_with`].
    pub fn new(expected: Expected, keys: RemoteKeys) -> Self {
        Self { expected, keys }
    }

    /// Allows this much difference between the issuer's clock and ours; the default is 5 seconds.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// The claims of the valid access token in these request headers, or what to answer instead.
    ///
    /// A token that names a key we have not seen makes us load the keys again, once for everybody.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<AccessToken, Rejection> {
        let presented = Presented::from_headers(headers)?;
        let keys = self.keys.current().await?;
        match self.judge(&presented, &keys) {
            Err(Rejection::UnknownKey) => match self.keys.reload(&keys).await {
                Some(newer) => self.judge(&presented, &newer),
                None => Err(Rejection::UnknownKey),
            },
            verdict => verdict,
        }
    }

    fn judge(&self, presented: &Presented<'_>, keys: &KeySet) -> Result<AccessToken, Rejection> {
        validate(presented, keys, &self.expected, clock::unix_seconds())
    }
}
