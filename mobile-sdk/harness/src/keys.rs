//! P-256 keys in memory.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use postern_mobile_core::{HookError, Input, KeyInfo, KeyLevel};

/// The keys of a device. They sign in DER, as its hardware does.
#[derive(Default)]
pub struct Keys(Mutex<BTreeMap<String, EcdsaKeyPair>>);

impl Keys {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, EcdsaKeyPair>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.with(|keys| keys.len())
    }

    /// All keys are gone, as after new fingerprints.
    pub fn lose(&self) {
        self.with(BTreeMap::clear);
    }

    /// `KeyEnsure`.
    pub fn ensure(&self, name: &str) -> Input {
        self.with(|keys| {
            if !keys.contains_key(name) {
                let Ok(made) = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING) else {
                    return Input::Failed { error: HookError::Io };
                };
                keys.insert(name.to_owned(), made);
            }
            let point = keys[name].public_key().as_ref();
            let key = KeyInfo {
                x: point[1..33].to_vec(),
                y: point[33..].to_vec(),
                level: KeyLevel::Software,
            };
            Input::Key { key }
        })
    }

    /// `Sign`.
    pub fn sign(&self, name: &str, message: &[u8]) -> Input {
        self.with(
            |keys| match keys.get(name).map(|key| key.sign(&SystemRandom::new(), message)) {
                Some(Ok(signature)) => Input::Signature {
                    signature: signature.as_ref().to_vec(),
                },
                Some(Err(_)) => Input::Failed { error: HookError::Io },
                None => Input::Failed {
                    error: HookError::NotFound,
                },
            },
        )
    }

    /// `KeyDelete`.
    pub fn delete(&self, name: &str) -> Input {
        self.with(|keys| keys.remove(name));
        Input::Done
    }
}
