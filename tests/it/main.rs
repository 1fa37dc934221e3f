//! Integration tests: stories with actors over the real router and a real database file, journeys in a real browser,
//! and checks on the whole repository. One binary.

mod account;
mod admin;
mod audit;
mod authorize;
mod browser;
mod cli;
mod client_auth;
mod clients;
mod config;
mod conformance;
mod cors;
mod device;
mod durability;
mod exchange;
mod growth;
mod harness;
mod keys;
mod layers;
mod limits;
mod nodes;
mod pages;
mod postgres;
mod registration;
mod revocations;
mod sessions;
mod store;
mod token;
mod verify;
