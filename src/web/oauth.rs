//! The protocol's endpoints.

pub(super) mod authorize;
pub(super) mod discovery;
pub(super) mod jwks;
pub(super) mod logout;
mod posted;
pub(super) mod revoke;
pub(super) mod token;
pub(super) mod userinfo;
