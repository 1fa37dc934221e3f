//! The claims of an ID token (OpenID Connect Core section 2).

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;

use crate::{
    base::{
        digest::Digest,
        id::{ClientId, DeviceSessionId, UserId},
    },
    domain::{access_token::Facts, claims::PersonClaims, device_secret::DeviceSecret},
};

/// What an ID token of ours says when it comes back as a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenHint {
    /// Whom it is about.
    pub user: UserId,
    /// For which app it was.
    pub client: ClientId,
    /// In which session.
    pub session: DeviceSessionId,
    /// The device secret that came with it, if one did.
    pub ds_hash: Option<String>,
}

/// Claims of an ID token.
#[derive(Debug, Serialize)]
pub struct IdTokenClaims<'a> {
    iss: &'a str,
    sub: UserId,
    aud: &'a ClientId,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    amr: &'a [String],
    sid: DeviceSessionId,
    at_hash: String,
    /// OpenID Connect Native SSO for Mobile Apps 1.0 section 3.4.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    ds_hash: Option<String>,
    #[serde(flatten)]
    person: PersonClaims,
}

impl<'a> IdTokenClaims<'a> {
    /// The ID token that goes with `access_token` and, if there is one, with a device secret; with what the client asked for
    /// by name (section 5.5).
    pub fn new(
        facts: Facts<'a>,
        access_token: &str,
        device_secret: Option<&DeviceSecret>,
        person: PersonClaims,
    ) -> Self {
        Self {
            iss: facts.issuer.as_str(),
            sub: facts.user,
            aud: facts.client,
            iat: facts.now.seconds(),
            exp: facts.now.plus(facts.life).seconds(),
            auth_time: facts.grant.auth_time.seconds(),
            nonce: facts.grant.nonce.as_deref(),
            acr: &facts.grant.acr,
            amr: &facts.grant.amr,
            sid: facts.session,
            at_hash: at_hash(access_token),
            ds_hash: device_secret.map(DeviceSecret::ds_hash),
            person,
        }
    }
}

/// The left half of the token's SHA-256 (OpenID Connect Core section 3.1.3.6).
fn at_hash(access_token: &str) -> String {
    Base64UrlUnpadded::encode_string(&Digest::of(access_token.as_bytes()).as_bytes()[..16])
}
