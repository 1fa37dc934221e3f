//! The configuration.

use postern_mobile_core::{AttestationPolicy, Config, ConfigError, DpopPolicy, ParPolicy};

/// What an app says about itself and about what it wants of the server. It is checked once, when `Core` is made; what cannot
/// be right is a `ConfigError`, whose action is always to mend the app.
#[uniffi::remote(Record)]
pub struct Config {
    /// The server's issuer identifier, letter for letter as its discovery document has it (RFC 8414 section 2): an https URL
    /// without query and fragment.
    pub issuer: String,
    /// The app's `client_id` at the server (RFC 6749 section 2.2): printable ASCII. An app is a public client and has no
    /// client secret (RFC 8252 section 8.5).
    pub client_id: String,
    /// Where the browser comes back to, letter for letter as it is registered at the server: an https URL that the system
    /// gives to this app only (RFC 8252 section 7.2). Other forms need `allow_custom_scheme` or `allow_loopback`.
    pub redirect_uri: String,
    /// The scopes of a sign-in, one in each element (RFC 6749 section 3.3): `openid` for an ID token, `offline_access` for a
    /// session that outlives its first access token (OpenID Connect Core section 11).
    pub scopes: Vec<String>,
    /// The APIs that the app calls, as absolute URIs without a fragment (RFC 8707 section 2). May be empty.
    pub resources: Vec<String>,
    /// Whether tokens are bound to a key of this device (RFC 9449).
    pub dpop: DpopPolicy,
    /// Whether the request is left at the server before the browser opens, which then sees a reference only (RFC 9126).
    pub par: ParPolicy,
    /// Whether the app proves to the server that it is itself on a real device, by `Effect::Attest`
    /// (draft-ietf-oauth-attestation-based-client-auth).
    pub attestation: AttestationPolicy,
    /// Whether keys have to live in hardware. Where there is none, sign-ins fail with `DeviceNotTrusted`.
    pub require_hardware_key: bool,
    /// Allows a redirect URI like `com.example.app:/callback`, which other apps can claim too (RFC 8252 section 7.1).
    pub allow_custom_scheme: bool,
    /// Allows http to this machine, for tests and for programs on desktops (RFC 8252 section 7.3). Nothing else is ever
    /// asked without TLS.
    pub allow_loopback: bool,
    /// This process (a widget, an extension) uses the tokens that the app has stored and never refreshes them itself. Where
    /// they are too old, the error is `ReadOnly`.
    pub read_only: bool,
    /// The app's version. It goes with each token request as `app_version`, for the lists of sessions of Postern, where it has
    /// at most 32 letters, digits and `. _ + -`: it is cut, and another character is sent as `-`. Other servers pass it over
    /// (RFC 6749 section 3.2).
    #[uniffi(default = None)]
    pub app_version: Option<String>,
}

/// Whether tokens are bound to a key of this device, so that a copy of them is worth nothing elsewhere (DPoP, RFC 9449).
#[uniffi::remote(Enum)]
pub enum DpopPolicy {
    /// Tokens are bound, or there is no sign-in: of a server without it the error is `DiscoveryNoDpop`, and a bearer token is
    /// refused as `TokenTypeDowngrade`.
    Required,
    /// Bound where the server's discovery document says that it can (RFC 9449 section 5.1), else bearer tokens.
    Preferred,
    /// Bearer tokens (RFC 6750).
    Off,
}

/// Whether authorization requests are pushed (PAR, RFC 9126).
#[uniffi::remote(Enum)]
pub enum ParPolicy {
    /// Requests are pushed, or there is no sign-in: of a server without it the error is `DiscoveryNoPar`.
    Required,
    /// Pushed where the server's discovery document has an endpoint for it, else the request is in the browser's URL.
    Preferred,
    /// In the browser's URL (RFC 6749 section 4.1.1).
    Off,
}

/// What happens when there is no evidence that this is the app on a real device.
#[uniffi::remote(Enum)]
pub enum AttestationPolicy {
    /// No token is asked for without: the error is `AttestationUnavailable`. Needs `DpopPolicy::Required`.
    Required,
    /// The request is sent without, and there is an event `AttestationSkipped`.
    Preferred,
    /// Evidence is never made.
    Off,
}

/// What is wrong with a configuration. The action is always the same: mend the app; asking again changes nothing.
#[uniffi::remote(Error)]
pub enum ConfigError {
    /// `issuer` is not an https URL, or has a query or fragment (RFC 8414 section 2). http to this machine needs
    /// `allow_loopback`.
    Issuer,
    /// `client_id` is empty, or has other characters than printable ASCII (RFC 6749 appendix A.1).
    ClientId,
    /// `redirect_uri` is neither https nor what `allow_loopback` or `allow_custom_scheme` allows, or has a fragment (RFC 6749
    /// section 3.1.2).
    RedirectUri,
    /// `redirect_uri` has a scheme of its own, but not `allow_custom_scheme`, or no dot in its name (RFC 8252 section 7.1).
    CustomScheme,
    /// One of `scopes` is empty, or has characters that none has, such as a space (RFC 6749 section 3.3).
    Scope,
    /// One of `resources` is not an absolute URI, or has a fragment (RFC 8707 section 2).
    Resource,
    /// `attestation` is required and `dpop` is not: evidence is of the DPoP key.
    Attestation,
}
