//! Who may vouch for the people of a client (RFC 7523 section 2.1): the operator of another system, whose assertions open
//! sessions here without a page.

use serde::{Deserialize, Serialize};

use super::AssertionSubject;
use crate::base::{
    jwk::JwkSet,
    url::{HttpsUrl, Resource},
};

/// An issuer of assertions that a client may redeem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionIssuer {
    /// The `iss`, compared as text.
    pub issuer: Resource,
    /// Its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// Where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<HttpsUrl>,
    /// What it calls a person of ours.
    pub subject: AssertionSubject,
}
