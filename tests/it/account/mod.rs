//! The person's own pages, and what ends what.

mod browser_session;
mod csrf;
mod ending;
mod overview;
mod password;
