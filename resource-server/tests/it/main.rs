//! The tests of the crate, as one program: attacks on the token, the header it comes in, the issuer's keys
//! over a real socket, and an API built with axum.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and so do its helpers"
)]

mod api;
mod attacks;
mod claims;
mod harness;
mod header;
mod key_set;
mod proof;
mod proof_parser;
mod proof_request;
mod protected_resource;
mod remembered;
mod remote_keys;
mod revocations;
mod step_up;
mod stream_parser;
