//! Queries and forms, and the parameters in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::{domain::request::Raw, web::encoding::parse_pairs};

fuzz_target!(|text: &str| {
    let Ok(pairs) = parse_pairs(text) else {
        return;
    };
    assert!(
        pairs
            .iter()
            .all(|(name, value)| !format!("{name}{value}").chars().any(char::is_control))
    );
    let raw = Raw::new(pairs.clone());
    for (name, value) in &pairs {
        assert!(value.is_empty() || raw.all(name).contains(value));
    }
    let kept = raw.clone().into_pairs();
    assert_eq!(Raw::from_pairs(kept.clone()).into_pairs(), kept);
    let _ = (
        raw.one("state").is_ok(),
        raw.required("code").is_ok(),
        raw.text("scope"),
    );
});
