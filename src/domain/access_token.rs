//! The claims of an access token (RFC 9068 section 2.2): 5 minutes, one API, no row.

use postern_resource_server::Actor;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    base::{
        id::{ClientId, DeviceSessionId, UserId},
        time::{Instant, Lifetime},
        url::{Issuer, Resource},
    },
    domain::{
        authorization_details::AuthorizationDetails,
        binding::Thumbprint,
        device_session::Grant,
        scope::{self, ScopeSet},
    },
};

/// How often a token may be exchanged for another: how many actors are in its `act`, one inside the other.
pub const MOST_ACTORS: usize = 4;

/// The claims of a token that another was exchanged for (RFC 8693): it says of the person and the session what that one
/// says, and who acts.
#[derive(Debug, Serialize)]
pub struct ExchangedTokenClaims<'a> {
    /// Who signs.
    pub iss: &'a str,
    /// In whose name.
    pub sub: &'a str,
    /// The API that it is for; never the server itself.
    pub aud: &'a Resource,
    /// Who exchanged.
    pub client_id: &'a ClientId,
    /// What it may do.
    pub scope: &'a ScopeSet,
    /// The session whose end reaches it.
    pub sid: DeviceSessionId,
    /// A random id of its own.
    pub jti: &'a str,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it ends, in seconds: never later than the one that it was exchanged for.
    pub exp: i64,
    /// When the person proved who they are, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// How well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    /// By what means.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
    /// Who acts.
    pub act: &'a Actor,
    /// The key that it is bound to: of who exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

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
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    authorization_details: &'a AuthorizationDetails,
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
pub struct Confirmation {
    /// The key's thumbprint (RFC 7638).
    pub jkt: Thumbprint,
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
    /// What it may do in finer grain (RFC 9396 section 9.1).
    pub details: &'a AuthorizationDetails,
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
            authorization_details: facts.details,
        }
    }
}

/// What the access token of a client that speaks for itself says (RFC 6749 section 4.4): there is no person and no session.
#[derive(Debug, Clone, Copy)]
pub struct ClientTokenClaims<'a> {
    /// Who signs.
    pub issuer: &'a Issuer,
    /// Whom it is about, and whom it was issued to.
    pub client: &'a ClientId,
    /// The API that it is for; the issuer itself when absent.
    pub resource: Option<&'a Resource>,
    /// What it may do.
    pub scope: &'a ScopeSet,
    /// The key that it is bound to.
    pub key: Option<Thumbprint>,
    /// A random id of its own.
    pub jti: &'a str,
    /// When it was asked for.
    pub now: Instant,
    /// How long it lives.
    pub life: Lifetime,
}

impl Serialize for ClientTokenClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut claims = serializer.serialize_map(None)?;
        claims.serialize_entry("iss", self.issuer)?;
        claims.serialize_entry("sub", self.client)?;
        claims.serialize_entry(
            "aud",
            self.resource.map_or(self.issuer.as_str(), Resource::as_str),
        )?;
        claims.serialize_entry("client_id", self.client)?;
        if !self.scope.is_empty() {
            claims.serialize_entry("scope", self.scope)?;
        }
        claims.serialize_entry("jti", self.jti)?;
        claims.serialize_entry("iat", &self.now.seconds())?;
        claims.serialize_entry("exp", &self.now.plus(self.life).seconds())?;
        if let Some(jkt) = self.key {
            claims.serialize_entry("cnf", &Confirmation { jkt })?;
        }
        claims.end()
    }
}
