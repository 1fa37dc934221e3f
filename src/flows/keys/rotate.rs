//! Rotation: what is due by itself, and what an operator asks for.
//!
//! Every node may do it at any time: each step is one conditional change, so one of them does it and the others find it
//! done.

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        id::KeyId,
        time::{Instant, Lifetime},
    },
    domain::{
        actor::{Actor, Initiator},
        answer::SIGNED_LIFE,
        event::Event,
        key::{
            KeyInfo, Ring,
            rotation::{RingKeys, TooEarly},
        },
        policy::Lifetimes,
    },
    flows::{
        Provider,
        keys::{KeysError, in_use, infos, make::Maker},
    },
    store::{
        facts::RAISE_VERSION,
        keys::{self, DestroyKey, OUTLIVE},
    },
};

/// Why a ring was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// It is too early for one of the rings; none was rotated.
    #[error("the ring {} {}", .0.as_str(), .1)]
    TooEarly(Ring, TooEarly),
    /// Another process did it at the same moment.
    #[error("the ring {} was rotated by another process a moment ago", .0.as_str())]
    Lost(Ring),
    /// The keys'.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// A ring that was rotated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// Which.
    pub ring: Ring,
    /// The key in use from now on.
    pub active: Option<KeyId>,
    /// The key in use until now.
    pub retiring: Option<KeyId>,
    /// The key that will be used after the next rotation.
    pub next: KeyId,
}

/// Moves every ring on as far as it is due, and destroys the keys whose work has expired.
pub async fn rotate_due(provider: &Provider) -> Result<(), KeysError> {
    let now = provider.clock.now();
    let keys = standing(provider).await?;
    for key in &keys {
        if key.gone_at().is_some_and(|at| at <= now) {
            destroy(provider, key, now).await?;
        }
    }
    for ring in in_use(&keys) {
        let due = RingKeys::of(ring, &keys).due(provider.lifetimes.key_rotation, now);
        if let Some(rotation) = due {
            maker(provider, now, Actor::System)
                .rotate(&provider.db, ring, rotation)
                .await?;
        }
    }
    provider.keys.refresh(&provider.db, &provider.clock).await
}

/// Rotates these rings now; none when it is too early for one of them.
pub async fn rotate(
    provider: &Provider,
    rings: &[Ring],
    by: impl Into<Initiator>,
) -> Result<Vec<Rotated>, RotateError> {
    let by = by.into();
    let now = provider.clock.now();
    let keys = standing(provider).await?;
    let mut rotations = Vec::new();
    for ring in rings {
        let own = RingKeys::of(*ring, &keys);
        let rotation = own
            .rotation_before_due(now)
            .map_err(|early| RotateError::TooEarly(*ring, early))?;
        rotations.push((*ring, rotation));
    }
    let mut rotated = Vec::new();
    for (ring, rotation) in rotations {
        let (active, retiring) = (rotation.activate, rotation.retire);
        let made = maker(provider, now, by.clone())
            .rotate(&provider.db, ring, rotation)
            .await?;
        let next = made.ok_or(RotateError::Lost(ring))?;
        rotated.push(Rotated {
            ring,
            active,
            retiring,
            next,
        });
    }
    provider.keys.refresh(&provider.db, &provider.clock).await?;
    Ok(rotated)
}

/// A ring of which keys were withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Which.
    pub ring: Ring,
    /// The keys that are gone: what they made is refused.
    pub withdrawn: Vec<KeyId>,
    /// From when on every verifier that keeps the published keys as long as it may knows the key that signs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_everywhere_at: Option<Instant>,
}

/// How long a withdrawn key is on the revocation stream: whoever has its secret may sign for any time, and a verifier may
/// have kept its public half for long.
pub(super) const KEY_REVOKED_FOR: Lifetime = Lifetime::from_days(30);

/// Replaces the active keys of these rings at once, since others may know them; with `all` every key that lay beside them.
/// What they signed or sealed is refused. Refresh tokens stay good: the ring that authenticates them goes on, and its old
/// keys are still accepted, since their handles protect them.
pub async fn withdraw(
    provider: &Provider,
    rings: &[Ring],
    all: bool,
    by: impl Into<Initiator>,
) -> Result<Vec<Withdrawn>, RotateError> {
    let by = by.into();
    let now = provider.clock.now();
    let keys = standing(provider).await?;
    let until = now.plus(KEY_REVOKED_FOR);
    let mut done = Vec::new();
    for ring in rings {
        let own = RingKeys::of(*ring, &keys);
        let withdrawal = own.withdrawal(all, now);
        let withdrawn = withdrawal.withdraw.clone();
        // One that is made now is published now.
        let published = keys
            .iter()
            .find(|key| Some(key.id) == withdrawal.rotation.activate)
            .map_or(now, |key| key.created_at);
        let known = published.plus(ring.ahead());
        let revoked_until = ring.is_signing().then_some(until);
        let maker = maker(provider, now, by.clone());
        let made = maker.withdraw(&provider.db, *ring, withdrawal, revoked_until);
        made.await?.ok_or(RotateError::Lost(*ring))?;
        for key in &withdrawn {
            provider.ends.remember_key(*key, revoked_until, now);
        }
        done.push(Withdrawn {
            ring: *ring,
            withdrawn,
            known_everywhere_at: Some(known).filter(|known| ring.is_signing() && *known > now),
        });
    }
    provider.keys.refresh(&provider.db, &provider.clock).await?;
    Ok(done)
}

/// Remembers that access tokens may live for so long, before any is issued that does: what ends later is listed for as long,
/// whatever the settings are then.
pub async fn outlive(provider: &Provider, access_token: Lifetime) -> Result<(), KeysError> {
    if provider.keys.load().longest_life >= access_token {
        return Ok(());
    }
    let signing = Ring::every().filter(|ring| ring.is_signing());
    lengthen(provider, signing, access_token.max(SIGNED_LIFE)).await?;
    provider.keys.refresh(&provider.db, &provider.clock).await
}

/// The keys that are not gone, each of which outlives what it makes under the present settings.
async fn standing(provider: &Provider) -> Result<Vec<KeyInfo>, KeysError> {
    let mut keys = infos(keys::accepted(&provider.db).await?);
    for ring in Ring::every() {
        let life = longest_life(provider, ring);
        let is_shorter = |key: &KeyInfo| key.ring == ring && key.longest_life < life;
        if keys.iter().any(is_shorter) {
            lengthen(provider, [ring], life).await?;
        }
        for key in keys.iter_mut().filter(|key| is_shorter(key)) {
            key.longest_life = life;
        }
    }
    Ok(keys)
}

/// Has the keys of these rings outlive what lives so long, and the other nodes read that.
async fn lengthen(
    provider: &Provider,
    rings: impl IntoIterator<Item = Ring>,
    life: Lifetime,
) -> Result<(), KeysError> {
    for ring in rings {
        provider
            .db
            .execute(OUTLIVE, (ring.as_str(), life.millis()))
            .await?;
    }
    provider.db.execute(RAISE_VERSION, (keys::VERSION,)).await?;
    Ok(())
}

/// The longest life of anything that a key of the ring makes under the present settings.
fn longest_life(provider: &Provider, ring: Ring) -> Lifetime {
    match ring {
        Ring::SigningEs256 | Ring::SigningRs256 => provider.longest_access_token().max(SIGNED_LIFE),
        Ring::Mac => provider
            .clients
            .longest(&provider.lifetimes, Lifetimes::refresh_token),
        Ring::Seal => provider.clients.longest(&provider.lifetimes, Lifetimes::sealed),
    }
}

async fn destroy(provider: &Provider, key: &KeyInfo, now: Instant) -> Result<(), KeysError> {
    let event = Event::KeyDestroyed {
        ring: key.ring,
        kid: key.id.to_string(),
    };
    let event = maker(provider, now, Actor::System).event(event);
    let change = DestroyKey {
        id: key.id,
        now,
        event,
    };
    provider.db.write(change).await?;
    Ok(())
}

pub(super) fn maker(provider: &Provider, now: Instant, by: impl Into<Initiator>) -> Maker<'_> {
    Maker {
        vault: provider.keys.vault(),
        entropy: &provider.entropy,
        now,
        by: by.into(),
    }
}
