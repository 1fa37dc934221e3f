//! Scopes and the codes that people type in: what reads is written in one way, which reads again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::domain::{device_code::UserCode, scope::ScopeSet};

fuzz_target!(|text: &str| {
    if let Ok(scope) = text.parse::<ScopeSet>() {
        let written = scope.to_string();
        let again: ScopeSet = written.parse().expect("what we write reads");
        assert_eq!(again, scope);
        assert!(scope.is_within(&again));
        assert!(scope.iter().all(|name| scope.has(name)));
    }
    if let Ok(code) = text.parse::<UserCode>() {
        let again: UserCode = code.to_string().parse().expect("what we show can be typed in");
        assert_eq!(again.digest(), code.digest());
    }
});
