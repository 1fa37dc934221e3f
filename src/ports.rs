//! The outside, behind small types: password hashing, keys and signatures, the root secret, requests to others; and what a node keeps in
//! memory of the database: the clients, the ends of the last hour, whether it could be asked.

pub mod announcements;
pub mod client_documents;
pub mod client_keys;
pub mod clients;
pub mod disk;
pub mod ends;
pub mod fetch;
pub mod hasher;
pub mod id_tokens;
pub mod keyring;
pub mod keys;
pub mod lock;
pub mod readiness;
pub mod recent;
pub mod secrets;
pub mod signer;
pub mod streams;
pub mod vault;
