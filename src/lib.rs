//! Postern: an OAuth 2.1 and OpenID Connect authorization server, built for mobile apps first.

pub mod base;
pub mod config;
pub mod domain;
pub mod flows;
pub mod ports;
pub mod store;
pub mod telemetry;
