//! The claims of request objects (RFC 9101): they become the parameters that they name, for the client and the server that
//! they name, or nothing.
#![no_main]

use base64ct::{Base64UrlUnpadded, Encoding};
use libfuzzer_sys::fuzz_target;
use postern::{
    base::{jws::Jws, time::Instant},
    domain::request_object::{MAX_BYTES, Members, TYP, check_typ, parameters},
};
use serde_json::Value;

const NOW: i64 = 1_790_000_000;

fuzz_target!(|text: &str| {
    if check_typ(Some(text)).is_ok() {
        assert!(text.to_ascii_lowercase().ends_with(TYP));
    }
    let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
    let object = format!("{}.{}.AAAA", part(r#"{"alg":"ES256"}"#), part(text));
    let Ok(jws) = Jws::parse(&object, MAX_BYTES) else {
        return;
    };
    let Ok(claims) = jws.claims::<Members>() else {
        return;
    };
    let (client, issuer) = ("app".parse().expect("an id"), "https://id.example".parse());
    let now = Instant::from_millis(NOW * 1000);
    let Ok(raw) = parameters(claims, &client, &issuer.expect("an issuer"), now) else {
        return;
    };
    assert_eq!(raw.one("client_id"), Ok(Some("app")));
    assert!(!raw.has("request") && !raw.has("request_uri"));
    let said: Value = serde_json::from_str(text).expect("it was read");
    assert_eq!(said["iss"], "app");
    assert!(said["nbf"].is_number() && said["exp"].is_number());
    for (name, values) in raw.into_pairs() {
        match &said[&name] {
            Value::String(text) => assert_eq!(&values, std::slice::from_ref(text)),
            Value::Null => panic!("nobody said {name}"),
            _ => {}
        }
    }
});
