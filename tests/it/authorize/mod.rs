//! The authorization endpoint and its pages.

mod sign_in;
