//! Clients that register themselves (RFC 7591, RFC 7592): what they may have, and how what they say of themselves becomes a
//! registration. The settings are judged by the same rules as those that an operator writes.

mod document;
mod metadata;
mod propose;
mod secret;

use serde_json::{Map, Value, json};

pub use self::{
    document::of_document,
    metadata::{MOST_BYTES, Metadata},
    secret::{InitialAccessToken, KeptInitialAccessToken, RegistrationAccessToken},
};
use crate::{
    base::{
        jwk::JwkSet,
        text::DisplayName,
        time::Lifetime,
        url::{HttpsUrl, Issuer, Resource},
    },
    domain::{
        client::{Client, ClientKind, ClientSettings, DpopPolicy, GrantType, Preset, RegistrationMode},
        oauth_error::{ErrorCode, OAuthError},
        scope::ScopeSet,
    },
};

/// Who may register, and what.
#[derive(Debug, Clone)]
pub struct RegistrationPolicy {
    /// Who.
    pub mode: RegistrationMode,
    /// The most that such a client may ask for, unless its initial access token says more.
    pub scope: ScopeSet,
    /// The APIs that such a client may name.
    pub resources: Vec<Resource>,
    /// The settings of such a client that it cannot say itself.
    pub preset: Option<Preset>,
    /// How long an open registration waits for its first person.
    pub unused_life: Lifetime,
    /// How many open registrations may wait for their first person at once.
    pub unused_most: u32,
    /// Whether nobody registers without a software statement.
    pub software_statement_required: bool,
    /// Whether a client's id may be the address of what it says of itself.
    pub metadata_documents: bool,
    /// Whose software statements are believed.
    pub software_statement_issuers: Vec<StatementIssuer>,
}

/// Somebody who vouches for programs (RFC 7591 section 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementIssuer {
    /// The `iss` of its statements.
    pub issuer: String,
    /// What they are signed with.
    pub keys: StatementKeys,
}

/// The public keys of a [`StatementIssuer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKeys {
    /// These.
    Inline(JwkSet),
    /// Those that are there.
    At(HttpsUrl),
}

impl RegistrationPolicy {
    /// Whether anybody may register.
    pub fn is_on(&self) -> bool {
        self.mode != RegistrationMode::Off
    }

    /// Whether clients come that no operator has added.
    pub fn takes_strangers(&self) -> bool {
        self.is_on() || self.metadata_documents
    }

    /// Whether everybody may.
    pub fn is_open(&self) -> bool {
        self.mode == RegistrationMode::Open
    }
}

/// What one registration may have.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    /// The server.
    pub issuer: &'a Issuer,
    /// What the server's operator set.
    pub policy: &'a RegistrationPolicy,
    /// The most that it may ask for.
    pub scope: &'a ScopeSet,
    /// Whether nobody vouches for it.
    pub is_open: bool,
}

/// A registration that may be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// What people see.
    pub name: DisplayName,
    /// What it may do and how.
    pub settings: ClientSettings,
    /// What it said besides, which nothing here uses, to be told again.
    pub told: Map<String, Value>,
}

/// A member that breaks a rule.
fn refused(member: &str, rule: impl std::fmt::Display) -> OAuthError {
    let code = if member == "redirect_uris" {
        ErrorCode::InvalidRedirectUri
    } else {
        ErrorCode::InvalidClientMetadata
    };
    OAuthError::new(code, format!("{member}: {rule}"))
}

/// What a client is registered with, as it is told (RFC 7591 section 3.2.1).
pub fn describe(client: &Client, told: &Map<String, Value>) -> Map<String, Value> {
    let settings = &client.settings;
    let has_code = settings.grant_types.contains(&GrantType::AuthorizationCode);
    let mut members = told.clone();
    let mut tell = |member: &str, value: Value| {
        members.insert(member.to_owned(), value);
    };
    tell("client_id", json!(client.id));
    tell("client_name", json!(client.name));
    tell("client_id_issued_at", json!(client.created_at.seconds()));
    let is_native = settings.kind == ClientKind::Native;
    tell(
        "application_type",
        json!(if is_native { "native" } else { "web" }),
    );
    tell("redirect_uris", json!(settings.redirect_uris));
    tell("grant_types", json!(settings.grant_types));
    tell(
        "response_types",
        json!(if has_code { vec!["code"] } else { Vec::new() }),
    );
    tell(
        "token_endpoint_auth_method",
        json!(settings.token_endpoint_auth_method),
    );
    tell("scope", json!(settings.scope));
    tell("subject_type", json!("public"));
    tell(
        "id_token_signed_response_alg",
        json!(settings.id_token_signed_response_alg),
    );
    tell(
        "require_pushed_authorization_requests",
        json!(settings.require_pushed_authorization_requests),
    );
    tell(
        "dpop_bound_access_tokens",
        json!(settings.dpop == DpopPolicy::Required),
    );
    tell(
        "authorization_signed_response_alg",
        json!(settings.authorization_signed_response_alg),
    );
    tell(
        "require_signed_request_object",
        json!(settings.require_signed_request_object),
    );
    let optional = [
        (
            "request_object_signing_alg",
            settings.request_object_signing_alg.map(|alg| json!(alg)),
        ),
        ("jwks", settings.jwks.as_ref().map(|keys| json!(keys))),
        ("jwks_uri", settings.jwks_uri.as_ref().map(|place| json!(place))),
        (
            "token_endpoint_auth_signing_alg",
            settings.token_endpoint_auth_signing_alg.map(|alg| json!(alg)),
        ),
        (
            "userinfo_signed_response_alg",
            settings.userinfo_signed_response_alg.map(|alg| json!(alg)),
        ),
        (
            "introspection_signed_response_alg",
            settings.introspection_signed_response_alg.map(|alg| json!(alg)),
        ),
        (
            "post_logout_redirect_uris",
            some_of(&settings.post_logout_redirect_uris),
        ),
        (
            "backchannel_logout_uri",
            settings.backchannel_logout_uri.as_ref().map(|place| json!(place)),
        ),
        (
            "backchannel_logout_session_required",
            settings.backchannel_logout_uri.as_ref().map(|_| json!(true)),
        ),
        ("allowed_origins", some_of(&settings.allowed_origins)),
    ];
    for (member, value) in optional {
        if let Some(value) = value {
            tell(member, value);
        }
    }
    members
}

fn some_of<T: serde::Serialize>(list: &[T]) -> Option<Value> {
    (!list.is_empty()).then(|| json!(list))
}
