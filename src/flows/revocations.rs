//! The revocation stream: an API follows what has ended, so that it need not ask about each token.
//!
//! It is a set, not a log: who comes gets all that counts, then what is added, and every two seconds at least a heartbeat that
//! says how old that is. `docs/revocations.md` is the protocol.

mod follow;

use std::sync::Arc;

use postern_resource_server::{AccessToken, Presented, Rejection};

pub use self::follow::{Following, NotOpened, open};
use crate::{
    base::{
        jws::Jws,
        time::{Instant, Lifetime},
    },
    domain::{client::Client, instance::InstanceName, scope::REVOCATIONS},
    flows::{
        Provider,
        access_token::{self, SpeaksFor, in_force},
        dpop,
    },
    store::{error::StoreError, instances},
};
/// How often an API is asked to acknowledge when nothing ends: so long it counts as one that is there.
pub const LEASE: Lifetime = Lifetime::from_secs(30);
/// How much further ahead than our clock a poll may have begun that somebody acknowledges: clocks differ a little.
const AHEAD: Lifetime = Lifetime::from_secs(1);

/// A service that may follow the stream, by the token that it showed.
#[derive(Debug)]
pub struct Follower {
    /// Which.
    pub client: Arc<Client>,
    token: AccessToken,
    /// The id of the key that signed the token.
    kid: Option<String>,
}

/// Who asks: a service with a token of its own for this server (RFC 6749 section 4.4), whose scope allows it.
pub async fn authenticate(
    provider: &Provider,
    presented: Presented<'_>,
    sent: dpop::Sent<'_>,
    method: &str,
    path: &str,
) -> Result<Result<Follower, Rejection>, StoreError> {
    let kid = Jws::parse(presented.token(), presented.token().len()).ok();
    let kid = kid.and_then(|jws| jws.key_id);
    let (url, audience) = (provider.issuer.at(path), provider.issuer.as_str());
    let token = match access_token::authenticate(provider, presented, sent, method, &url, audience).await? {
        Ok(token) => token,
        Err(rejection) => return Ok(Err(rejection)),
    };
    // To the second, since that ends the stream too.
    let now = provider.clock.now().seconds();
    if u64::try_from(now).is_ok_and(|now| token.exp <= now) {
        return Ok(Err(Rejection::Expired));
    }
    if let Err(rejection) = token.require_scope(REVOCATIONS) {
        return Ok(Err(rejection));
    }
    let Some(SpeaksFor::Client) = in_force(provider, &token).await? else {
        return Ok(Err(Rejection::Revoked));
    };
    let client = provider.clients.find(&token.client_id);
    let client = client.filter(|client| client.settings.scope.has(REVOCATIONS));
    Ok(client
        .map(|client| Follower { client, token, kid })
        .ok_or(Rejection::Revoked))
}

/// Why an acknowledgement is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// This client has no copy with that name.
    #[error("this client follows no stream under this name: open one")]
    Unknown,
    /// It acknowledges what has not happened yet.
    #[error("polled_at lies ahead: send what the heartbeat said")]
    Ahead,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A copy says that it refuses everything that a poll saw which began at `polled_at`. It can speak for its own client only.
pub async fn acknowledge(
    provider: &Provider,
    follower: &Follower,
    name: &InstanceName,
    polled_at: Instant,
) -> Result<(), NotTaken> {
    let now = provider.clock.now();
    if polled_at > now.plus(AHEAD) {
        return Err(NotTaken::Ahead);
    }
    if !instances::acknowledge(&provider.db, &follower.client.id, name, polled_at, now).await? {
        return Err(NotTaken::Unknown);
    }
    Ok(())
}

/// A copy stops: nobody waits for it any more. Saying so twice changes nothing.
pub async fn leave(provider: &Provider, follower: &Follower, name: &InstanceName) -> Result<(), StoreError> {
    instances::leave(&provider.db, &follower.client.id, name)
        .await
        .map(drop)
}

/// Copies that were not seen since then are not counted: what they accepted has expired, if no access token lives longer than
/// `longest`. A copy that follows is seen with each lease.
pub fn counted_since(longest: Lifetime, now: Instant) -> Instant {
    let three = Lifetime::from_millis(3 * LEASE.millis());
    now.minus(longest.max(three))
}

/// Copies that were not seen since then are deleted.
pub(super) fn forgotten_instances(provider: &Provider, now: Instant) -> Instant {
    counted_since(provider.longest_access_token(), now).minus(LEASE)
}
