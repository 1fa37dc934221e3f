//! An API that accepts access tokens: every check of a request, in order.

use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use serde::Serialize;

use crate::bearer::{Presented, Scheme};
use crate::layer::AuthenticateLayer;
use crate::nonce::NonceKey;
use crate::proof::{PresentedProof, Proof, ProofTime, ProvedRequest, check_proof};
use crate::public_url::PublicUrl;
use crate::remote_keys::RemoteKeys;
use crate::revocations::{Names, Revocations};
use crate::validate::{check_end, check_possession, inspect};
use crate::verified::{Verified, VerifiedTokens};
use crate::{
    Authenticated, Discover, Expected, KeySet, ProofError, ProtectedResource, ProtectedResourceError,
    Rejection, ReplayMemory, StreamHealth, clock,
};

/// An API that accepts the access tokens of one issuer, made for one audience. Clones are the same API.
#[derive(Clone, Debug)]
pub struct Postern(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) expected: Expected,
    pub(crate) keys: RemoteKeys,
    pub(crate) verified: VerifiedTokens,
    pub(crate) revocations: Option<Revocations>,
    /// Where apps ask this API, if that is known.
    pub(crate) url: Option<PublicUrl>,
    pub(crate) replays: ReplayMemory,
    pub(crate) nonces: Option<NonceKey>,
}

/// How well an API can judge tokens at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Whether valid tokens are accepted at the moment: what a load balancer may ask for.
    pub ready: bool,
    /// How long ago the issuer's keys were read, in seconds.
    pub keys_age: u64,
    /// How the revocation stream is doing.
    pub revocations: StreamHealth,
}

impl Postern {
    /// Reads the issuer's metadata and keys, when it is awaited; what is not as usual is set before.
    ///
    /// `issuer` is compared byte by byte, with the metadata and with every token: write it exactly as the
    /// authorization server does. `audience` is this API, as the authorization server names it.
    pub fn discover(issuer: &str, audience: &str) -> Discover {
        Discover::new(issuer, audience)
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The middleware for every `tower` service, so also for axum's routers: `.layer(postern.layer())`.
    pub fn layer(&self) -> AuthenticateLayer {
        AuthenticateLayer::new(self.clone())
    }

    /// What this API says of itself, so that apps find the authorization server (RFC 9728). The audience must be the
    /// API's own URL for that.
    pub fn protected_resource(&self) -> Result<ProtectedResource, ProtectedResourceError> {
        ProtectedResource::new(&self.0.expected.audience, &self.0.expected.issuer)
    }

    /// How well tokens can be judged at the moment, for a page that operators look at.
    pub fn health(&self) -> Health {
        let revocations = self.0.revocations.as_ref();
        let revocations = revocations.map_or(StreamHealth::NotFollowed, Revocations::health);
        Health {
            ready: self.0.keys.are_reliable() && revocations.lets_tokens_in(),
            keys_age: self.0.keys.age().as_secs(),
            revocations,
        }
    }

    /// Before the process ends: tells the issuer that nobody need wait for this instance to refuse what has ended. Requests
    /// that come after it are judged by what is known, for as long as a stream that is down allows.
    pub async fn stop(&self) {
        if let Some(revocations) = &self.0.revocations {
            revocations.stop().await;
        }
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
    ) -> Result<Authenticated, Rejection> {
        let presented = Presented::from_headers(headers)?;
        match presented.scheme() {
            Scheme::Bearer => self.judge(&presented).await,
            Scheme::Dpop => {
                let proof = self.prove(&presented, method, uri, headers)?;
                let token = self.judge(&presented.proved_by(&proof)).await?;
                // Last, so that only who has a valid token fills the memory.
                if self.0.replays.first_use(&proof, clock::unix_seconds()) {
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
        let url = self.0.url.as_ref().ok_or(Rejection::DpopNotSupported)?;
        let proof = PresentedProof::from_headers(headers)?.ok_or(ProofError::Missing)?;
        let (url, ath) = (url.at(uri.path()), presented.ath());
        let request = ProvedRequest {
            method: method.as_str(),
            url: &url,
            ath: Some(&ath),
        };
        let now = clock::unix_seconds();
        let Some(nonces) = &self.0.nonces else {
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

    async fn judge(&self, presented: &Presented<'_>) -> Result<Authenticated, Rejection> {
        let keys = self.0.keys.current().await?;
        let digest = presented.digest();
        let verified = match self.0.verified.find(&digest, &keys) {
            Some(verified) => verified,
            None => self.verify(presented, digest, keys).await?,
        };
        let token = &verified.token;
        // Time goes on, sessions end, and who presents the token may be somebody else.
        check_end(token.exp, self.0.expected.leeway.as_secs(), clock::unix_seconds())?;
        check_possession(presented, token)?;
        if let Some(revocations) = &self.0.revocations {
            revocations
                .check(&verified.names, token, presented.token())
                .await?;
        }
        Ok(Authenticated(verified))
    }

    /// What does not change with time, and costs a verification; done once for each token.
    async fn verify(
        &self,
        presented: &Presented<'_>,
        digest: [u8; 32],
        keys: Arc<KeySet>,
    ) -> Result<Arc<Verified>, Rejection> {
        let judge = |keys: &KeySet| inspect(presented.token(), keys, &self.0.expected, clock::unix_seconds());
        let (token, keys) = match judge(&keys) {
            Err(Rejection::UnknownKey) => {
                let newer = self.0.keys.reload(&keys).await.ok_or(Rejection::UnknownKey)?;
                (judge(&newer)?, newer)
            }
            verdict => (verdict?, keys),
        };
        let names = Names::of(&token);
        let verified = Arc::new(Verified { token, names });
        self.0.verified.remember(digest, &keys, &verified);
        Ok(verified)
    }
}
