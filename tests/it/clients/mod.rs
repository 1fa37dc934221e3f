//! Other projects' clients against the real server over real HTTP.

mod association;
mod oauth2_crate;
