//! The console: pages for admins. Each act has a page that asks, and a form there that does it.

mod acts;
mod chart;
mod clients;
mod ends;
mod events;
mod filter;
mod home;
mod keys;
mod people;
mod place;
mod rows;
mod sessions;
mod viewer;
mod words;

pub(super) use self::place::router;
pub use self::place::{ConsolePage, pages};
