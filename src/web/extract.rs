//! Input and permission as arguments: a handler that names one cannot run without it.

pub(super) mod address;
mod basic;
pub(super) mod bearer;
pub(super) mod client;
pub(super) mod csrf;
pub(super) mod follower;
pub(super) mod foreign;
pub(super) mod form;
pub(super) mod opened;
pub(super) mod session;
