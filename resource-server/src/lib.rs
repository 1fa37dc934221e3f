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
//! Without axum, [`ResourceServer::authenticate`] takes the request's method, URI and headers. Without a network,
//! [`validate`] is a pure function of the token, a [`KeySet`], what is [`Expected`] and the time.
//! A [`Rejection`] knows the status and the `WWW-Authenticate` headers that the caller is owed.
//!
//! # Tokens that are bound to a key
//!
//! A token that is bound to a key of its app (DPoP, RFC 9449) is accepted with a proof of that key, made for this very
//! request, and used once; as a bearer token it is refused. Nothing is to be done for that, unless the audience is not
//! the address that apps ask the API at: then [`ResourceServer::public_url`] says what is. [`check_proof`] is the pure
//! function behind it, [`ReplayMemory`] what remembers the proofs.
//!
//! A proof is good for ten seconds before and after its `iat`, so a device whose clock is wrong is refused. With
//! [`ResourceServer::nonces`] it is given a nonce instead, and served.
//!
//! # Apps that know nothing but the API's address
//!
//! [`ProtectedResource`] is the document by which they find the authorization server (RFC 9728), and the word in each
//! challenge that names it.
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
mod nonce;
mod proof;
mod proof_key;
mod proof_url;
mod protected_resource;
mod public_url;
mod remote_keys;
mod replay;
mod step_up;
mod validate;

use std::time::Duration;

use http::{HeaderMap, Method, Uri};

pub use crate::bearer::{Presented, Scheme};
pub use crate::claims::{AccessToken, Actor, Confirmation, ScopeSet};
pub use crate::discovery::DiscoverError;
pub use crate::error::Rejection;
pub use crate::fetch::FetchError;
pub use crate::keys::{KeySet, KeySetError};
pub use crate::proof::{
    NonceTime, OLD_NONCE, PROOF_ALGORITHMS, PROOF_LEEWAY, PresentedProof, Proof, ProofError, ProofTime,
    ProvedRequest, check_proof,
};
pub use crate::protected_resource::{ProtectedResource, ProtectedResourceError};
pub use crate::public_url::PublicUrlError;
pub use crate::remote_keys::{KeyLimits, RemoteKeys};
pub use crate::replay::ReplayMemory;
pub use crate::step_up::Authentication;
pub use crate::validate::{Expected, inspect, validate};

use crate::nonce::{NONCE_WINDOW, NonceKey};
use crate::public_url::PublicUrl;

/// An API that accepts the access tokens of one issuer, made for one audience.
///
/// Cheap to share: put it into an [`Arc`](std::sync::Arc).
#[derive(Debug)]
pub struct ResourceServer {
    expected: Expected,
    keys: RemoteKeys,
    /// Where apps ask this API, if that is known.
    url: Option<PublicUrl>,
    replays: ReplayMemory,
    nonces: Option<NonceKey>,
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
        Self {
            // An audience may be any URI; one of the web says where the API is.
            url: PublicUrl::origin_of(&expected.audience),
            expected,
            keys,
            // From `iat` that is as far ahead as it may be until it is as far behind.
            replays: ReplayMemory::new(2 * PROOF_LEEWAY + 1),
            nonces: None,
        }
    }

    /// Gives a nonce to a device whose clock is wrong, with which its proofs are good for five minutes (RFC 9449
    /// section 9). The secret is 256 random bits; all instances of the API need the same.
    #[must_use]
    pub fn nonces(mut self, secret: &[u8; 32]) -> Self {
        self.nonces = Some(NonceKey::new(secret));
        self.replays = ReplayMemory::new(NONCE_WINDOW);
        self
    }

    /// The address that apps ask this API at, which DPoP proofs are made for (`htu`): scheme and host, and the front of
    /// the path where a proxy cuts it off. The default is the scheme and host of the audience.
    ///
    /// It is never taken from the request: whoever replays a proof at another API would choose it.
    pub fn public_url(mut self, url: &str) -> Result<Self, PublicUrlError> {
        self.url = Some(url.parse()?);
        Ok(self)
    }

    /// Allows this much difference between the issuer's clock and ours; the default is 5 seconds.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// The claims of the valid access token of this request, or what to answer instead. `uri` is the request's own,
    /// with all of its path.
    ///
    /// A token that names a key we have not seen makes us load the keys again, once for everybody.
    pub async fn authenticate(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<AccessToken, Rejection> {
        let presented = Presented::from_headers(headers)?;
        match presented.scheme() {
            Scheme::Bearer => self.judge(&presented).await,
            Scheme::Dpop => {
                let proof = self.prove(&presented, method, uri, headers)?;
                let token = self.judge(&presented.proved_by(&proof)).await?;
                // Last, so that only who has a valid token fills the memory.
                if self.replays.first_use(&proof, clock::unix_seconds()) {
                    Ok(token)
                } else {
                    Err(ProofError::Replayed.into())
                }
            }
        }
    }

    fn prove(
        &self,
        presented: &Presented<'_>,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Proof, Rejection> {
        let url = self.url.as_ref().ok_or(Rejection::DpopNotSupported)?;
        let proof = PresentedProof::from_headers(headers)?.ok_or(ProofError::Missing)?;
        let (url, ath) = (url.at(uri.path()), presented.ath());
        let request = ProvedRequest {
            method: method.as_str(),
            url: &url,
            ath: Some(&ath),
        };
        let now = clock::unix_seconds();
        let Some(nonces) = &self.nonces else {
            return Ok(check_proof(&proof, &request, now, ProofTime::Iat)?);
        };
        let issued = |nonce: &str| nonces.issued(nonce, now);
        match check_proof(&proof, &request, now, ProofTime::NonceOrIat(&issued)) {
            Err(ProofError::NonceNeeded) => Err(Rejection::UseNonce {
                nonce: nonces.issue(now),
            }),
            checked => Ok(checked?),
        }
    }

    async fn judge(&self, presented: &Presented<'_>) -> Result<AccessToken, Rejection> {
        let judge = |keys: &KeySet| validate(presented, keys, &self.expected, clock::unix_seconds());
        let keys = self.keys.current().await?;
        match judge(&keys) {
            Err(Rejection::UnknownKey) => match self.keys.reload(&keys).await {
                Some(newer) => judge(&newer),
                None => Err(Rejection::UnknownKey),
            },
            verdict => verdict,
        }
    }
}
