//! The mobile SDK: the discovery document of a server.
#![no_main]

mod config;

use config::config;
use libfuzzer_sys::fuzz_target;
use postern_mobile_core::parsers;

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
