//! A device that is not one: the core with a store, keys, clocks and HTTP of its own, all of which can fail at every effect.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]
#![expect(
    clippy::disallowed_methods,
    reason = "the machine's clock and environment are those of the fake device"
)]

pub mod browser;
pub mod device;
pub mod fake;
pub mod http;
pub mod keys;
pub mod server;
pub mod store;
pub mod transcript;

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::Header;
use serde_json::Value;

/// What the proof among some headers says.
pub fn claims(headers: &[Header]) -> Option<Value> {
    let proof = headers.iter().find(|header| header.name == "DPoP")?;
    let claims = proof.value.text().split('.').nth(1).expect("claims");
    let claims = Base64UrlUnpadded::decode_vec(claims).expect("base64");
    Some(serde_json::from_slice(&claims).expect("JSON"))
}
