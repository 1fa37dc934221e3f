//! Other projects' clients against the real server over real HTTP.

mod oauth2_crate;
