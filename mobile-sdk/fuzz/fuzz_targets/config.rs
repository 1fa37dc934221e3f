//! The app whose records and servers are made up.

use postern_mobile_core::{AttestationPolicy, Config, DpopPolicy, ParPolicy};

pub fn config() -> Config {
    Config {
        issuer: "http://localhost:1".to_owned(),
        client_id: "app".to_owned(),
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        scopes: vec!["openid".to_owned()],
        resources: Vec::new(),
        dpop: DpopPolicy::Preferred,
        par: ParPolicy::Preferred,
        attestation: AttestationPolicy::Off,
        require_hardware_key: false,
        allow_custom_scheme: false,
        allow_loopback: true,
        read_only: false,
        app_version: None,
    }
}
