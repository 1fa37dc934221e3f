//! How an API begins: the issuer is asked where its keys are, and what was set is put together.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use crate::fetch::client;
use crate::metadata::{DiscoverError, Metadata, issuer_url};
use crate::nonce::{NONCE_WINDOW, NonceKey};
use crate::public_url::PublicUrl;
use crate::remote_keys::RemoteKeys;
use crate::verified::VerifiedTokens;
use crate::{Expected, Follow, KeyLimits, PROOF_LEEWAY, Postern, ReplayMemory};

/// A [`Postern`] that is about to be made: `.await` asks the issuer.
#[derive(Debug)]
#[must_use = "nothing is asked until it is awaited"]
pub struct Discover {
    expected: Expected,
    public_url: Option<String>,
    nonces: Option<NonceKey>,
    limits: KeyLimits,
    follow: Option<Follow>,
}

impl Discover {
    pub(crate) fn new(issuer: &str, audience: &str) -> Self {
        Self {
            expected: Expected::new(issuer, audience),
            public_url: None,
            nonces: None,
            limits: KeyLimits::default(),
            follow: None,
        }
    }

    /// Follows the issuer's revocation stream, so that what has ended is refused within a second. The issuer must have
    /// one, as Postern does; without it a token is accepted until it expires.
    pub fn follow(mut self, follow: Follow) -> Self {
        self.follow = Some(follow);
        self
    }

    /// Gives a nonce to a device whose clock is wrong, with which its proofs are good for five minutes (RFC 9449
    /// section 9). The secret is 256 random bits; all instances of the API need the same.
    pub fn nonces(mut self, secret: &[u8; 32]) -> Self {
        self.nonces = Some(NonceKey::new(secret));
        self
    }

    /// The address that apps ask this API at, which DPoP proofs are made for (`htu`): scheme and host, and the front of
    /// the path where a proxy cuts it off. The default is the scheme and host of the audience.
    ///
    /// It is never taken from the request: whoever replays a proof at another API would choose it.
    pub fn public_url(mut self, url: &str) -> Self {
        self.public_url = Some(url.to_owned());
        self
    }

    /// Allows this much difference between the issuer's clock and ours, at most a minute: what has ended is listed for two
    /// minutes longer than its tokens live. The default is 5 seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway.min(MAX_LEEWAY);
        self
    }

    /// How the issuer's keys are fetched and how long they are relied on.
    pub fn key_limits(mut self, limits: KeyLimits) -> Self {
        self.limits = limits;
        self
    }

    async fn ask(self) -> Result<Postern, DiscoverError> {
        let url = match &self.public_url {
            Some(url) => Some(url.parse()?),
            // An audience may be any URI; one of the web says where the API is.
            None => PublicUrl::origin_of(&self.expected.audience),
        };
        let issuer = issuer_url(&self.expected.issuer)?;
        // Minutes pass between two fetches; a kept connection would be dead by then.
        let client = client(&issuer, self.limits.time_limit, 0).map_err(DiscoverError::Metadata)?;
        let metadata = Metadata::read(&client, &self.expected.issuer, &issuer).await?;
        let jwks_uri = metadata.jwks_uri(&issuer)?;
        let keys = RemoteKeys::load(client, jwks_uri, self.limits).await?;
        let revocations = self
            .follow
            .map(|follow| follow.begin(&metadata, &issuer))
            .transpose()?;
        let window = match &self.nonces {
            Some(_) => NONCE_WINDOW,
            // From `iat` that is as far ahead as it may be until it is as far behind.
            None => 2 * PROOF_LEEWAY + 1,
        };
        Ok(Postern::new(crate::postern::Parts {
            expected: self.expected,
            keys,
            verified: VerifiedTokens::default(),
            revocations,
            url,
            replays: ReplayMemory::new(window),
            nonces: self.nonces,
        }))
    }
}

/// The most that clocks may be allowed to differ.
pub(crate) const MAX_LEEWAY: Duration = Duration::from_mins(1);

impl IntoFuture for Discover {
    type Output = Result<Postern, DiscoverError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}
