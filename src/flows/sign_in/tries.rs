//! Tries: taken before a password is looked at, so that parallel guesses cannot all slip in, and given back unless it was
//! wrong.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::{runtime::Handle, task::JoinHandle};
use tracing::Instrument;

use super::{SignInError, line::Turn, to_its_end};
use crate::{
    base::digest::Digest,
    domain::limit::Limit,
    flows::Provider,
    store::attempts::{FIND, GIVE_BACK, TAKE},
};

/// The name of a bucket, and how many failures it takes.
pub(super) type Bucket = (Digest, Limit);

/// A bucket for a key of this kind.
pub(super) fn bucket(kind: &str, key: &str, limit: Limit) -> Bucket {
    (Digest::of(format!("{kind}\0{key}").as_bytes()), limit)
}

/// One try from each of some buckets.
pub(super) struct Tries(Vec<Try>);

impl Tries {
    /// Takes them in this order, or none. All are looked at first: who hammers a full one, beside others that are not,
    /// must not make the database write.
    pub(super) async fn take(provider: &Arc<Provider>, buckets: Vec<Bucket>) -> Result<Self, SignInError> {
        for bucket in &buckets {
            wait_for_room(provider, *bucket).await?;
        }
        let mut tries = Vec::new();
        for bucket in buckets {
            tries.push(Try::take(provider, bucket).await?);
        }
        Ok(Self(tries))
    }

    /// It was wrong: they stay taken, and drain.
    pub(super) fn count(self) {
        for mut taken in self.0 {
            drop(taken.turn.take());
        }
    }

    /// It was not wrong.
    pub(super) async fn give_back(mut self) {
        join_all(self.0.iter_mut().filter_map(Try::give_back)).await;
    }
}

/// Until a bucket has room, as far as a reading can tell. Refused when it is full of failures; tries that are still being
/// looked at are waited for, since only those that fail count.
async fn wait_for_room(provider: &Provider, (name, limit): Bucket) -> Result<(), SignInError> {
    loop {
        let turn = provider.line.step_up(name);
        let decided = turn.decided();
        let (found, now) = (provider.db.read(FIND, (name,)).await?, provider.clock.now());
        let Some((empty_at,)) = found.filter(|(empty_at,)| *empty_at > limit.ceiling(now)) else {
            return Ok(());
        };
        if !turn.wait(decided).await {
            return Err(SignInError::TooMany {
                wait: limit.wait(empty_at, now),
            });
        }
    }
}

/// A try from one bucket. Dropped before it is decided, as when its caller goes away, it is given back.
struct Try {
    provider: Arc<Provider>,
    bucket: Bucket,
    /// Until it is decided.
    turn: Option<Turn>,
}

impl Try {
    async fn take(provider: &Arc<Provider>, bucket: Bucket) -> Result<Self, SignInError> {
        loop {
            let turn = provider.line.step_up(bucket.0);
            // A caller who goes away meanwhile must not leave a try behind that nobody has.
            if let Some(taken) = to_its_end(Self::take_now(Arc::clone(provider), bucket, turn)).await? {
                return Ok(taken);
            }
            // Somebody was faster.
            wait_for_room(provider, bucket).await?;
        }
    }

    /// The try; nothing when the bucket is full.
    async fn take_now(
        provider: Arc<Provider>,
        bucket: Bucket,
        mut turn: Turn,
    ) -> Result<Option<Self>, SignInError> {
        let ((name, limit), now) = (bucket, provider.clock.now());
        let binds = (name, now, limit.every.millis(), limit.ceiling(now));
        // Before the database has it: who sees the bucket full by then has to find somebody to wait for.
        turn.hold();
        if provider.db.execute(TAKE, binds).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            provider,
            bucket,
            turn: Some(turn),
        }))
    }

    /// Starts to give it back; nothing when it is decided. Who waits in line goes on when that is done.
    fn give_back(&mut self) -> Option<JoinHandle<()>> {
        let turn = self.turn.take()?;
        let (provider, (name, limit)) = (Arc::clone(&self.provider), self.bucket);
        let give_back = async move {
            let given: Result<Option<()>, _> =
                provider.db.execute(GIVE_BACK, (name, limit.every.millis())).await;
            if let Err(error) = given {
                tracing::warn!(%error, "a try was not given back; it drains like a failed one");
            }
            drop(turn);
        };
        // Without a runtime the program is at its end.
        Some(Handle::try_current().ok()?.spawn(give_back.in_current_span()))
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        drop(self.give_back());
    }
}
