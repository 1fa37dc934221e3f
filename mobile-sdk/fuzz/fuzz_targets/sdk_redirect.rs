//! The mobile SDK: what a browser, or any app, says to have come back with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_mobile_core::parsers;

fuzz_target!(|text: &str| {
    let taken = parsers::redirect(text);
    parsers::redirect(&format!("https://app.example/cb?{text}"));
    let pairs = parsers::query(text);
    if taken {
        // Each parameter once, and nothing that a header or a log could stumble over.
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        let query = text.split_once('?').map(|(_, query)| query);
        let names = query.and_then(parsers::query).expect("a query that was taken");
        let mut sorted: Vec<_> = names.iter().map(|(name, _)| name).collect();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len());
    }
    drop(pairs);
});
