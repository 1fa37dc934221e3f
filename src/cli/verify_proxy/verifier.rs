//! The checks themselves: the crate that Rust APIs import. This file is the only one that knows what it is called.

use std::{sync::OnceLock, time::Duration};

use anyhow::Context;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
pub(super) use postern_resource_server::{AccessToken, Rejection};
use postern_resource_server::{DiscoverError, Presented, ResourceServer, Scheme};

use super::{following::Following, original::Original};
use crate::cli::failure::Usage;

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
    api: OnceLock<ResourceServer>,
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
            match ResourceServer::discover(&self.issuer, &self.audience).await {
                Ok(api) => {
                    let api = self.settle(api)?;
                    self.api.get_or_init(|| api);
                    tracing::info!(issuer = %self.issuer, audience = %self.audience, "ready");
                    return std::future::pending().await;
                }
                Err(error @ (DiscoverError::Issuer | DiscoverError::IssuerMismatch { .. })) => {
                    return Err(error).context("--issuer cannot be used");
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

    /// What goes for this API beyond its issuer and audience.
    fn settle(&self, mut api: ResourceServer) -> anyhow::Result<ResourceServer> {
        if let Some(url) = &self.public_url {
            api = api.public_url(url).context("--public-url cannot be used")?;
        }
        if let Some(Following { client_id, .. }) = &self.following {
            let text = "this version cannot follow the revocations of an issuer: leave --client-id out";
            return Err(Usage(format!("{text} ({client_id})")).into());
        }
        Ok(api)
    }

    /// The claims of the valid token in these headers. `original` is the request that it came with, where that is known.
    pub(super) async fn authenticate(
        &self,
        original: Option<&Original>,
        headers: &HeaderMap,
    ) -> Result<AccessToken, Rejection> {
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

    /// Whether tokens can be told apart: one that is none is refused for that, and not because nothing is known.
    pub(super) async fn knows(&self) -> bool {
        let none = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer none"))]);
        let judged = self.authenticate(None, &none).await;
        judged.is_err_and(|rejection| !rejection.status().is_server_error())
    }
}
