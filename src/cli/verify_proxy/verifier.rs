//! The checks themselves: the crate that Rust APIs import. This file is the only one that knows what it is called.

use std::{sync::OnceLock, time::Duration};

use anyhow::Context;
use http::{HeaderMap, Method, Uri};
pub(super) use postern_resource_server::{AccessToken, Rejection};
use postern_resource_server::{
    Authenticated, Discover, DiscoverError, Follow, Postern, Presented, Scheme, WhenDown,
};

use super::{following::Following, original::Original};
use crate::domain::instance;

/// How long to wait before the issuer is asked again, at first and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Checks tokens as soon as it knows the issuer's keys.
#[derive(Debug)]
pub(super) struct Verifier {
    issuer: String,
    audience: String,
    public_url: Option<String>,
    following: Option<Following>,
    api: OnceLock<Postern>,
}

impl Verifier {
    pub(super) fn new(
        issuer: String,
        audience: String,
        public_url: Option<String>,
        following: Option<Following>,
    ) -> Self {
        Self {
            issuer,
            audience,
            public_url,
            following,
            api: OnceLock::new(),
        }
    }

    /// Reads the issuer's metadata and keys, however often that has to be tried. Ends only with an error: what no
    /// repetition makes better.
    pub(super) async fn start(&self) -> anyhow::Result<()> {
        let mut pause = PAUSE;
        loop {
            match self.discover().await {
                Ok(api) => {
                    self.api.get_or_init(|| api);
                    tracing::info!(issuer = %self.issuer, audience = %self.audience, "ready");
                    return std::future::pending().await;
                }
                Err(error @ (DiscoverError::Issuer | DiscoverError::IssuerMismatch { .. })) => {
                    return Err(error).context("--issuer cannot be used");
                }
                Err(error @ DiscoverError::PublicUrl(_)) => {
                    return Err(error).context("--public-url cannot be used");
                }
                Err(error @ DiscoverError::Missing(_)) => {
                    return Err(error).context("--client-id: the issuer's revocations cannot be followed");
                }
                Err(error) => {
                    let error = anyhow::Error::new(error);
                    tracing::warn!(issuer = %self.issuer, "not ready, asked again soon: {error:#}");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// With what goes for this API beyond its issuer and audience.
    fn discover(&self) -> Discover {
        let mut discover = Postern::discover(&self.issuer, &self.audience);
        if let Some(url) = &self.public_url {
            discover = discover.public_url(url);
        }
        if let Some(following) = &self.following {
            let choice = match following.down {
                instance::WhenDown::Refuse => WhenDown::Refuse,
                instance::WhenDown::Introspect => WhenDown::Introspect,
                instance::WhenDown::Accept => WhenDown::Accept,
            };
            let after = Duration::from_secs(following.down_after.seconds().unsigned_abs());
            let follow = Follow::as_client(following.client_id.as_str(), following.client_secret.expose());
            discover = discover.follow(follow.when_down(choice, after));
        }
        discover
    }

    /// Tells the issuer that nobody need wait for this process to refuse what has ended.
    pub(super) async fn stop(&self) {
        if let Some(api) = self.api.get() {
            api.stop().await;
        }
    }

    /// The claims of the valid token in these headers. `original` is the request that it came with, where that is known.
    pub(super) async fn authenticate(
        &self,
        original: Option<&Original>,
        headers: &HeaderMap,
    ) -> Result<Authenticated, Rejection> {
        let api = self.api.get().ok_or(Rejection::KeysUnavailable)?;
        if let Some(Original { method, uri }) = original {
            return api.authenticate(method, uri, headers).await;
        }
        match Presented::from_headers(headers)?.scheme() {
            // Whose method and URL it would have to be made for is not known.
            Scheme::Dpop => Err(Rejection::DpopNotSupported),
            _ => api.authenticate(&Method::GET, &Uri::default(), headers).await,
        }
    }

    /// Whether good tokens are let in.
    pub(super) fn knows(&self) -> bool {
        self.api.get().is_some_and(|api| api.health().ready)
    }
}
