//! The mobile SDK: challenges, dates and signatures, as servers and hooks write them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_mobile_core::parsers;

fuzz_target!(|bytes: &[u8]| {
    parsers::signature(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(error) = parsers::challenge(text) {
        assert!(text.contains(&error));
    }
    if let Some(ms) = parsers::date(text) {
        // 1970 to 9999.
        assert!((0..=253_402_300_800_000).contains(&ms));
    }
});
