//! The mobile SDK: the discovery document of a server.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_mobile_core::{AttestationPolicy, Config, DpopPolicy, ParPolicy, parsers};

fn config() -> Config {
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
    }
}

fuzz_target!(|document: &[u8]| {
    if parsers::discovery(document, &config()) {
        // Never without PKCE, and of no other issuer.
        let document: serde_json::Value = serde_json::from_slice(document).expect("it was taken");
        assert_eq!(document["issuer"], config().issuer);
        let methods = document["code_challenge_methods_supported"].as_array();
        assert!(methods.is_some_and(|methods| methods.iter().any(|method| method == "S256")));
        for name in ["authorization_endpoint", "token_endpoint", "revocation_endpoint"] {
            let Some(url) = document[name].as_str().map(str::to_ascii_lowercase) else {
                continue;
            };
            let here = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
            assert!(url.starts_with("https://") || here.iter().any(|here| url.starts_with(here)));
        }
    }
});
