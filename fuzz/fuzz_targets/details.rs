//! `authorization_details` (RFC 9396): what reads is shown whole, travels on as we write it, and means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::domain::authorization_details::{AuthorizationDetails, AuthorizationType};

const API: &str = "https://api.example";

fuzz_target!(|text: &str| {
    if let Ok(described) = text.parse::<AuthorizationType>() {
        assert_eq!(described.to_string().parse(), Ok(described));
    }
    let known: AuthorizationType = "payment=amount,creditor,locations".parse().expect("a type");
    let parse = |text: &str| {
        let named = |name: &str| (name == known.name()).then(|| known.clone());
        AuthorizationDetails::parse(text, named, |api| api == API)
    };
    let Ok(details) = parse(text) else {
        return;
    };
    assert!(details.types().all(|name| name == "payment"));
    assert_eq!(details.rows().len(), details.types().count());
    assert_eq!(details.at(API), details, "no other API is named");
    let written = details.to_parameter().expect("something is asked for");
    assert_eq!(parse(&written).as_ref(), Ok(&details));
    assert_eq!(details.narrowed(&written).as_ref(), Some(&details));
});
