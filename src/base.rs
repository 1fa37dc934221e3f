//! What every layer stands on: typed ids, secrets, time, randomness, sealing. No I/O, no policy.

pub mod digest;
pub mod entropy;
pub mod id;
pub mod network;
pub mod page;
pub mod seal;
pub mod secret;
pub mod text;
pub mod time;
pub mod url;
