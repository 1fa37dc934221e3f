//! What an app says about itself, checked once.

use serde_json::{Map, Value};

use crate::{json, url};

/// The configuration of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, named where it is set"
)]
pub struct Config {
    /// The server, as its discovery document names it.
    pub issuer: String,
    /// The app's id there.
    pub client_id: String,
    /// Where the browser comes back to: https first.
    pub redirect_uri: String,
    /// Such as `openid` and `offline_access`.
    pub scopes: Vec<String>,
    /// The APIs that the app calls (RFC 8707).
    pub resources: Vec<String>,
    /// Whether tokens are bound to a key (RFC 9449).
    pub dpop: DpopPolicy,
    /// Whether requests are pushed (RFC 9126).
    pub par: ParPolicy,
    /// Whether the app proves that it is itself.
    pub attestation: AttestationPolicy,
    /// Whether keys have to live in hardware.
    pub require_hardware_key: bool,
    /// A redirect URI like `com.example.app:/callback`, which other apps can claim.
    pub allow_custom_scheme: bool,
    /// http to this machine, for tests and programs on desktops.
    pub allow_loopback: bool,
    /// This process (a widget, an extension) uses tokens and never refreshes.
    pub read_only: bool,
    /// Goes with each token request as `app_version`, for the lists of sessions of Postern, where it has at most 32 letters,
    /// digits and `. _ + -`: it is cut, and another character is sent as `-`. Other servers pass it over (RFC 6749
    /// section 3.2).
    pub app_version: Option<String>,
}

/// RFC 9449.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DpopPolicy {
    /// The server has to do it.
    Required,
    /// Where the server can.
    Preferred,
    /// Never.
    Off,
}

/// RFC 9126.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParPolicy {
    /// The server has to do it.
    Required,
    /// Where the server can.
    Preferred,
    /// Never.
    Off,
}

/// What happens when there is no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestationPolicy {
    /// Nothing works without.
    Required,
    /// Go on without.
    Preferred,
    /// It is not asked for.
    Off,
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigError {
    /// Not https, or with a query or fragment.
    Issuer,
    /// Empty, or with other characters than printable ASCII.
    ClientId,
    /// Neither https nor what is allowed besides.
    RedirectUri,
    /// A custom scheme without `allow_custom_scheme`, or without a dot in it.
    CustomScheme,
    /// Empty, or with other characters than RFC 6749 section 3.3 has.
    Scope,
    /// Not an absolute URI, or with a fragment.
    Resource,
    /// Required without `dpop` being so: evidence is of the key.
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
