//! What an app says about itself, checked once.

use serde_json::{Map, Value};

use crate::{json, url};

/// What an app says about itself and about what it wants of the server. It is checked once, when `Core` is made; what cannot
/// be right is a `ConfigError`, whose action is always to mend the app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, named where it is set"
)]
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
    pub app_version: Option<String>,
}

/// Whether tokens are bound to a key of this device, so that a copy of them is worth nothing elsewhere (DPoP, RFC 9449).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParPolicy {
    /// Requests are pushed, or there is no sign-in: of a server without it the error is `DiscoveryNoPar`.
    Required,
    /// Pushed where the server's discovery document has an endpoint for it, else the request is in the browser's URL.
    Preferred,
    /// In the browser's URL (RFC 6749 section 4.1.1).
    Off,
}

/// What happens when there is no evidence that this is the app on a real device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestationPolicy {
    /// No token is asked for without: the error is `AttestationUnavailable`. Needs `DpopPolicy::Required`.
    Required,
    /// The request is sent without, and there is an event `AttestationSkipped`.
    Preferred,
    /// Evidence is never made.
    Off,
}

/// What is wrong with a configuration. The action is always the same: mend the app; asking again changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Issuer => "the issuer is not an https URL without query and fragment",
            Self::ClientId => "the client id is empty or not ASCII",
            Self::RedirectUri => "the redirect URI is not an https URL",
            Self::CustomScheme => {
                "a custom scheme needs allow_custom_scheme and a name with a dot (RFC 8252 section 7.1)"
            }
            Self::Scope => "a scope is not one",
            Self::Resource => "a resource is not an absolute URI without a fragment",
            Self::Attestation => "attestation can only be required where dpop is: it is evidence of the key",
        })
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let issuer_is_fine =
            url::is_endpoint(&self.issuer, self.allow_loopback) && !self.issuer.contains('?');
        let printable =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if !issuer_is_fine {
            return Err(ConfigError::Issuer);
        }
        if !printable(&self.client_id) {
            return Err(ConfigError::ClientId);
        }
        self.check_redirect_uri()?;
        if !self.scopes.iter().all(|scope| is_scope(scope)) {
            return Err(ConfigError::Scope);
        }
        if !self.resources.iter().all(|resource| is_resource(resource)) {
            return Err(ConfigError::Resource);
        }
        if self.attestation == AttestationPolicy::Required && self.dpop != DpopPolicy::Required {
            return Err(ConfigError::Attestation);
        }
        Ok(())
    }

    /// Whether a record says that it is of another app or server: then it is left alone.
    pub(crate) fn is_anothers(&self, record: &Map<String, Value>) -> bool {
        let other = |name, ours: &String| json::text(record, name).is_some_and(|theirs| theirs != ours);
        other("issuer", &self.issuer) || other("client_id", &self.client_id)
    }

    fn check_redirect_uri(&self) -> Result<(), ConfigError> {
        let uri = &self.redirect_uri;
        if url::is_endpoint(uri, self.allow_loopback) {
            return Ok(());
        }
        let scheme = uri.split(':').next().unwrap_or_default();
        if !uri.contains(':')
            || matches!(scheme, "http" | "https")
            || !url::is_plain(uri)
            || uri.contains('#')
        {
            return Err(ConfigError::RedirectUri);
        }
        let reverse_dns = scheme.contains('.')
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b));
        if self.allow_custom_scheme && reverse_dns {
            Ok(())
        } else {
            Err(ConfigError::CustomScheme)
        }
    }
}

/// RFC 6749 section 3.3.
pub(crate) fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|b| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~'))
}

/// RFC 8707 section 2.
pub(crate) fn is_resource(resource: &str) -> bool {
    url::is_plain(resource) && resource.contains(':') && !resource.contains('#')
}
