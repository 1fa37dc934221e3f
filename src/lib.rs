//! Postern: an OAuth 2.1 and OpenID Connect authorization server, built for mobile apps first.
//!
//! An app opens the system browser at `/authorize` with PKCE. The person signs in and allows it; the answer is a code,
//! which the app redeems at `/token` for a short-lived access token (a JWT that APIs validate by themselves) and a
//! rotating refresh token. Each installation is one *device session*, one row for its whole life; its refresh tokens
//! are generations of it, and a lost answer is repeated with the same successor, so that nobody is logged out by a
//! tunnel. One function ends things, and an end is final.
//!
//! The layers, each importing only from those below it (a test reads the `use` lines):
//!
//! | layer | what it is |
//! | --- | --- |
//! | [`cli`] | the command line |
//! | [`app`], [`server`], [`config`], [`telemetry`] | wiring |
//! | [`web`], [`jobs`] | edges: parse, call one verb, shape the answer |
//! | [`flows`] | verbs: one use case a file |
//! | [`ports`], [`store`] | the outside: keys, hashing, secrets; the database |
//! | [`domain`] | nouns and rules, pure |
//! | [`base`] | ids, secrets, time, randomness, sealing |

pub mod app;
pub mod base;
pub mod cli;
pub mod config;
pub mod domain;
pub mod flows;
pub mod jobs;
pub mod ports;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod web;
