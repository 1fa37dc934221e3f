//! The acceptance tests of the mobile SDK that a device is not needed for. `docs/ACCEPTANCE.md` says which is which.

mod accounts;
mod attestation;
mod cut_off;
mod documentation;
mod ends;
mod errors;
mod hardened;
mod hooks;
mod id_tokens;
mod interop;
mod other_ways;
mod parsers;
mod patience;
mod proofs;
mod races;
mod records;
mod redirect;
mod refresh;
mod schedules;
mod secrets;
mod servers;
mod sign_in;
mod transcripts;
