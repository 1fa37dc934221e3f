//! The mobile SDK: an answer of the token endpoint, and the ID token in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_mobile_core::parsers;

fuzz_target!(|body: &[u8]| {
    if parsers::token_response(body) {
        let body: serde_json::Value = serde_json::from_slice(body).expect("it was taken");
        assert!(body["access_token"].is_string() || body["error"].is_string());
    }
});
