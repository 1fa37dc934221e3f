//! A withdrawal that a database has lost which went back: it is written again, as every end.

use crate::{
    domain::{
        actor::Actor,
        key::{
            Ring,
            rotation::{RingKeys, Rotation, Withdrawal},
        },
    },
    flows::{
        Provider,
        keys::{
            KeysError, infos,
            rotate::{KEY_REVOKED_FOR, maker},
        },
    },
    store::{facts::Versions, keys},
};

/// Reads the rings again when they have moved on, or `always`. Where the database says that a key is in use which was taken
/// back, it is taken back again first; this node goes on meanwhile with what it holds.
pub async fn follow(provider: &Provider, versions: &Versions, always: bool) -> Result<(), KeysError> {
    let (db, now) = (&provider.polled, provider.clock.now());
    match provider.keys.follow(db, versions, always, now).await {
        Err(KeysError::BroughtBack(key)) => {
            tracing::error!(
                %key,
                "the database went back: a key that was withdrawn is in use in it, and is withdrawn again. Find out whether \
                 it was restored, or a replica took over that was behind"
            );
            withdraw_again(provider).await?;
            provider.keys.follow(db, versions, true, now).await
        }
        done => done,
    }
}

/// Each ring as one change, which changes nothing where another node was faster.
async fn withdraw_again(provider: &Provider) -> Result<(), KeysError> {
    let now = provider.clock.now();
    let all = keys::all(&provider.polled).await?;
    let lost = all.into_iter().filter(|key| key.withdrawn_at.is_none());
    let (lost, good): (Vec<_>, Vec<_>) = lost.partition(|key| provider.ends.has_withdrawn(key.info.id));
    let (lost, good) = (infos(lost), infos(good));
    for ring in Ring::every() {
        let withdraw: Vec<_> = lost
            .iter()
            .filter(|key| key.ring == ring)
            .map(|key| key.id)
            .collect();
        if withdraw.is_empty() {
            continue;
        }
        let missing = RingKeys::of(ring, &good).missing(now);
        let withdrawal = Withdrawal {
            withdraw: withdraw.clone(),
            rotation: missing.unwrap_or_else(Rotation::nothing),
        };
        let until = ring.is_signing().then(|| now.plus(KEY_REVOKED_FOR));
        let maker = maker(provider, now, Actor::System);
        maker.withdraw(&provider.polled, ring, withdrawal, until).await?;
        for key in withdraw {
            provider.ends.remember_key(key, until, now);
        }
    }
    Ok(())
}
