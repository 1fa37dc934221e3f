//! Codes and tokens of ours that come back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::{
    base::{entropy::Entropy, id::KeyId, secret::Secret},
    domain::{code::Code, device_code::DeviceCode, refresh_token::MacRing},
};

fuzz_target!(|text: &str| {
    if let Some(code) = Code::parse(text) {
        assert_eq!(code.expose(), text);
    }
    if let Some(code) = DeviceCode::parse(text) {
        assert_eq!(code.expose(), text);
    }
    let key = KeyId::new(&Entropy::seeded(1));
    let secret = Secret::new([7; 32]);
    assert!(
        MacRing::new(key, [(key, &secret)]).parse(text).is_err(),
        "nobody guesses a MAC"
    );
});
