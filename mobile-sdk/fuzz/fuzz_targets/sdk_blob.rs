//! The mobile SDK: a stored account, or a sign-in that waits, which a disk may have spoilt.
#![no_main]

mod config;

use config::config;
use libfuzzer_sys::fuzz_target;
use postern_mobile_core::parsers;

fuzz_target!(|record: &[u8]| {
    parsers::pending(record, &config());
    // True only if what was read is written as it was read.
    if parsers::account(record, &config()) {
        let record: serde_json::Value = serde_json::from_slice(record).expect("it was taken");
        assert_eq!(record["client_id"], "app");
    }
});
