//! The outside, behind small types: password hashing, keys and signatures, the root secret; and the clients, which are
//! read from the database once and kept in memory.

pub mod clients;
pub mod hasher;
pub mod keyring;
pub mod keys;
pub mod lock;
pub mod secrets;
pub mod signer;
pub mod vault;
