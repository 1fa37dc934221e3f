//! The authorization endpoint and its pages.

mod consent;
mod decisions;
mod form_post;
mod nothing_stored;
mod parameters;
mod prompt;
mod redirect_uris;
mod sealed;
mod sign_in;
