//! The settings of a client as words of `postern client add` and `postern client set`.

mod over;
mod told;

use clap::Args;

use crate::domain::{
    client::{ClientKind, ClientSettings},
    scope,
};

/// What a client is registered with.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Flags {
    #[arg(long = "redirect-uri", value_name = "URI", help = REDIRECT_URI)]
    redirect_uris: Vec<String>,
    #[arg(long, help = SCOPE)]
    scope: Option<String>,
    /// Whether people are asked to allow it: ask, or never (an app of your own) [default: ask]
    #[arg(long)]
    consent: Option<String>,
    /// Whether its tokens are bound to a key of its own (DPoP): off, allowed or required
    #[arg(long)]
    dpop: Option<String>,
    /// Refuse its authorization requests unless they were pushed (PAR)
    #[arg(long)]
    require_par: bool,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a request that it has pushed is good, such as 60s [default: 10m, with the presets of FAPI 2.0 60s]"
    )]
    request_uri_life: Option<String>,
    /// Refuse its authorization requests unless it has signed them (JAR)
    #[arg(long)]
    require_signed_request: bool,
    #[arg(long, value_name = "ALG", help = REQUEST_ALG)]
    request_object_alg: Option<String>,
    /// Refuse its authorization requests unless they ask for a signed answer (JARM)
    #[arg(long)]
    require_signed_response: bool,
    /// What the answers are signed with that it asks to be signed: ES256 or RS256 [default: ES256]
    #[arg(long, value_name = "ALG")]
    response_alg: Option<String>,
    #[arg(long = "resource", value_name = "URI", help = RESOURCE)]
    resources: Vec<String>,
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", help = POST_LOGOUT)]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session of its people has ended (back-channel logout), an https URL
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// Send people back without a tap when there is nothing to ask; for https redirect URIs that the app claims
    #[arg(long)]
    without_tap: bool,
    /// An Android app of it, which gets this server's links and passwords; once for each
    #[arg(long = "android-app", value_name = "PACKAGE=FINGERPRINT")]
    android_apps: Vec<String>,
    /// An iOS app of it, likewise; once for each
    #[arg(long = "apple-app", value_name = "TEAM.BUNDLE")]
    apple_apps: Vec<String>,
    #[arg(long, value_name = "NAME", help = SSO_GROUP)]
    sso_group: Option<String>,
    /// Whose assertions open sessions of people here (RFC 7523): the iss of them; with --grant-type ..:jwt-bearer
    #[arg(long, value_name = "URL", requires = "assertion_subject")]
    assertion_issuer: Option<String>,
    /// A file with that issuer's public keys, a JWK set
    #[arg(long, value_name = "FILE", requires = "assertion_issuer")]
    assertion_issuer_jwks: Option<String>,
    /// Where that issuer's public keys are
    #[arg(long, value_name = "URL", requires = "assertion_issuer")]
    assertion_issuer_jwks_uri: Option<String>,
    #[arg(long, value_name = "WHAT", requires = "assertion_issuer", help = ASSERTION_SUBJECT)]
    assertion_subject: Option<String>,
    /// Let it sign people out of the browser too, by one request of its own that proves its key
    #[arg(long)]
    may_end_browser_session: bool,
    #[arg(
        long,
        value_name = "LIFE",
        help = "Life of its access and ID tokens, such as 5m [default: tokens.access_token]"
    )]
    access_token_life: Option<String>,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a session lives unused, such as 90d [default: sessions.device_idle]"
    )]
    session_idle: Option<String>,
    #[arg(
        long,
        value_name = "LIFE",
        help = "How long a session lives at most, such as 365d [default: sessions.device_absolute]"
    )]
    session_absolute: Option<String>,
    #[arg(long, value_name = "METHOD", help = AUTH_METHOD)]
    auth_method: Option<String>,
    /// A file with its public keys, a JWK set
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// Where its public keys are
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    #[arg(long, value_name = "ALG", help = ASSERTION_ALG)]
    assertion_alg: Option<String>,
    #[arg(long, value_name = "WHICH", help = ASSERTION_AUDIENCE)]
    assertion_audience: Option<String>,
    #[arg(long, value_name = "WHEN", help = PKCE)]
    pkce: Option<String>,
    #[arg(long = "grant-type", value_name = "GRANT", help = GRANT_TYPES)]
    grant_types: Vec<String>,
    /// What becomes of its refresh tokens: rotate, or keep [default: rotate]
    #[arg(long, value_name = "WHICH")]
    refresh_rotation: Option<String>,
    /// What its ID tokens are signed with: ES256 or RS256 [default: ES256]
    #[arg(long, value_name = "ALG")]
    id_token_alg: Option<String>,
    /// What userinfo is signed with for it: ES256 or RS256 [default: it is not signed]
    #[arg(long, value_name = "ALG")]
    userinfo_alg: Option<String>,
    /// What answers to its questions about tokens are signed with, where it asks for signed ones: ES256 or RS256 [default: ES256]
    #[arg(long, value_name = "ALG")]
    introspection_alg: Option<String>,
    /// A web origin from which its pages call this server (CORS), such as `https://app.example`; once for each
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// The API that a service is: it may ask about the access tokens for this
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// A scope that the API understands: tokens for it carry no others; once for each [default: all there are]
    #[arg(long = "audience-scope", value_name = "SCOPE")]
    audience_scopes: Vec<String>,
    /// The longest life of the access tokens for the API, such as 2m [default: that of the app that asks]
    #[arg(long, value_name = "LIFE")]
    audience_token_life: Option<String>,
    #[arg(long = "audience-authorization-type", value_name = "NAME=FIELD,FIELD", help = API_DETAILS)]
    audience_authorization_types: Vec<String>,
    #[arg(long = "authorization-details-type", value_name = "NAME", help = DETAILS)]
    authorization_details_types: Vec<String>,
}

/// The settings with the scope of a new client of their kind.
pub(super) fn with_usual_scope(settings: ClientSettings) -> ClientSettings {
    let scope = match settings.kind {
        ClientKind::Native | ClientKind::Web => scope::OF_PEOPLE.into_iter().collect(),
        ClientKind::Service => scope::ScopeSet::default(),
    };
    ClientSettings { scope, ..settings }
}

const SCOPE: &str =
    "The most that it may ask for [default: openid profile email offline_access, of a service nothing]";
const AUTH_METHOD: &str = "How it authenticates: none, client_secret_basic, client_secret_post or private_key_jwt [default: none for native, else client_secret_basic]";
const ASSERTION_ALG: &str =
    "The one algorithm of its assertions [default: ES256, PS256 or EdDSA, as its keys are]";
const API_DETAILS: &str =
    "A type of authorization_details that the API has, with its fields (RFC 9396); once for each";
const DETAILS: &str = "A type of authorization_details that it may ask people for; once for each";
const REQUEST_ALG: &str =
    "The one algorithm of its request objects [default: ES256, PS256 or EdDSA, as its keys are]";
const ASSERTION_AUDIENCE: &str =
    "What its assertions are made for: issuer_only, or issuer_or_token_endpoint [default: issuer_only]";
const PKCE: &str = "Whether it needs PKCE: required, required_unless_nonce or optional [default: required]";
const GRANT_TYPES: &str = "What it may send to the token endpoint; once for each [default: authorization_code and refresh_token, of a service client_credentials]";
const ASSERTION_SUBJECT: &str = "What that issuer calls a person in sub: user_id, or email";
const SSO_GROUP: &str = "The apps of its maker, which sign in by each other on a device (Native SSO): any name, the same for each of them";

const REDIRECT_URI: &str =
    "Where it gets its answers, such as http://127.0.0.1/callback (any port); once for each";

const RESOURCE: &str =
    "The API that its access tokens are for; once for each, the first is for requests that name none";
const POST_LOGOUT: &str =
    "Where people may be sent when it has signed them out, compared character by character; once for each";
