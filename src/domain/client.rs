//! An OAuth client and what it may do.

mod assertion_issuer;
mod change;
mod preset;
mod rules;
mod sso_group;
mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::{
    assertion_issuer::AssertionIssuer,
    change::ClientChange,
    preset::Preset,
    rules::Contradiction,
    sso_group::{SsoGroup, SsoGroupError},
    words::{
        AssertionAudience, AssertionSubject, AuthMethod, ClientKind, ConsentPolicy, DpopPolicy, GrantType,
        IdTokenAlgorithm, PkcePolicy, RefreshRotation, RegisteredBy, RegistrationMode, UnknownWord,
    },
};
use crate::{
    base::{
        id::ClientId,
        jwk::JwkSet,
        jws::JwsAlgorithm,
        text::DisplayName,
        time::{Instant, Lifetime},
        url::{HttpsUrl, RedirectKind, RedirectUri, Resource, WebOrigin},
    },
    domain::{
        api::ApiRules,
        authorization_details::{AuthorizationDetails, AuthorizationType},
        device_session::RefreshRules,
        mobile_app::{AndroidApp, AppleApp},
        oauth_error::{ErrorCode, OAuthError},
        policy::Lifetimes,
        scope::{self, ScopeSet},
    },
};

/// A registered client (RFC 6749 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// What people see on the consent page.
    pub name: DisplayName,
    /// What it may do and how.
    #[serde(flatten)]
    pub settings: ClientSettings,
    /// When it was registered.
    pub created_at: Instant,
    /// When it was disabled; a disabled client gets nothing.
    pub disabled_at: Option<Instant>,
}

/// Everything about a client that an operator chooses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, and JSON in the database"
)]
pub struct ClientSettings {
    /// What kind of program it is.
    pub kind: ClientKind,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// The most that it may ask for.
    pub scope: ScopeSet,
    /// Whether people are asked.
    pub consent: ConsentPolicy,
    /// The API whose access tokens it gets when it names none (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// The other APIs that it may name (RFC 8707 section 2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// Where people may be sent when they have signed out (OpenID Connect RP-Initiated Logout section 3.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that a session of its people has ended (OpenID Connect Back-Channel Logout 1.0 section 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<HttpsUrl>,
    /// Whether people whom nothing has to be asked are sent back without a tap, although it is public. Only for redirects
    /// to https addresses that the app claims: anybody can answer to the others (RFC 8252 section 8.6).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answers_without_tap: bool,
    /// Whether it may end the browser session that a session of it came from, without a browser (`end_browser_session` at
    /// the revocation endpoint).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_end_browser_session: bool,
    /// Its own lifetimes, where they differ from the server's.
    #[serde(default)]
    pub lifetimes: ClientLifetimes,
    /// How it authenticates (RFC 7591 section 2).
    #[serde(default = "public")]
    pub token_endpoint_auth_method: AuthMethod,
    /// The one algorithm that its assertions are signed with. Absent: ES256, PS256 or `EdDSA`, whatever its keys are for;
    /// RS256 has to be named, since FAPI 2.0 forbids it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<JwsAlgorithm>,
    /// What its assertions are made for.
    #[serde(default = "issuer_only")]
    pub assertion_audience: AssertionAudience,
    /// Its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// Where its public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<HttpsUrl>,
    /// What it may send to the token endpoint.
    #[serde(default = "grants_of_people")]
    pub grant_types: BTreeSet<GrantType>,
    /// Whether its authorization requests need PKCE.
    #[serde(default = "pkce_required")]
    pub pkce: PkcePolicy,
    /// What becomes of its refresh tokens.
    #[serde(default = "rotate")]
    pub refresh_rotation: RefreshRotation,
    /// What its ID tokens are signed with.
    #[serde(default = "es256")]
    pub id_token_signed_response_alg: IdTokenAlgorithm,
    /// The API that it is: it may ask about the access tokens that are for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Resource>,
    /// The scopes that the API understands which it is: a token for it carries no others (RFC 8707). Absent: all there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_scope: Option<ScopeSet>,
    /// The longest life of the access tokens for the API that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_access_token: Option<Lifetime>,
    /// The types of `authorization_details` that the API has which it is (RFC 9396 section 2.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience_authorization_types: Vec<AuthorizationType>,
    /// The types of `authorization_details` that it may ask for (RFC 9396 section 10).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub authorization_details_types: BTreeSet<String>,
    /// Its apps on Android, which the server vouches for at its own domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub android_apps: Vec<AndroidApp>,
    /// Its apps on iOS, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apple_apps: Vec<AppleApp>,
    /// The apps of its maker, which sign in by each other on a device (OpenID Connect Native SSO for Mobile Apps 1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sso_group: Option<SsoGroup>,
    /// Who may vouch for its people (RFC 7523 section 2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_issuer: Option<AssertionIssuer>,
    /// Whether its authorization requests have to be pushed (RFC 9126 section 6).
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// Whether it proves a key of its own.
    #[serde(default)]
    pub dpop: DpopPolicy,
    /// What userinfo is signed with for it (OpenID Connect Registration section 2). Absent: it gets plain JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<IdTokenAlgorithm>,
    /// What introspection answers are signed with that it wants signed (RFC 9701 section 6). Absent: ES256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<IdTokenAlgorithm>,
    /// The web origins from which its pages may call this server (CORS).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<WebOrigin>,
    /// Whose word stands for what it is.
    #[serde(default)]
    pub registered_by: RegisteredBy,
    /// The one algorithm that its request objects are signed with (RFC 9101 section 10.5 and OpenID Connect Registration
    /// section 2). Absent: as for its assertions, whatever its keys are for but RS256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<JwsAlgorithm>,
    /// Whether its authorization requests have to be signed (RFC 9101 section 10.5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    /// What the answers to its authorization requests are signed with, where it asks for signed ones (JARM section 3).
    #[serde(default = "es256")]
    pub authorization_signed_response_alg: IdTokenAlgorithm,
    /// Whether it has to ask for signed answers (FAPI 2.0 Message Signing section 5.4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_authorization_response: bool,
}

fn public() -> AuthMethod {
    AuthMethod::None
}

fn issuer_only() -> AssertionAudience {
    AssertionAudience::IssuerOnly
}

fn pkce_required() -> PkcePolicy {
    PkcePolicy::Required
}

fn rotate() -> RefreshRotation {
    RefreshRotation::Rotate
}

fn es256() -> IdTokenAlgorithm {
    IdTokenAlgorithm::Es256
}

fn grants_of_people() -> BTreeSet<GrantType> {
    BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken])
}

impl ClientSettings {
    /// What a client of this kind has unless its operator says otherwise.
    pub fn new(kind: ClientKind) -> Self {
        let is_service = kind == ClientKind::Service;
        Self {
            kind,
            redirect_uris: Vec::new(),
            scope: ScopeSet::default(),
            consent: ConsentPolicy::Ask,
            resource: None,
            lifetimes: ClientLifetimes::default(),
            token_endpoint_auth_method: match kind {
                ClientKind::Native => AuthMethod::None,
                ClientKind::Web | ClientKind::Service => AuthMethod::ClientSecretBasic,
            },
            token_endpoint_auth_signing_alg: None,
            assertion_audience: issuer_only(),
            jwks: None,
            jwks_uri: None,
            grant_types: if is_service {
                BTreeSet::from([GrantType::ClientCredentials])
            } else {
                grants_of_people()
            },
            pkce: pkce_required(),
            refresh_rotation: rotate(),
            id_token_signed_response_alg: es256(),
            audience: None,
            audience_scope: None,
            audience_access_token: None,
            audience_authorization_types: Vec::new(),
            authorization_details_types: BTreeSet::new(),
            resources: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            answers_without_tap: false,
            may_end_browser_session: false,
            android_apps: Vec::new(),
            apple_apps: Vec::new(),
            sso_group: None,
            assertion_issuer: None,
            require_pushed_authorization_requests: false,
            dpop: DpopPolicy::default(),
            userinfo_signed_response_alg: None,
            introspection_signed_response_alg: None,
            allowed_origins: Vec::new(),
            registered_by: RegisteredBy::default(),
            request_object_signing_alg: None,
            require_signed_request_object: false,
            authorization_signed_response_alg: es256(),
            require_signed_authorization_response: false,
        }
    }

    /// Whether nobody has checked what it says of itself.
    pub fn is_unchecked(&self) -> bool {
        self.registered_by == RegisteredBy::Itself
    }

    /// Whether it authenticates (RFC 6749 section 2.1).
    pub fn is_confidential(&self) -> bool {
        self.token_endpoint_auth_method != AuthMethod::None
    }

    /// Whether its public keys are known, so that it can sign something.
    pub fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    /// Whether anything that it gets is signed with RS256, for which there is a ring of its own.
    pub fn needs_rs256(&self) -> bool {
        [
            Some(self.id_token_signed_response_alg),
            Some(self.authorization_signed_response_alg),
            self.userinfo_signed_response_alg,
            self.introspection_signed_response_alg,
        ]
        .contains(&Some(IdTokenAlgorithm::Rs256))
    }

    /// What the API says about its tokens that it is.
    pub fn api_rules(&self) -> ApiRules {
        ApiRules {
            scope: self.audience_scope.clone(),
            access_token: self.audience_access_token,
        }
    }

    /// Whether it authenticates with a secret.
    pub fn has_secret(&self) -> bool {
        matches!(
            self.token_endpoint_auth_method,
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost
        )
    }
}

/// Lifetimes of one client; what is absent is the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientLifetimes {
    /// Life of its access and ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<Lifetime>,
    /// How long a device session lives without a refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_session_idle: Option<Lifetime>,
    /// How long a device session lives at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_session_absolute: Option<Lifetime>,
    /// How long a request that it has pushed is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_uri: Option<Lifetime>,
}

impl Client {
    /// Whether it may be used at all.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether it can keep a secret (RFC 6749 section 2.1).
    pub fn is_confidential(&self) -> bool {
        self.settings.is_confidential()
    }

    /// Whether other apps may sign in by it.
    pub fn lets_others_in(&self) -> bool {
        self.settings.sso_group.is_some() && self.settings.scope.has(scope::DEVICE_SSO)
    }

    /// Whether it may use this grant.
    pub fn may(&self, grant: GrantType) -> bool {
        self.settings.grant_types.contains(&grant)
    }

    /// Whether an authorization request of it needs a code challenge.
    pub fn needs_pkce(&self, has_nonce: bool) -> bool {
        match self.settings.pkce {
            PkcePolicy::Required => true,
            PkcePolicy::RequiredUnlessNonce => !has_nonce,
            PkcePolicy::Optional => !self.is_confidential(),
        }
    }

    /// Whether its refresh tokens stay when they are used.
    pub fn keeps_refresh_tokens(&self) -> bool {
        self.settings.refresh_rotation == RefreshRotation::Keep && self.is_confidential()
    }

    /// Whether an assertion of it may be signed like this.
    pub fn signs_assertions_with(&self, algorithm: JwsAlgorithm) -> bool {
        is_own(self.settings.token_endpoint_auth_signing_alg, algorithm)
    }

    /// Whether a request object of it may be signed like this.
    pub fn signs_requests_with(&self, algorithm: JwsAlgorithm) -> bool {
        is_own(self.settings.request_object_signing_alg, algorithm)
    }

    /// Whether a person whom nothing has to be asked is sent back without a tap: who answers at the redirect URI is known.
    pub fn answers_without_tap(&self) -> bool {
        self.is_confidential() || self.settings.answers_without_tap
    }

    /// Whether `presented` is one of its redirect URIs.
    pub fn allows_redirect(&self, presented: &str) -> bool {
        self.settings
            .redirect_uris
            .iter()
            .any(|uri| uri.matches(presented))
    }

    /// The APIs that it may get tokens for (RFC 8707 section 2), its default first.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.settings.resource.iter().chain(&self.settings.resources)
    }

    /// The API of this name, when it may get tokens for it.
    pub fn resource(&self, asked: &str) -> Option<&Resource> {
        self.resources().find(|own| own.as_str() == asked)
    }

    /// Whether `asked` is an API that it may get tokens for.
    pub fn allows_resource(&self, asked: &str) -> bool {
        self.resource(asked).is_some()
    }

    /// Whether it may (still) ask for details of these types.
    pub fn allows_details(&self, details: &AuthorizationDetails) -> bool {
        let mut types = details.types();
        types.all(|name| self.settings.authorization_details_types.contains(name))
    }

    /// The scope that a request of it asks for (RFC 6749 section 3.3): what it is registered for, or less; all of that when
    /// the request does not say.
    pub fn scope_asked(&self, text: Option<&str>) -> Result<ScopeSet, OAuthError> {
        let registered = &self.settings.scope;
        let Some(text) = text else {
            return Ok(registered.clone());
        };
        let refused = |hint| OAuthError::new(ErrorCode::InvalidScope, hint);
        let asked: ScopeSet = text
            .parse()
            .map_err(|_| refused("scope is not a list of scope names"))?;
        if !asked.is_within(registered) {
            return Err(refused(
                "scope names something that this app is not registered for",
            ));
        }
        Ok(asked)
    }

    /// Whether a person who has signed out may be sent to `presented`: compared as text, a loopback port too.
    pub fn allows_post_logout_redirect(&self, presented: &str) -> bool {
        let mut uris = self.settings.post_logout_redirect_uris.iter();
        uris.any(|uri| uri.as_str() == presented)
    }

    /// The private-use schemes of its redirect URIs, with their colon.
    pub fn private_schemes(&self) -> impl Iterator<Item = &str> {
        let uris = self.settings.redirect_uris.iter();
        uris.filter(|uri| uri.kind() == RedirectKind::PrivateScheme)
            .map(RedirectUri::scheme)
    }

    /// The server's lifetimes with this client's own in their place.
    pub fn lifetimes(&self, server: &Lifetimes) -> Lifetimes {
        self.settings.lifetimes.over(server)
    }

    /// By what its refresh tokens are judged.
    pub fn refresh_rules(&self, server: &Lifetimes) -> RefreshRules {
        let lifetimes = self.lifetimes(server);
        RefreshRules {
            retry_window: lifetimes.retry_window,
            idle: lifetimes.device_session_idle,
            keep: self.keeps_refresh_tokens(),
        }
    }
}

/// RS256 has to be named.
fn is_own(registered: Option<JwsAlgorithm>, algorithm: JwsAlgorithm) -> bool {
    registered.map_or(algorithm != JwsAlgorithm::Rs256, |own| own == algorithm)
}

impl ClientLifetimes {
    /// The server's lifetimes with these in their place.
    pub fn over(self, server: &Lifetimes) -> Lifetimes {
        Lifetimes {
            access_token: self.access_token.unwrap_or(server.access_token),
            device_session_idle: self.device_session_idle.unwrap_or(server.device_session_idle),
            device_session_absolute: self
                .device_session_absolute
                .unwrap_or(server.device_session_absolute),
            request_uri: self.request_uri.unwrap_or(server.request_uri),
            ..*server
        }
    }
}
