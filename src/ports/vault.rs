//! What opens the keys at rest: the root secret, known to be the one that sealed this database.

use std::fmt;

use crate::{
    base::{
        seal::{Purpose, Sealer},
        secret::Secret,
    },
    ports::{
        keys::{KeysError, OpenedKey},
        secrets::RootSecret,
    },
    store::{db::Db, facts, keys::StoredKey},
};

/// Seals and opens keys at rest. Never prints.
pub struct Vault(Sealer);

impl Vault {
    /// The vault of a database that is being made, and the check value that tells its root secret from others.
    pub fn found(root: &RootSecret) -> (Self, Vec<u8>) {
        let vault = Self(root.sealer());
        let fingerprint = root.fingerprint().into_bytes();
        let sealed = vault.0.seal_bytes(Purpose::RootCheck, fingerprint.clone());
        (vault, [fingerprint, sealed].concat())
    }

    /// The vault of a database, if `root` is its root secret.
    pub async fn open(db: &Db, root: &RootSecret) -> Result<Self, KeysError> {
        let vault = Self(root.sealer());
        let (check,) = db
            .read(facts::FIND, (facts::ROOT_CHECK,))
            .await?
            .ok_or(KeysError::Empty)?;
        let (expected, sealed) = facts::parts_of_root_check(&check).ok_or(KeysError::Empty)?;
        if vault.0.open_bytes(Purpose::RootCheck, sealed.to_vec()).is_err() {
            return Err(KeysError::WrongRoot {
                given: root.fingerprint(),
                expected,
            });
        }
        Ok(vault)
    }

    /// A secret as it rests in the database.
    pub fn seal(&self, secret: &Secret<Vec<u8>>) -> Vec<u8> {
        self.0.seal_bytes(Purpose::KeyAtRest, secret.expose().clone())
    }

    /// A key, ready to use.
    pub fn unseal(&self, key: StoredKey) -> Result<OpenedKey, KeysError> {
        let unreadable = || KeysError::Unreadable(key.info.id);
        let secret = self.0.open_bytes(Purpose::KeyAtRest, key.sealed);
        let public = key.public.as_deref().map(serde_json::from_str).transpose();
        Ok(OpenedKey {
            secret: Secret::new(secret.map_err(|_| unreadable())?),
            public: public.map_err(|_| unreadable())?,
            info: key.info,
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}
