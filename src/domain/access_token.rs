//! The claims of an access token (RFC 9068 section 2.2): 5 minutes, one API, no row.

use serde::Serialize;

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, UserId},
        time::{Instant, Lifetime},
        url::{Issuer, Resource},
    },
    domain::{
        binding::Thumbprint,
        device_session::Grant,
        scope::{self, ScopeSet},
    },
};

/// Claims of an `at+jwt`.
#[derive(Debug, Serialize)]
pub struct AccessTokenClaims<'a> {
    iss: &'a str,
    sub: UserId,
    aud: Audience<'a>,
    client_id: &'a ClientId,
    scope: &'a ScopeSet,
    sid: DeviceSessionId,
    jti: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    acr: &'a str,
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// One API; with `openid` the issuer too, for userinfo. So no API can replay a token at another.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    WithIssuer([&'a str; 2]),
}

/// The key that the token is bound to (RFC 9449 section 6.1).
#[derive(Debug, Serialize)]
struct Confirmation {
    jkt: Thumbprint,
}

/// What an access token says about its session.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Who signs.
    pub issuer: &'a Issuer,
    /// Whose session.
    pub user: UserId,
    /// Which app's.
    pub client: &'a ClientId,
    /// Which session.
    pub session: DeviceSessionId,
    /// What the person allowed.
    pub grant: &'a Grant,
    /// What this token may do: the grant's scope or less.
    pub scope: &'a ScopeSet,
    /// The API that it is for, one of the grant's; the issuer itself when absent.
    pub resource: Option<&'a Resource>,
    /// The key that it is bound to.
    pub key: Option<Thumbprint>,
    /// A random id of its own.
    pub jti: &'a str,
    /// When it was asked for.
    pub now: Instant,
    /// How long it lives.
    pub life: Lifetime,
}

impl<'a> From<Facts<'a>> for AccessTokenClaims<'a> {
    fn from(facts: Facts<'a>) -> Self {
        let issuer = facts.issuer.as_str();
        let aud = match facts.resource {
            Some(resource) if facts.scope.has(scope::OPENID) => {
                Audience::WithIssuer([Resource::as_str(resource), issuer])
            }
            Some(resource) => Audience::One(resource.as_str()),
            None => Audience::One(issuer),
        };
        Self {
            iss: issuer,
            sub: facts.user,
            aud,
            client_id: facts.client,
            scope: facts.scope,
            sid: facts.session,
            jti: facts.jti,
            iat: facts.now.seconds(),
            exp: facts.now.plus(facts.life).seconds(),
            auth_time: facts.grant.auth_time.seconds(),
            acr: &facts.grant.acr,
            amr: &facts.grant.amr,
            cnf: facts.key.map(|jkt| Confirmation { jkt }),
        }
    }
}
