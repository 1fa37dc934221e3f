//! The configuration.

use postern_mobile_core::{AttestationPolicy, Config, ConfigError, DpopPolicy, ParPolicy};

#[uniffi::remote(Record)]
pub struct Config {
    pub issuer: String,
    pub client_id: String,
    pub redirect_uri: String,
    pub scopes: Vec<String>,
    pub resources: Vec<String>,
    pub dpop: DpopPolicy,
    pub par: ParPolicy,
    pub attestation: AttestationPolicy,
    pub require_hardware_key: bool,
    pub allow_custom_scheme: bool,
    pub allow_loopback: bool,
    pub read_only: bool,
    #[uniffi(default = None)]
    pub app_version: Option<String>,
}

#[uniffi::remote(Enum)]
pub enum DpopPolicy {
    Required,
    Preferred,
    Off,
}

#[uniffi::remote(Enum)]
pub enum ParPolicy {
    Required,
    Preferred,
    Off,
}

#[uniffi::remote(Enum)]
pub enum AttestationPolicy {
    Required,
    Preferred,
    Off,
}

#[uniffi::remote(Error)]
pub enum ConfigError {
    Issuer,
    ClientId,
    RedirectUri,
    CustomScheme,
    Scope,
    Resource,
    Attestation,
}
