//! The key rings: their first keys, what makes them complete, and how they move on.

pub mod again;
mod make;
pub mod rotate;

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    base::{entropy::Entropy, time::Instant, url::Issuer},
    domain::{
        actor::Actor,
        key::{KeyInfo, KeyState, Ring, rotation::RingKeys},
    },
    flows::{Provider, keys::make::Maker},
    ports::{ends::Ends, keyring::Keyring, secrets::RootSecret, vault::Vault},
    store::{
        db::Db,
        facts,
        keys::{self, FoundKeys},
    },
};

pub use crate::ports::keys::KeysError;

/// Makes the first keys of an empty database: each ring gets an `active` and a `next`.
pub async fn found(db: &Db, root: &RootSecret, entropy: &Entropy, now: Instant) -> Result<(), KeysError> {
    let (vault, root_check) = Vault::found(root);
    let maker = Maker {
        vault: &vault,
        entropy,
        now,
        by: Actor::System.into(),
    };
    let mut made = Vec::new();
    for ring in Ring::ALL {
        for state in [KeyState::Active { since: now }, KeyState::Next] {
            made.push(maker.key(ring, state).await?);
        }
    }
    db.write(FoundKeys {
        root_check,
        keys: made,
    })
    .await?;
    Ok(())
}

/// Whether the database has keys.
pub async fn are_founded(db: &Db) -> Result<bool, KeysError> {
    Ok(db.read(facts::FIND, (facts::ROOT_CHECK,)).await?.is_some())
}

/// The rings, opened with the root secret. A ring that this release is the first to know gets its keys here.
pub async fn open(
    db: &Db,
    root: &RootSecret,
    issuer: Issuer,
    entropy: &Entropy,
    ends: Arc<Ends>,
    now: Instant,
) -> Result<Keyring, KeysError> {
    let vault = Vault::open(db, root).await?;
    let maker = Maker {
        vault: &vault,
        entropy,
        now,
        by: Actor::System.into(),
    };
    let accepted = infos(keys::accepted(db).await?);
    for ring in in_use(&accepted) {
        if let Some(rotation) = RingKeys::of(ring, &accepted).missing(now) {
            maker.rotate(db, ring, rotation).await?;
        }
    }
    Keyring::open(db, vault, issuer, ends, now).await
}

/// The rings of a server that has these keys.
fn in_use(keys: &[KeyInfo]) -> impl Iterator<Item = Ring> {
    let requested = |ring: &Ring| !RingKeys::of(*ring, keys).is_empty();
    Ring::ALL
        .into_iter()
        .chain(Ring::ON_REQUEST.into_iter().filter(requested))
}

/// Makes the first keys of a ring that is wanted, if there are none. What it signs is verified at once: who does not know
/// the key yet has never seen one of the ring.
pub async fn request(provider: &Provider, ring: Ring) -> Result<(), KeysError> {
    let (vault, now) = (provider.keys.vault(), provider.clock.now());
    let accepted = infos(keys::accepted(&provider.db).await?);
    if let Some(rotation) = RingKeys::of(ring, &accepted).missing(now) {
        let maker = Maker {
            vault,
            entropy: &provider.entropy,
            now,
            by: Actor::System.into(),
        };
        maker.rotate(&provider.db, ring, rotation).await?;
    }
    provider.keys.refresh(&provider.db, &provider.clock).await
}

/// Every key without its secret, for the operator.
pub async fn list(provider: &Provider) -> Result<Vec<KeyInfo>, KeysError> {
    Ok(infos(keys::all(&provider.db).await?))
}

/// This ring, or all that the server has.
pub async fn rings(provider: &Provider, ring: Option<Ring>) -> Result<Vec<Ring>, KeysError> {
    let Some(ring) = ring else {
        let there = list(provider).await?;
        let has_keys = |ring: &Ring| there.iter().any(|key| key.ring == *ring);
        return Ok(Ring::every().filter(has_keys).collect());
    };
    Ok(vec![ring])
}

/// A key with what comes next.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListedKey {
    /// The key.
    #[serde(flatten)]
    pub key: KeyInfo,
    /// What it becomes by itself, when that is known.
    pub then: Option<Then>,
}

/// What a key becomes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Then {
    /// `active`, `retiring` or `gone`.
    pub state: Cow<'static, str>,
    /// When.
    pub at: Instant,
}

/// Every key, and what it becomes under the present settings.
pub async fn listed(provider: &Provider) -> Result<Vec<ListedKey>, KeysError> {
    let keys = list(provider).await?;
    let rotate_every = provider.lifetimes.key_rotation;
    let listed = keys.iter().map(|key| {
        let rotates_at = || RingKeys::of(key.ring, &keys).rotates_at(rotate_every);
        let (state, at) = match key.state {
            KeyState::Next => ("active", rotates_at()),
            KeyState::Active { .. } => ("retiring", rotates_at()),
            KeyState::Retiring { .. } => ("gone", key.gone_at()),
            KeyState::Gone { .. } => ("gone", None),
        };
        ListedKey {
            key: key.clone(),
            then: at.map(|at| Then {
                state: state.into(),
                at,
            }),
        }
    });
    Ok(listed.collect())
}

fn infos(keys: Vec<keys::StoredKey>) -> Vec<KeyInfo> {
    keys.into_iter().map(|key| key.info).collect()
}
