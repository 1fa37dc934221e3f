//! A device that is not one: the core with a store, keys, clocks and HTTP of its own, all of which can fail at every effect.

pub mod browser;
pub mod device;
pub mod http;
pub mod keys;
pub mod server;
pub mod store;
