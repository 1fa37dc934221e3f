//! The rings of this server in memory: what signs, what authenticates refresh tokens, what seals, what is published.

use std::fmt;

use postern_resource_server::KeySet;
use serde_json::{Value, json};

use crate::{
    base::{id::KeyId, seal::Sealer, secret::Secret, time::Lifetime, url::Issuer},
    domain::{
        client::IdTokenAlgorithm,
        key::{KeyInfo, KeyState, Ring},
        refresh_token::MacRing,
    },
    ports::{
        id_tokens::IdTokenKeys,
        signer::{BadKey, Signer},
    },
    store::error::StoreError,
};

/// An opened key.
#[derive(Debug)]
pub struct OpenedKey {
    /// Its `kid`, ring and state.
    pub info: KeyInfo,
    /// The secret.
    pub secret: Secret<Vec<u8>>,
    /// The public JWK of a signing key.
    pub public: Option<Value>,
}

/// Every ring, ready to use.
pub struct Keys {
    /// Signs tokens.
    pub signer: Signer,
    /// Signs ID tokens of clients that ask for RS256, where there are any.
    pub rs256: Option<Signer>,
    /// Makes and checks refresh tokens.
    pub mac: MacRing,
    /// Seals what travels through browsers.
    pub sealer: Sealer,
    /// The published keys, as the text of the JWKS document (RFC 7517 section 5).
    pub jwks: String,
    /// The same, ready to verify our own access tokens.
    pub verify: KeySet,
    /// Those and all that came before, to verify ID tokens that come back as hints.
    pub id_tokens: IdTokenKeys,
    /// The longest life of what these have signed under any settings that there were.
    pub longest_life: Lifetime,
}

/// A ring without an active key, or a key that does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key ring {} has no usable active key", ring.as_str())]
pub struct BrokenRing {
    ring: Ring,
}

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
    /// A key that was taken back is in use again: the database went back.
    #[error(
        "the database went back: the key {0}, which was withdrawn, is in use in it; it is withdrawn again"
    )]
    BroughtBack(KeyId),
    /// A ring without an active key.
    #[error(transparent)]
    Broken(#[from] BrokenRing),
    /// A key could not be made.
    #[error(transparent)]
    Bad(#[from] BadKey),
}

impl From<KeysError> for StoreError {
    /// For who only asked the database: keys that do not read are rows that do not.
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => error,
            // Until the poll has written it again.
            KeysError::BroughtBack(_) => Self::Unavailable(error.to_string()),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl Keys {
    /// The signer of an algorithm. The ring of one that has to be asked for is made before the first client that does.
    pub fn signer_of(&self, algorithm: IdTokenAlgorithm) -> Result<&Signer, BadKey> {
        match algorithm {
            IdTokenAlgorithm::Es256 => Ok(&self.signer),
            IdTokenAlgorithm::Rs256 => self.rs256.as_ref().ok_or(BadKey),
        }
    }

    /// The rings from their opened keys; keys that are gone must not be among them. `gone` are the public halves of those.
    pub fn new(issuer: &Issuer, keys: &[OpenedKey], gone: &[Value]) -> Result<Self, BrokenRing> {
        let broken = |ring| move || BrokenRing { ring };
        let signing = active(keys, Ring::SigningEs256)?;
        let bad = |ring| move |_: BadKey| BrokenRing { ring };
        let signer = Signer::es256(signing.info.id, &signing.secret).map_err(bad(Ring::SigningEs256))?;
        let rs256 = active(keys, Ring::SigningRs256).ok();
        let rs256 = rs256
            .map(|key| Signer::rs256(key.info.id, &key.secret))
            .transpose()
            .map_err(bad(Ring::SigningRs256))?;
        let mac_keys = symmetric(keys, Ring::Mac)?;
        let seal_keys = symmetric(keys, Ring::Seal)?;
        let mac = MacRing::new(
            active(keys, Ring::Mac)?.info.id,
            mac_keys.iter().map(|(id, key)| (*id, key)),
        );
        let sealing = active(keys, Ring::Seal)?.info.id;
        let sealer = Sealer::new(
            sealing,
            seal_keys.iter().map(|(id, key)| (*id, key)),
            issuer.as_str(),
        );
        let public: Vec<&Value> = keys.iter().filter_map(|key| key.public.as_ref()).collect();
        let jwks = json!({ "keys": public }).to_string();
        let id_tokens = IdTokenKeys::new(gone.iter().chain(public));
        let verify = KeySet::from_jwks(&jwks)
            .ok()
            .ok_or_else(broken(Ring::SigningEs256))?;
        let signing = keys.iter().filter(|key| key.info.ring.is_signing());
        let longest_life = signing.map(|key| key.info.longest_life).max();
        Ok(Self {
            longest_life: longest_life.unwrap_or(Lifetime::from_millis(0)),
            signer,
            rs256,
            mac,
            sealer,
            jwks,
            verify,
            id_tokens,
        })
    }
}

fn active(keys: &[OpenedKey], ring: Ring) -> Result<&OpenedKey, BrokenRing> {
    let found = keys
        .iter()
        .find(|key| key.info.ring == ring && matches!(key.info.state, KeyState::Active { .. }));
    found.ok_or(BrokenRing { ring })
}

/// A key of 256 bits with its id.
type Symmetric = (KeyId, Secret<[u8; 32]>);

fn symmetric(keys: &[OpenedKey], ring: Ring) -> Result<Vec<Symmetric>, BrokenRing> {
    let of_ring = keys.iter().filter(|key| key.info.ring == ring);
    of_ring
        .map(|key| {
            let bytes: [u8; 32] = key
                .secret
                .expose()
                .as_slice()
                .try_into()
                .map_err(|_| BrokenRing { ring })?;
            Ok((key.info.id, Secret::new(bytes)))
        })
        .collect()
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
