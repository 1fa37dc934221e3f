//! New keys, and the change that puts them into their ring.

use tokio::task::spawn_blocking;

use crate::{
    base::{
        entropy::Entropy,
        id::{EventId, KeyId},
        secret::Secret,
        time::{Instant, Lifetime},
    },
    domain::{
        actor::Initiator,
        event::{Event, EventRecord, Subject},
        key::{
            KeyInfo, KeyState, Ring,
            rotation::{Rotation, Withdrawal},
        },
    },
    ports::{
        keys::KeysError,
        signer::{BadKey, Signer},
        vault::Vault,
    },
    store::{
        db::Db,
        error::StoreError,
        keys::{RotateRing, StoredKey},
    },
};

/// What it takes to make keys.
#[derive(Debug, Clone)]
pub(super) struct Maker<'a> {
    pub(super) vault: &'a Vault,
    pub(super) entropy: &'a Entropy,
    pub(super) now: Instant,
    pub(super) by: Initiator,
}

impl Maker<'_> {
    /// A new key of `ring`, with the event of its making.
    pub(super) async fn key(
        &self,
        ring: Ring,
        state: KeyState,
    ) -> Result<(StoredKey, EventRecord), KeysError> {
        let id = KeyId::new(self.entropy);
        let (secret, public) = match ring {
            Ring::SigningEs256 => {
                let (secret, jwk) = Signer::generate_es256(id)?;
                (secret, Some(jwk.to_string()))
            }
            Ring::SigningRs256 => {
                // It takes as long as a thousand requests.
                let made = spawn_blocking(move || Signer::generate_rs256(id)).await;
                let (secret, jwk) = made.map_err(|_| BadKey)??;
                (secret, Some(jwk.to_string()))
            }
            Ring::Mac | Ring::Seal => (Secret::new(self.entropy.bytes::<32>().to_vec()), None),
        };
        let key = StoredKey {
            info: KeyInfo {
                id,
                ring,
                state,
                created_at: self.now,
                longest_life: Lifetime::from_millis(0),
            },
            sealed: self.vault.seal(&secret),
            public,
            withdrawn_at: None,
        };
        let kid = id.to_string();
        Ok((key, self.event(Event::KeyCreated { ring, kid })))
    }

    /// An event of a key, which happens now.
    pub(super) fn event(&self, event: Event) -> EventRecord {
        EventRecord {
            id: EventId::new(self.now, self.entropy),
            at: self.now,
            subject: Subject::default(),
            actor: None,
            event,
        }
        .by(self.by.clone())
    }

    /// Moves a ring on. The key that it made last, or nothing when somebody else was faster.
    pub(super) async fn rotate(
        &self,
        db: &Db,
        ring: Ring,
        rotation: Rotation,
    ) -> Result<Option<KeyId>, KeysError> {
        let withdrawal = Withdrawal {
            withdraw: Vec::new(),
            rotation,
        };
        self.withdraw(db, ring, withdrawal, None).await
    }

    /// The same for a ring of which keys may be known to others, which are gone at once. What they signed is on the list of
    /// revocations for so long.
    pub(super) async fn withdraw(
        &self,
        db: &Db,
        ring: Ring,
        withdrawal: Withdrawal,
        revoked_until: Option<Instant>,
    ) -> Result<Option<KeyId>, KeysError> {
        let Withdrawal { withdraw, rotation } = withdrawal;
        let (mut keys, mut events) = (Vec::new(), Vec::new());
        for key in &withdraw {
            let kid = key.to_string();
            events.push(self.event(Event::KeyWithdrawn { ring, kid }));
        }
        if let Some(kid) = rotation.retire.map(|key| key.to_string()) {
            events.push(self.event(Event::KeyRetired { ring, kid }));
        }
        if let Some(kid) = rotation.activate.map(|key| key.to_string()) {
            events.push(self.event(Event::KeyActivated { ring, kid }));
        }
        for state in &rotation.make {
            let (key, event) = self.key(ring, *state).await?;
            keys.push(key);
            events.push(event);
        }
        let made = keys.last().map(|key| key.info.id);
        let change = RotateRing {
            withdraw,
            revoked_until,
            rotation,
            keys,
            now: self.now,
            events,
        };
        match db.write(change).await {
            Ok(()) => Ok(made),
            Err(StoreError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
