//! The acceptance tests of the mobile SDK that a device is not needed for. `docs/ACCEPTANCE.md` says which is which.

mod errors;
mod other_ways;
mod parsers;
mod redirect;
mod refresh;
mod sign_in;
mod transcripts;
