//! One who follows, from the snapshot to the end of the stream.

use std::{sync::Arc, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use tokio::sync::broadcast::Receiver;

use super::{Follower, LEASE, counted_since};
use crate::{
    base::{
        id::ClientSecretId,
        time::{Instant, Lifetime},
    },
    domain::{
        client::Client,
        client_secret::KeptSecret,
        instance::{Down, InstanceName},
        revocation::message::{self, Message},
    },
    flows::Provider,
    ports::{
        announcements::{Announcement, Polled, Snapshot},
        readiness::NotReady,
        streams::{Full, Place},
    },
    store::{error::StoreError, instances},
};

/// How long who comes waits for the next poll.
const POLL: Duration = Duration::from_secs(5);
/// In so long the snapshot has to be taken.
const SNAPSHOT: Lifetime = Lifetime::from_secs(30);

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// The node does not know what ended elsewhere.
    #[error("this node cannot say what has ended: {0}")]
    NotReady(#[from] NotReady),
    /// Too many are open here.
    #[error("as many streams are open at this node as may be (limits.revocation_streams)")]
    NodeIsFull,
    /// Too many of this client are open.
    #[error("as many streams of this client are open as may be (limits.revocation_streams_per_client)")]
    ClientIsFull,
    /// Too many copies of this client have come.
    #[error(
        "too many copies of this service have come lately: draw a name once for each start of the program"
    )]
    TooManyCopies,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A stream under way.
#[derive(Debug)]
pub struct Following {
    follower: Follower,
    name: InstanceName,
    down: Down,
    place: Place,
    heard: Receiver<Announcement>,
    standing: Standing,
    /// What is left of the beginning: the snapshot, how much of it was taken, and how it ends.
    beginning: Option<(Arc<Snapshot>, usize, Message)>,
    /// All by this machine's clock.
    opened_at: Instant,
    asked_at: Instant,
    /// How often the database had been lost when the copy was written down.
    losses: u64,
}

/// What a client must go on being, so that its stream goes on.
#[derive(Debug)]
struct Standing {
    client: Arc<Client>,
    secrets: Arc<[KeptSecret]>,
}

/// Opens a stream. First it is written down that there is somebody to wait for, then comes a poll, then all that counts:
/// what ended before somebody asked who follows is in it, or who follows was seen.
pub async fn open(
    provider: &Provider,
    follower: Follower,
    name: InstanceName,
    down: Down,
) -> Result<Following, NotOpened> {
    provider.readiness.judge(&provider.clock, &provider.db)?;
    let client = Arc::clone(&follower.client);
    let limits = provider.limits.revocation_streams;
    let entered = provider.streams.enter(client.id.clone(), name.clone(), limits);
    let place = entered.map_err(|full| match full {
        Full::Node => NotOpened::NodeIsFull,
        Full::Client => NotOpened::ClientIsFull,
    })?;
    let losses = provider.db.losses();
    write_down(provider, &client, &name, down).await?;
    let announcements = &provider.ends.announcements;
    let begun = announcements.polls_begun();
    let mut heard = announcements.follow();
    provider.bell.notify_one();
    let polled = tokio::time::timeout(POLL, next_poll(&mut heard, begun)).await;
    let Ok(Some(polled)) = polled else {
        return Err(NotReady::Stale.into());
    };
    let own = provider.clock.own();
    Ok(Following {
        standing: Standing {
            secrets: provider.clients.secrets(&client.id),
            client,
        },
        follower,
        name,
        down,
        place,
        heard,
        beginning: Some((provider.ends.snapshot(), 0, message::complete(polled.at))),
        opened_at: own,
        asked_at: own,
        losses,
    })
}

async fn write_down(
    provider: &Provider,
    client: &Client,
    name: &InstanceName,
    down: Down,
) -> Result<(), NotOpened> {
    let now = provider.clock.now();
    let since = counted_since(provider.longest_access_token(), now);
    if instances::open(&provider.db, &client.id, name, down, now, since).await? {
        Ok(())
    } else {
        Err(NotOpened::TooManyCopies)
    }
}

/// The first complete poll of those that had not begun. Nothing when the node stops.
async fn next_poll(heard: &mut Receiver<Announcement>, begun: u64) -> Option<Arc<Polled>> {
    loop {
        match heard.recv().await {
            Ok(Announcement::Polled(polled)) if polled.number > begun => return Some(polled),
            Ok(Announcement::Polled(_) | Announcement::Revoked(_)) => {}
            Ok(Announcement::Stopping) | Err(_) => return None,
        }
    }
}

impl Following {
    /// The next message; nothing at the end. Who is too far behind, whose token or client is over, and whose copy comes again
    /// is at the end.
    pub async fn next(&mut self, provider: &Provider) -> Option<Message> {
        if self.beginning.is_some() {
            let took = provider.clock.own().since(self.opened_at);
            return (took <= SNAPSHOT && self.may_go_on(provider))
                .then(|| self.next_of_beginning())
                .flatten();
        }
        loop {
            let heard = tokio::select! {
                biased;
                () = self.place.taken.notified() => return None,
                () = tokio::time::sleep(self.left(provider)) => return None,
                heard = self.heard.recv() => heard.ok()?,
            };
            if !self.may_go_on(provider) {
                return None;
            }
            match heard {
                Announcement::Stopping => return None,
                Announcement::Revoked(message) => return Some(message),
                Announcement::Polled(polled) => {
                    let own = provider.clock.own();
                    let asks = polled.asks || own.since(self.asked_at) >= LEASE;
                    if asks {
                        self.write_down_again(provider).await?;
                        self.asked_at = own;
                        return Some(Arc::clone(&polled.asking));
                    }
                    if polled.is_due {
                        return Some(Arc::clone(&polled.heartbeat));
                    }
                }
            }
        }
    }

    /// The next message of the beginning, as long as there is one.
    fn next_of_beginning(&mut self) -> Option<Message> {
        let (snapshot, taken, complete) = self.beginning.as_mut()?;
        if let Some(message) = snapshot.messages.get(*taken) {
            *taken += 1;
            return Some(Arc::clone(message));
        }
        let complete = Arc::clone(complete);
        self.beginning = None;
        Some(complete)
    }

    /// After the database was lost it may be one that does not know of this copy.
    async fn write_down_again(&mut self, provider: &Provider) -> Option<()> {
        let losses = provider.db.losses();
        if losses != self.losses {
            let client = &self.follower.client;
            write_down(provider, client, &self.name, self.down).await.ok()?;
            self.losses = losses;
        }
        Some(())
    }

    /// How long the token lives yet.
    fn left(&self, provider: &Provider) -> Duration {
        self.expires_at().since(provider.clock.now()).to_std()
    }

    fn expires_at(&self) -> Instant {
        let seconds = i64::try_from(self.follower.token.exp).unwrap_or(i64::MAX / 1000);
        Instant::from_millis(seconds.saturating_mul(1000))
    }

    /// Whether the node goes on, and the token and the client are still what they were.
    fn may_go_on(&mut self, provider: &Provider) -> bool {
        let Follower { token, kid, .. } = &self.follower;
        let ends = &provider.ends;
        let jti = Base64UrlUnpadded::decode_vec(&token.jti).unwrap_or_default();
        let node = provider.readiness.judge(&provider.clock, &provider.db);
        node != Err(NotReady::Stopping)
            && provider.clock.now() < self.expires_at()
            && !ends.has_token(&jti)
            && !kid.as_ref().is_some_and(|kid| ends.has_key(kid))
            && self.standing.holds(provider)
    }
}

impl Standing {
    /// Whether the client has neither been changed nor replaced, and has the same secrets.
    fn holds(&mut self, provider: &Provider) -> bool {
        let id = &self.client.id;
        let Some(client) = provider.clients.find(id.as_str()) else {
            return false;
        };
        let secrets = provider.clients.secrets(id);
        let is_same = Arc::ptr_eq(&client, &self.client)
            || (client.created_at == self.client.created_at && client.settings == self.client.settings);
        let has_same = Arc::ptr_eq(&secrets, &self.secrets) || lives(&secrets).eq(lives(&self.secrets));
        *self = Self { client, secrets };
        is_same && has_same
    }
}

fn lives(secrets: &[KeptSecret]) -> impl Iterator<Item = (ClientSecretId, Option<Instant>)> {
    secrets.iter().map(|secret| (secret.id, secret.expires_at))
}
