//! The outside, behind small types: password hashing, keys and signatures, the root secret.

pub mod clients;
pub mod hasher;
pub mod keys;
pub mod secrets;
pub mod signer;
