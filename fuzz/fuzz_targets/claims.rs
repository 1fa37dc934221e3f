//! The `claims` parameter (OpenID Connect Core section 5.5).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::domain::claims::ClaimsParameter;

fuzz_target!(|text: &str| {
    if let Ok(read) = ClaimsParameter::parse(text) {
        // What is asked for travels on as we write it, and means the same.
        if let Some(written) = read.asked.to_parameter(None) {
            let again = ClaimsParameter::parse(&written).expect("what we write reads");
            assert_eq!(again.asked, read.asked);
        }
    }
});
