//! The authorization endpoint and its pages.

mod consent;
mod decisions;
mod nothing_stored;
mod parameters;
mod prompt;
mod redirect_uris;
mod sealed;
mod sign_in;
