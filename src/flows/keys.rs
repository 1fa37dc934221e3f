//! The key rings from the database, and the first keys of an empty one.

use serde_json::Value;

use crate::{
    base::{
        entropy::Entropy,
        id::{EventId, KeyId},
        seal::Purpose,
        secret::Secret,
        time::Instant,
        url::Issuer,
    },
    domain::{
        event::{Event, EventRecord, Subject},
        key::{KeyInfo, KeyState, Ring},
    },
    ports::{
        keys::{BrokenRing, Keys, OpenedKey},
        secrets::RootSecret,
        signer::{BadKey, Signer},
    },
    store::{
        db::Db,
        error::StoreError,
        facts,
        keys::{self, FoundKeys, StoredKey},
    },
};

/// Why the rings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no check value: the database was never initialised.
    #[error("the database has no keys yet; run `postern init` first")]
    Empty,
    /// Another root secret sealed these keys.
    #[error(
        "the root secret (fingerprint {given}) is not the one that sealed this database (fingerprint {expected}); \
         restore that one: without it nothing sealed here can be read"
    )]
    WrongRoot {
        /// What was given.
        given: String,
        /// What the database expects.
        expected: String,
    },
    /// A key that does not open or does not read.
    #[error("the key {0} cannot be opened")]
    Unreadable(KeyId),
    /// A ring without an active key.
    #[error(transparent)]
    Broken(#[from] BrokenRing),
    /// A key could not be made.
    #[error(transparent)]
    Bad(#[from] BadKey),
}

/// Makes the first keys of an empty database: each ring gets an `active` and a `next`.
pub async fn found(db: &Db, root: &RootSecret, entropy: &Entropy, now: Instant) -> Result<(), KeysError> {
    let root_sealer = root.sealer();
    let mut made = Vec::new();
    for ring in Ring::ALL {
        for state in [KeyState::Active { since: now }, KeyState::Next] {
            let id = KeyId::new(entropy);
            let (secret, public) = match ring {
                Ring::SigningEs256 => {
                    let (secret, jwk) = Signer::generate(id)?;
                    (secret, Some(jwk.to_string()))
                }
                Ring::Mac | Ring::Seal => (Secret::new(entropy.bytes::<32>().to_vec()), None),
            };
            let sealed = root_sealer.seal_bytes(Purpose::KeyAtRest, secret.expose().clone());
            let event = Event::KeyCreated {
                ring: ring.as_str(),
                kid: id.to_string(),
            };
            let event = EventRecord {
                id: EventId::new(now, entropy),
                at: now,
                subject: Subject::default(),
                event,
            };
            made.push((
                StoredKey {
                    id,
                    ring,
                    state,
                    sealed,
                    public,
                    created_at: now,
                },
                event,
            ));
        }
    }
    let root_check = [
        root.fingerprint().into_bytes(),
        root_sealer.seal_bytes(Purpose::RootCheck, root.fingerprint().into_bytes()),
    ]
    .concat();
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

/// The rings, opened with the root secret.
pub async fn load(db: &Db, root: &RootSecret, issuer: &Issuer) -> Result<Keys, KeysError> {
    let root_sealer = root.sealer();
    let (check,) = db
        .read(facts::FIND, (facts::ROOT_CHECK,))
        .await?
        .ok_or(KeysError::Empty)?;
    let (expected, sealed) = check.split_at_checked(8).ok_or(KeysError::Empty)?;
    if root_sealer
        .open_bytes(Purpose::RootCheck, sealed.to_vec())
        .is_err()
    {
        let expected = String::from_utf8_lossy(expected).into_owned();
        return Err(KeysError::WrongRoot {
            given: root.fingerprint(),
            expected,
        });
    }
    let mut opened = Vec::new();
    for key in keys::all(db)
        .await?
        .into_iter()
        .filter(|key| key.state.is_accepted())
    {
        let unreadable = || KeysError::Unreadable(key.id);
        let secret = root_sealer
            .open_bytes(Purpose::KeyAtRest, key.sealed.clone())
            .map_err(|_| unreadable())?;
        let public = key
            .public
            .as_deref()
            .map(serde_json::from_str::<Value>)
            .transpose();
        opened.push(OpenedKey {
            info: info(&key),
            secret: Secret::new(secret),
            public: public.map_err(|_| unreadable())?,
        });
    }
    Ok(Keys::new(issuer, &opened)?)
}

/// Every key without its secret, for the operator.
pub async fn list(db: &Db) -> Result<Vec<KeyInfo>, KeysError> {
    Ok(keys::all(db).await?.iter().map(info).collect())
}

fn info(key: &StoredKey) -> KeyInfo {
    KeyInfo {
        id: key.id,
        ring: key.ring,
        state: key.state,
        created_at: key.created_at,
    }
}
