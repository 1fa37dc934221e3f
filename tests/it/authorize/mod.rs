//! The authorization endpoint and its pages.

mod claims;
mod consent;
mod decisions;
mod form_post;
mod id_token_hint;
mod nothing_stored;
mod parameters;
mod prompt;
mod pushed;
mod redirect_uris;
mod resources;
mod sealed;
mod sign_in;
mod step_up;
