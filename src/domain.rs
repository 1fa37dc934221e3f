//! The nouns: pure values and rules. No clock, no I/O, no HTTP, no SQL; time is an argument.

pub mod access_token;
pub mod answer;
pub mod binding;
pub mod browser_session;
pub mod claims;
pub mod client;
pub mod client_secret;
pub mod code;
pub mod consent;
pub mod device_code;
pub mod device_session;
pub mod ending;
pub mod event;
pub mod id_token;
pub mod key;
pub mod limit;
pub mod mobile_app;
pub mod oauth_error;
pub mod password;
pub mod pkce;
pub mod policy;
pub mod refresh_token;
pub mod request;
pub mod scope;
pub mod sign_in;
pub mod user;
