//! The protocol's endpoints.

pub(super) mod authorize;
pub(super) mod device_authorization;
pub(super) mod discovery;
pub(super) mod introspect;
pub(super) mod jwks;
pub(super) mod logout;
pub(super) mod par;
mod posted;
pub(super) mod register;
pub(super) mod revocations;
pub(super) mod revoke;
pub(super) mod token;
pub(super) mod userinfo;
