//! What reads untrusted input never panics, and takes what is right.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use postern_mobile_core::{ErrorCode, parsers};
use postern_mobile_harness::device::config;
use proptest::prelude::*;

const BLOB: &str = include_str!("account-1.json");

proptest! {
    #[test]
    fn redirects(text in "\\PC{0,200}", query in "[a-z=&%+0-9]{0,80}") {
        parsers::redirect(&text);
        parsers::redirect(&format!("https://app.example/cb?{query}"));
        parsers::query(&text);
    }

    #[test]
    fn documents(bytes in prop::collection::vec(any::<u8>(), 0..300), name in "[a-z_]{1,20}", value in "\\PC{0,60}") {
        let config = config("http://localhost:1");
        parsers::discovery(&bytes, &config);
        parsers::token_response(&bytes);
        prop_assert!(!parsers::account(&bytes, &config));
        let object = serde_json::json!({ name: value, "access_token": value, "token_type": value, "id_token": value }).to_string();
        parsers::discovery(object.as_bytes(), &config);
        parsers::token_response(object.as_bytes());
    }

    #[test]
    fn headers(line in "\\PC{0,200}", challenge in "[DPoPerr=\", a-z\\\\]{0,80}") {
        parsers::challenge(&line);
        parsers::challenge(&challenge);
        parsers::date(&line);
    }

    #[test]
    fn signatures(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        parsers::signature(&bytes);
    }
}

#[test]
fn the_blob_of_schema_1_opens_and_no_part_of_it_does() {
    let (blob, config) = (BLOB.trim_end().as_bytes(), config("http://localhost:1"));
    assert!(parsers::account(blob, &config));
    for end in 0..blob.len() {
        assert!(!parsers::account(&blob[..end], &config), "{end}");
    }
    let mut refused = 0;
    for at in 0..blob.len() {
        for bit in 0..8 {
            let mut bytes = blob.to_vec();
            bytes[at] ^= 1 << bit;
            refused += u32::from(!parsers::account(&bytes, &config));
            // It is no sign-in that waits, whatever it is.
            assert!(!parsers::pending(&bytes, &config), "{at} {bit}");
        }
    }
    // Its form, its schema and whose it is; not what its texts say.
    assert!(refused > 4000, "{refused}");
    for schema in ["0", "-1", "2", "1.5", "null", "9223372036854775808"] {
        let other = BLOB.replace("\"schema\":1", &format!("\"schema\":{schema}"));
        assert!(!parsers::account(other.as_bytes(), &config), "{schema}");
    }
}

#[test]
fn a_stored_sign_in_opens_and_one_that_is_spoilt_is_none() {
    let server = postern_mobile_harness::fake::Fake::default();
    let device = server.device();
    device.app().begin();
    let records = device.store.records().clone();
    let record = records.values().next().expect("waiting");
    assert!(parsers::pending(record, &device.config));
    for end in 0..record.len() {
        assert!(!parsers::pending(&record[..end], &device.config));
    }
    // However long it says to wait, or since when.
    let text = String::from_utf8_lossy(record);
    for (name, value) in [("interval", "0"), ("until_ms", &until(&text))] {
        for odd in [i64::MIN, -1, i64::MAX] {
            let spoilt = text.replace(&format!("\"{name}\":{value}"), &format!("\"{name}\":{odd}"));
            assert_ne!(spoilt, text);
            assert!(parsers::pending(spoilt.as_bytes(), &device.config));
        }
    }
}

fn until(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    value["until_ms"].to_string()
}

#[test]
fn challenges_and_dates() {
    assert_eq!(
        parsers::challenge(r#"DPoP error="use_dpop_nonce", algs="ES256""#).as_deref(),
        Some("use_dpop_nonce")
    );
    assert_eq!(
        parsers::challenge(r#"Bearer realm="error=\"x", error=invalid_token"#).as_deref(),
        Some("invalid_token")
    );
    assert_eq!(parsers::challenge(r#"Basic realm="error""#), None);
    assert_eq!(
        parsers::date("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some(784_111_777_000)
    );
    assert_eq!(
        parsers::date("Thu, 29 Feb 2024 00:00:00 GMT"),
        Some(1_709_164_800_000)
    );
}

#[test]
fn der_signatures_become_raw_ones() {
    // r with a leading zero byte, s of 31 bytes.
    let r = [&[0x00u8, 0x80][..], &[1; 31]].concat();
    let s = [7u8; 31];
    let der = [&[0x30, 68, 0x02, 33][..], &r, &[0x02, 31], &s].concat();
    let raw = parsers::signature(&der).expect("a signature");
    assert_eq!(raw[..32], r[1..]);
    assert_eq!(raw[32], 0);
    assert_eq!(raw[33..], s);
    // Numbers as short as they get, and as long.
    let der = |r: &[u8], s: &[u8]| {
        let number = |n: &[u8]| [&[0x02, u8::try_from(n.len()).expect("short")], n].concat();
        let numbers = [number(r), number(s)].concat();
        [&[0x30, u8::try_from(numbers.len()).expect("short")], &numbers[..]].concat()
    };
    let long = [&[0x00, 0xff][..], &[9; 31]].concat();
    for (r, s) in [
        (vec![1], vec![0x7f]),
        (vec![0, 0x80], vec![1]),
        (vec![1; 20], long.clone()),
        (long.clone(), vec![2; 30]),
        (long.clone(), long.clone()),
    ] {
        let raw = parsers::signature(&der(&r, &s)).expect("a signature");
        let filled = |n: &[u8]| {
            let n = n.strip_prefix(&[0]).unwrap_or(n);
            [&vec![0; 32 - n.len()][..], n].concat()
        };
        assert_eq!(raw.to_vec(), [filled(&r), filled(&s)].concat());
    }
    let good = der(&[1; 32], &[2; 32]);
    let long_form = [&[0x30, 0x81, 68][..], &good[2..]].concat();
    let trailing = [&good[..], &[0]].concat();
    for bad in [
        &der(&[], &[1])[..],
        &der(&[1], &[]),
        &der(&[0x80], &[1]),
        &der(&[1], &[0xff; 32]),
        &der(&[1; 33], &[1]),
        &der(&[1], &[&[0][..], &[0xff; 33]].concat()),
        &good[..good.len() - 1],
        &trailing,
        &long_form,
        &[0x30, 0],
        &[],
        &[7; 63],
        &[7; 65],
    ] {
        assert_eq!(parsers::signature(bad), None, "{bad:02x?}");
    }
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let raw = key
        .sign(&aws_lc_rs::rand::SystemRandom::new(), b"x")
        .expect("signed");
    assert_eq!(
        parsers::signature(raw.as_ref())
            .as_ref()
            .map(<[u8; 64]>::as_slice),
        Some(raw.as_ref())
    );
    let public = UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED, key.public_key());
    public.verify(b"x", raw.as_ref()).expect("verified");
}

#[test]
fn numbers_of_errors_are_unique() {
    let mut numbers: Vec<u32> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), ErrorCode::ALL.len());
}
