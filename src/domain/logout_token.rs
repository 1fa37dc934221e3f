//! The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::{
    id::{ClientId, DeviceSessionId, UserId},
    time::{Instant, Lifetime},
    url::Issuer,
};

/// How long one is good: no longer than the specification says, since each try has one of its own.
const LIFE: Lifetime = Lifetime::from_secs(120);

/// Claims of a logout token. It never has a `nonce`, so that nobody takes it for an ID token.
#[derive(Debug, Serialize)]
pub struct LogoutTokenClaims<'a> {
    iss: &'a str,
    aud: &'a ClientId,
    sub: UserId,
    sid: DeviceSessionId,
    iat: i64,
    exp: i64,
    jti: &'a str,
    events: Events,
}

/// What happened: one member, whose value is an empty object.
#[derive(Debug, Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    backchannel_logout: Map<String, Value>,
}

impl<'a> LogoutTokenClaims<'a> {
    /// The token that tells `client` of the end of a session.
    pub fn new(
        issuer: &'a Issuer,
        client: &'a ClientId,
        (user, session): (UserId, DeviceSessionId),
        jti: &'a str,
        now: Instant,
    ) -> Self {
        Self {
            iss: issuer.as_str(),
            aud: client,
            sub: user,
            sid: session,
            iat: now.seconds(),
            exp: now.plus(LIFE).seconds(),
            jti,
            events: Events {
                backchannel_logout: Map::new(),
            },
        }
    }
}
