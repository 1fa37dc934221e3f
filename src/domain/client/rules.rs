//! Which settings of a client contradict each other.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use super::{AuthMethod, ClientKind, ClientSettings, GrantType, PkcePolicy, RefreshRotation};
use crate::{
    base::{
        time::Lifetime,
        url::{Issuer, RedirectKind, RedirectUri},
    },
    domain::{
        key::rotation,
        policy::Lifetimes,
        role::SCOPE_PREFIX,
        scope::{DEVICE_SSO, OF_PEOPLE, OPENID, REVOCATIONS},
    },
};

/// A setting that contradicts another, or one of the server's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// Its name, as in [`ClientSettings`]; of one within another with a dot, as `lifetimes.access_token`.
    pub setting: Cow<'static, str>,
    /// The rule that it breaks, and what to write.
    pub rule: Cow<'static, str>,
}

impl Contradiction {
    /// Of a setting and a rule.
    pub fn new(setting: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self {
            setting: setting.into(),
            rule: rule.into(),
        }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.rule)
    }
}

/// The longest life of an access token.
const DAY: Lifetime = Lifetime::from_days(1);
/// The longest life of a session.
const SESSION: Lifetime = Lifetime::from_days(3650);
/// The longest life of a pushed request: it would outlive the pages that follow it.
const REQUEST_URI: Lifetime = Lifetime::from_secs(3600);

impl ClientSettings {
    /// Lives that are too short or too long, also beside the server's.
    pub fn contradictions_with(&self, server: &Lifetimes) -> Vec<Contradiction> {
        let (own, both) = (self.lifetimes, self.lifetimes.over(server));
        let mut found = Vec::new();
        let mut refuse = |setting, rule| found.push(Contradiction::new(setting, rule));
        for (setting, life, most) in [
            ("lifetimes.access_token", own.access_token, DAY),
            ("lifetimes.device_session_idle", own.device_session_idle, SESSION),
            (
                "lifetimes.device_session_absolute",
                own.device_session_absolute,
                SESSION,
            ),
            ("lifetimes.request_uri", own.request_uri, REQUEST_URI),
            ("audience_access_token", self.audience_access_token, DAY),
        ] {
            if life.is_some_and(|life| life < Lifetime::from_secs(1) || life > most) {
                refuse(setting, format!("write a time from 1s to {most}"));
            }
        }
        let least = Lifetime::from_millis(both.retry_window.millis() * 2);
        let short = format!("write at least twice tokens.retry_window, which is {least}");
        if own.access_token.is_some_and(|life| life < least) {
            refuse("lifetimes.access_token", short.clone());
        }
        if self.audience_access_token.is_some_and(|life| life < least) {
            refuse("audience_access_token", short);
        }
        if let Some(life) = own.access_token
            && both.key_rotation < rotation::shortest(life)
        {
            let rule = format!(
                "with tokens that live so long, keys.rotate_every must be at least {}; it is {}",
                rotation::shortest(life),
                both.key_rotation
            );
            refuse("lifetimes.access_token", rule);
        }
        let (idle, absolute) = (both.device_session_idle, both.device_session_absolute);
        if idle > absolute && own.device_session_idle.is_some() {
            let rule = format!("a session idles for at most as long as it lives, which is {absolute}");
            refuse("lifetimes.device_session_idle", rule);
        } else if idle > absolute && own.device_session_absolute.is_some() {
            let rule = format!("a session lives for at least as long as it idles, which is {idle}");
            refuse("lifetimes.device_session_absolute", rule);
        }
        found
    }

    /// Everything that contradicts something else.
    pub fn contradictions(&self, issuer: &Issuer) -> Vec<Contradiction> {
        let mut found = Vec::new();
        let mut refuse = |broken: bool, setting, rule| {
            if broken {
                found.push(Contradiction::new(setting, rule));
            }
        };
        let has = |grant| self.grant_types.contains(&grant);
        let (native, service) = (self.kind == ClientKind::Native, self.kind == ClientKind::Service);
        let public = !self.is_confidential();
        let by_key = self.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
        refuse(
            native && !public,
            "token_endpoint_auth_method",
            "an app on people's devices cannot keep a secret (RFC 8252 section 8.4): write none, or choose another kind",
        );
        refuse(
            service && public,
            "token_endpoint_auth_method",
            "a service has to authenticate: write client_secret_basic, client_secret_post or private_key_jwt",
        );
        refuse(
            self.jwks.is_some() && self.jwks_uri.is_some(),
            "jwks_uri",
            "give the keys or the place where they are, not both (RFC 7591 section 2)",
        );
        refuse(
            by_key && self.jwks.is_none() && self.jwks_uri.is_none(),
            "jwks",
            "private_key_jwt needs the client's public keys: give jwks or jwks_uri",
        );
        refuse(
            native && (self.jwks.is_some() || self.jwks_uri.is_some()),
            "jwks",
            "a key that is in every copy of an app is no key: leave it out",
        );
        refuse(
            self.token_endpoint_auth_signing_alg.is_some() && !by_key,
            "token_endpoint_auth_signing_alg",
            "only private_key_jwt signs something: leave it out",
        );
        refuse(
            public && self.pkce != PkcePolicy::Required,
            "pkce",
            "a client without a secret always needs PKCE (OAuth 2.1 section 7.5.1): write required",
        );
        refuse(
            public && self.refresh_rotation == RefreshRotation::Keep,
            "refresh_rotation",
            "refresh tokens of a client without a secret are rotated (RFC 9700 section 2.2.2): write rotate",
        );
        refuse(
            public && has(GrantType::ClientCredentials),
            "grant_types",
            "client_credentials is for clients that authenticate (RFC 6749 section 4.4)",
        );
        refuse(
            service
                && [
                    GrantType::AuthorizationCode,
                    GrantType::RefreshToken,
                    GrantType::DeviceCode,
                    GrantType::JwtBearer,
                ]
                .into_iter()
                .any(has),
            "grant_types",
            "a service has no people: choose the kind web",
        );
        refuse(
            has(GrantType::TokenExchange) && !public && self.audience.is_none(),
            "grant_types",
            "token-exchange is for APIs, which exchange the tokens that are for them (RFC 8693): name the API with audience",
        );
        self.sso_contradictions(&mut refuse);
        self.assertion_contradictions(issuer, &mut refuse);
        self.signing_contradictions(&mut refuse);
        self.redirect_contradictions(&mut refuse);
        refuse(
            self.backchannel_logout_uri.is_some() && service,
            "backchannel_logout_uri",
            "a service has no sessions of people of whose end it could be told: leave it out",
        );
        refuse(
            service && OF_PEOPLE.iter().any(|scope| self.scope.has(scope)),
            "scope",
            "openid, profile, email and offline_access are about people, and a service has none",
        );
        refuse(
            self.scope.has(REVOCATIONS) && !(service && has(GrantType::ClientCredentials)),
            "scope",
            "revocations lets an API follow the stream of what ended: only for a service, with client_credentials",
        );
        self.answer_contradictions(&mut refuse);
        self.api_contradictions(&mut refuse, issuer);
        found
    }

    fn api_contradictions(&self, refuse: &mut impl FnMut(bool, &'static str, &'static str), issuer: &Issuer) {
        let service = self.kind == ClientKind::Service;
        let is_admin = self.scope.iter().any(|scope| scope.starts_with(SCOPE_PREFIX));
        refuse(
            is_admin && (!service || self.is_unchecked()),
            "scope",
            "admin: scopes are for services that the operator has registered; people are admins by their role",
        );
        refuse(
            self.audience.is_some() && !service,
            "audience",
            "only a service is an API; the API that a client calls is its resource",
        );
        refuse(
            self.audience.is_none() && !self.audience_authorization_types.is_empty(),
            "audience_authorization_types",
            "only an API has types of authorization_details: name it with audience, or leave this out",
        );
        refuse(
            service && !self.authorization_details_types.is_empty(),
            "authorization_details_types",
            "a person is asked for authorization_details, and a service has none: leave this out",
        );
        let of_api = self.audience_scope.is_some() || self.audience_access_token.is_some();
        refuse(
            of_api && self.audience.is_none(),
            "audience_scope",
            "only an API says what it understands and for how long: name it with audience, or leave this out",
        );
        refuse(
            self.audience
                .as_ref()
                .is_some_and(|api| api.as_str() == issuer.as_str()),
            "audience",
            "this is the server itself; name the API",
        );
    }

    fn signing_contradictions(&self, refuse: &mut impl FnMut(bool, &'static str, &'static str)) {
        let is_redirected = self.grant_types.contains(&GrantType::AuthorizationCode);
        refuse(
            self.require_signed_request_object && !self.has_keys(),
            "require_signed_request_object",
            "a client without keys signs nothing (RFC 9101 section 6.2): give jwks or jwks_uri",
        );
        refuse(
            self.request_object_signing_alg.is_some() && !self.has_keys(),
            "request_object_signing_alg",
            "a client without keys signs nothing: give jwks or jwks_uri, or leave it out",
        );
        refuse(
            self.require_signed_authorization_response && !is_redirected,
            "require_signed_authorization_response",
            "no authorization response goes to this client: leave it out",
        );
    }

    fn sso_contradictions(&self, refuse: &mut impl FnMut(bool, &'static str, &'static str)) {
        let (group, lets_in) = (self.sso_group.is_some(), self.scope.has(DEVICE_SSO));
        refuse(
            group && self.kind != ClientKind::Native,
            "sso_group",
            "only apps on people's devices sign in by each other: leave it out",
        );
        refuse(
            self.grant_types.contains(&GrantType::TokenExchange) && !self.is_confidential() && !group,
            "grant_types",
            "an app exchanges tokens only with the other apps of its maker: name their sso_group",
        );
        refuse(
            lets_in && !group,
            "scope",
            "device_sso lets the other apps of its maker in: name their sso_group",
        );
        refuse(
            lets_in && !self.scope.has(OPENID),
            "scope",
            "device_sso needs openid: the other apps show the ID token",
        );
    }

    fn assertion_contradictions(
        &self,
        issuer: &Issuer,
        refuse: &mut impl FnMut(bool, &'static str, &'static str),
    ) {
        let bearer = self.grant_types.contains(&GrantType::JwtBearer);
        refuse(
            bearer && !self.is_confidential(),
            "grant_types",
            "jwt-bearer is for clients that authenticate: whoever finds an assertion could use it",
        );
        refuse(
            bearer && self.assertion_issuer.is_none(),
            "grant_types",
            "jwt-bearer takes the assertions of one issuer (RFC 7523 section 2.1): name it with assertion_issuer",
        );
        let Some(other) = &self.assertion_issuer else {
            return;
        };
        refuse(
            !bearer,
            "assertion_issuer",
            "only the grant type jwt-bearer takes assertions: add it, or leave this out",
        );
        refuse(
            other.jwks.is_some() == other.jwks_uri.is_some(),
            "assertion_issuer",
            "give its public keys or the place where they are, one of the two",
        );
        refuse(
            other.issuer.as_str() == issuer.as_str(),
            "assertion_issuer",
            "this is the server itself, whose tokens are no assertions",
        );
    }

    /// What it gets, and where that may be read.
    fn answer_contradictions(&self, refuse: &mut impl FnMut(bool, &'static str, &'static str)) {
        let service = self.kind == ClientKind::Service;
        refuse(
            service && self.userinfo_signed_response_alg.is_some(),
            "userinfo_signed_response_alg",
            "a service has no people to ask about",
        );
        refuse(
            !self.is_confidential() && self.introspection_signed_response_alg.is_some(),
            "introspection_signed_response_alg",
            "who asks about tokens has to authenticate (RFC 7662 section 2.1)",
        );
        refuse(
            service && !self.allowed_origins.is_empty(),
            "allowed_origins",
            "a service has no pages in browsers",
        );
    }

    fn redirect_contradictions(&self, refuse: &mut impl FnMut(bool, &'static str, &'static str)) {
        let is_claimed = |uri: &RedirectUri| uri.kind() == RedirectKind::Https;
        refuse(
            self.answers_without_tap && !self.redirect_uris.iter().all(is_claimed),
            "answers_without_tap",
            "only for an app whose redirect URIs are all https: who answers at another one is not known (RFC 8252 section 8.6)",
        );
        let is_redirected = self.grant_types.contains(&GrantType::AuthorizationCode);
        refuse(
            is_redirected && self.redirect_uris.is_empty(),
            "redirect_uris",
            "a client that people sign in with needs at least one redirect URI (RFC 6749 section 3.1.2.2)",
        );
        refuse(
            !is_redirected && !self.redirect_uris.is_empty(),
            "redirect_uris",
            "nothing is redirected to this client: leave it out",
        );
        refuse(
            self.kind == ClientKind::Web
                && self
                    .redirect_uris
                    .iter()
                    .any(|uri| uri.kind() == RedirectKind::PrivateScheme),
            "redirect_uris",
            "a scheme of one's own leads to an app on a device; a web server is reached by https",
        );
    }
}
