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
        for (name, value) in document.as_object().expect("an object") {
            let ours = name.ends_with("_endpoint")
                && ["authorization", "token", "revocation"]
                    .iter()
                    .any(|kind| name.starts_with(kind));
            if let (true, Some(url)) = (ours, value.as_str()) {
                assert!(
                    url.starts_with("https:")
                        || url.starts_with("http:")
                        || url.to_ascii_lowercase().starts_with("http")
                );
            }
        }
    }
});
