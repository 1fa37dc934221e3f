//! Signed texts of others: client assertions and whatever comes in their place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::base::jws::Jws;
use postern_resource_server::{Expected, KeySet, inspect};
use serde_json::Value;

fuzz_target!(|text: &str| {
    if let Ok(jws) = Jws::parse(text, 8000) {
        assert_eq!(text.matches('.').count(), 2);
        assert!(text.as_bytes().starts_with(jws.signed()));
        let _ = jws.claims::<Value>();
    }
    let keys = KeySet::from_jwks(br#"{"keys":[]}"#);
    if let Ok(keys) = keys {
        let expected = Expected::new("https://login.example", "https://api.example");
        assert!(inspect(text, &keys, &expected, 1_790_000_000).is_err());
    }
});
