//! What every layer stands on: typed ids, secrets, time, randomness, sealing. No policy; no I/O but how a private file is
//! made.

pub mod digest;
pub mod entropy;
pub mod file;
pub mod id;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod network;
pub mod page;
pub mod seal;
pub mod secret;
pub mod session_id;
pub mod spelling;
pub mod text;
pub mod time;
pub mod url;
pub mod words;
