//! What has ended before its time, told by the issuer as it happens: a stream with snapshots and heartbeats.

mod ended;
mod follower;
mod issuer;
mod parser;
mod polls;
mod reader;
mod view;

use std::fmt;
use std::time::Duration;

use reqwest::Url;

pub use self::parser::{Poll, Revocation, RevocationKind, StreamError, StreamEvent, StreamParser};
pub use self::view::{StreamHealth, WhenDown};

pub(crate) use self::ended::Names;
pub(crate) use self::follower::Revocations;

use self::issuer::{Credentials, Endpoints, Issuer, TIME_LIMIT};
use crate::DiscoverError;
use crate::fetch::client;
use crate::metadata::Metadata;

/// How an API follows the revocation stream of a Postern server, so that it refuses what has ended within a second.
///
/// It does so as a client of its own, which the operator registers as a service with the scope `revocations`. Its secret comes
/// from outside the program, such as a variable or a file of the environment.
///
/// ```
/// use std::time::Duration;
///
/// use postern_resource_server::{Follow, WhenDown};
///
/// let secret = "from outside the program";
/// let follow = Follow::as_client("notes-api", secret).when_down(WhenDown::Refuse, Duration::from_secs(60));
/// ```
#[derive(Clone)]
pub struct Follow {
    client_id: String,
    secret: String,
    when_down: WhenDown,
    after: Duration,
}

impl Follow {
    /// With the id and the secret of the client (`client_secret_basic`).
    pub fn as_client(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            secret: secret.into(),
            when_down: WhenDown::Introspect,
            after: Duration::from_secs(30),
        }
    }

    /// What is done when nothing new has come for `after`: from 6 seconds to an hour. Unless set, the issuer is
    /// asked about each token after 30 seconds.
    #[must_use]
    pub fn when_down(mut self, choice: WhenDown, after: Duration) -> Self {
        self.when_down = choice;
        self.after = after.clamp(view::SILENCE, LONGEST);
        self
    }

    pub(crate) fn begin(self, metadata: &Metadata, issuer: &Url) -> Result<Revocations, DiscoverError> {
        let introspection = match self.when_down {
            WhenDown::Introspect => Some(metadata.introspection_endpoint(issuer)?),
            WhenDown::Refuse | WhenDown::Accept => None,
        };
        let endpoints = Endpoints {
            token: metadata.token_endpoint(issuer)?,
            stream: metadata.revocation_stream_endpoint(issuer)?,
            introspection,
        };
        let credentials = Credentials {
            client_id: self.client_id,
            secret: self.secret,
        };
        let client = client(issuer, TIME_LIMIT, KEPT_CONNECTIONS).map_err(DiscoverError::Metadata)?;
        let issuer = Issuer::new(client, endpoints, credentials).map_err(|_| DiscoverError::NoRandomness)?;
        Ok(Revocations::follow(issuer, self.when_down, self.after))
    }
}

/// The secret is not printed.
impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("client_id", &self.client_id)
            .field("when_down", &self.when_down)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

const LONGEST: Duration = Duration::from_hours(1);
/// For the introspections of requests that come at the same time.
const KEPT_CONNECTIONS: usize = 8;
