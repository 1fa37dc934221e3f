//! Other projects' clients against the real server over real HTTP.

mod association;
mod go;
mod java;
mod node;
mod oauth2_crate;
mod online;
pub(crate) mod program;
mod python;
