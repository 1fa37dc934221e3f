//! The mobile SDK: a stored account, or a sign-in that waits, which a disk may have spoilt.
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

fuzz_target!(|record: &[u8]| {
    parsers::pending(record, &config());
    // True only if what was read is written as it was read.
    if parsers::blob(record, &config()) {
        let record: serde_json::Value = serde_json::from_slice(record).expect("it was taken");
        assert_eq!(record["client_id"], "app");
    }
});
