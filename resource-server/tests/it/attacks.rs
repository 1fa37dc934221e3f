//! What an attacker sends instead of a token, and that it is refused without a panic.

use aws_lc_rs::hmac;
use base64ct::{Base64UrlUnpadded, Encoding};
use postern_resource_server::{AccessToken, Rejection};
use serde_json::{Value, json};

use crate::harness::signer::{base64, unsigned};
use crate::harness::{Signer, claims, claims_with, present};

#[test]
fn no_algorithm() {
    let signer = Signer::new("k1");
    for alg in ["none", "None", "NONE", ""] {
        let mut header = signer.header();
        header["alg"] = json!(alg);
        let unsigned = unsigned(&header.to_string(), &claims().to_string());
        assert_eq!(
            present(&signer, &format!("{unsigned}.")),
            Err(Rejection::WrongAlgorithm)
        );
        // Not even with a good signature.
        let token = signer.token_with_header("alg", alg, &claims());
        assert_eq!(present(&signer, &token), Err(Rejection::WrongAlgorithm));
    }
    assert_eq!(
        present(&signer, &without_header(&signer, "alg")),
        Err(Rejection::Malformed)
    );
}

/// The public key is public, so it must never become the secret of an HMAC (RFC 8725 section 2.1).
#[test]
fn public_key_as_hmac_secret() {
    for alg in ["ES256", "RS256"] {
        let signer = Signer::with_algorithm("k1", alg);
        let jwk = signer.jwk();
        let mut secrets: Vec<Vec<u8>> = vec![jwk.to_string().into_bytes(), b"k1".to_vec(), Vec::new()];
        for part in ["x", "y", "n", "e"].iter().filter_map(|part| jwk[part].as_str()) {
            secrets.push(part.as_bytes().to_vec());
            secrets.push(Base64UrlUnpadded::decode_vec(part).unwrap());
        }
        if alg == "ES256" {
            let point = [vec![4], secrets[4].clone(), secrets[6].clone()].concat();
            assert_eq!(point.len(), 65);
            secrets.push(point);
        }
        let mut header = signer.header();
        header["alg"] = json!("HS256");
        let unsigned = unsigned(&header.to_string(), &claims().to_string());
        for secret in secrets {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), unsigned.as_bytes());
            let token = format!("{unsigned}.{}", base64(tag.as_ref()));
            assert_eq!(present(&signer, &token), Err(Rejection::WrongAlgorithm));
        }
    }
}

#[test]
fn another_algorithm_than_the_keys() {
    let signer = Signer::new("k1");
    for alg in [
        "ES384", "RS256", "PS256", "EdDSA", "HS512", "es256", "ES256K", "dir",
    ] {
        let token = signer.token_with_header("alg", alg, &claims());
        assert_eq!(present(&signer, &token), Err(Rejection::WrongAlgorithm), "{alg}");
    }
}

#[test]
fn id_token_as_access_token() {
    let signer = Signer::new("k1");
    for typ in [
        "JWT",
        "jwt",
        "",
        "at",
        "at+jwt ",
        "dpop+jwt",
        "logout+jwt",
        "application/jwt",
        "x/at+jwt",
    ] {
        let token = signer.token_with_header("typ", typ, &claims());
        assert_eq!(present(&signer, &token), Err(Rejection::WrongType), "{typ}");
    }
    assert_eq!(
        present(&signer, &without_header(&signer, "typ")),
        Err(Rejection::WrongType)
    );
    assert!(present(&signer, &signer.token_with_header("typ", Value::Null, &claims())).is_err());
}

#[test]
fn a_key_of_the_attackers_in_the_header() {
    let (issuer, attacker) = (Signer::new("k1"), Signer::new("k1"));
    let sign = |name: &str, value: Value| attacker.token_with_header(name, value, &claims());
    for token in [
        attacker.token(&claims()),
        sign("jwk", attacker.jwk()),
        sign("jku", json!("https://evil.example/jwks")),
        sign("x5u", json!("https://evil.example/certificate")),
        sign("x5c", json!(["MIIB"])),
    ] {
        assert_eq!(present(&issuer, &token), Err(Rejection::BadSignature));
    }
    let unknown = Signer::new("k2");
    let token = unknown.token_with_header("jwk", unknown.jwk(), &claims());
    assert_eq!(present(&issuer, &token), Err(Rejection::UnknownKey));
}

#[test]
fn unknown_or_missing_key_id() {
    let signer = Signer::new("k1");
    for kid in ["k2", "", "K1", "k1 ", "../k1", "k1\0", "' or 1=1"] {
        let token = signer.token_with_header("kid", kid, &claims());
        assert_eq!(present(&signer, &token), Err(Rejection::UnknownKey), "{kid}");
    }
    assert_eq!(
        present(&signer, &without_header(&signer, "kid")),
        Err(Rejection::Malformed)
    );
    assert_eq!(
        present(&signer, &signer.token_with_header("kid", 1, &claims())),
        Err(Rejection::Malformed)
    );
}

#[test]
fn critical_extensions() {
    let signer = Signer::new("k1");
    for crit in [
        json!(["exp"]),
        json!(["b64"]),
        json!([]),
        json!("exp"),
        Value::Null,
        json!({}),
    ] {
        let token = signer.token_with_header("crit", crit, &claims());
        assert_eq!(present(&signer, &token), Err(Rejection::CriticalHeader));
    }
}

#[test]
fn bound_token_as_bearer() {
    let signer = Signer::new("k1");
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    for cnf in [json!({ "jkt": jkt }), json!({ "x5t#S256": "abc" }), json!({})] {
        let token = signer.token(&claims_with("cnf", cnf));
        assert_eq!(present(&signer, &token), Err(Rejection::BoundToKey));
    }
    for cnf in [
        json!(null),
        json!("jkt"),
        json!([]),
        json!({ "jkt": null }),
        json!({ "jkt": 1 }),
    ] {
        let token = signer.token(&claims_with("cnf", cnf.clone()));
        assert!(present(&signer, &token).is_err(), "{cnf}");
    }
}

/// A parser that takes the last and one that takes the first would disagree about who is meant.
#[test]
fn the_same_member_twice() {
    let signer = Signer::new("k1");
    let claims = claims().to_string();
    for again in [
        r#""sub":"admin""#,
        r#""exp":9999999999"#,
        r#""aud":[]"#,
        r#""s\u0075b":"admin""#,
    ] {
        let doubled = format!("{{{again},{}", &claims[1..]);
        let token = signer.sign(&signer.header().to_string(), &doubled);
        assert_eq!(present(&signer, &token), Err(Rejection::Malformed), "{again}");
    }
    for again in [r#""alg":"ES256""#, r#""kid":"k1""#, r#""typ":"at+jwt""#] {
        let doubled = format!("{{{again},{}", &signer.header().to_string()[1..]);
        assert_eq!(
            present(&signer, &signer.sign(&doubled, &claims)),
            Err(Rejection::Malformed),
            "{again}"
        );
    }
}

#[test]
fn cut_anywhere() {
    let signer = Signer::new("k1");
    let token = signer.token(&claims());
    assert!(present(&signer, &token).is_ok());
    for end in 0..token.len() {
        assert!(present(&signer, &token[..end]).is_err(), "{end}");
        assert!(present(&signer, &token[end + 1..]).is_err(), "{end}");
    }
    for more in ["A", "=", ".", " ", "\n", "AAAA", ".AAAA"] {
        assert!(present(&signer, &format!("{token}{more}")).is_err(), "{more:?}");
        assert!(present(&signer, &format!("{more}{token}")).is_err(), "{more:?}");
    }
}

#[test]
fn any_bit_flipped() {
    let signer = Signer::new("k1");
    let token = signer.token(&claims()).into_bytes();
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut changed = token.clone();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            assert!(present(&signer, &changed).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn zero_signature() {
    let signer = Signer::new("k1");
    let unsigned = unsigned(&signer.header().to_string(), &claims().to_string());
    for length in [0, 1, 63, 64, 65, 96, 512] {
        let token = format!("{unsigned}.{}", base64(&vec![0; length]));
        assert_eq!(present(&signer, &token), Err(Rejection::BadSignature), "{length}");
    }
}

#[test]
fn too_long() {
    let signer = Signer::new("k1");
    let sized = |filler: usize| signer.token(&claims_with("filler", "x".repeat(filler)));
    assert!(sized(5000).len() < 8192 && present(&signer, &sized(5000)).is_ok());
    let long = sized(6600);
    assert!(long.len() > 9 * 1024, "{}", long.len());
    assert_eq!(present(&signer, &long), Err(Rejection::Malformed));
    assert_eq!(present(&signer, &"a".repeat(1 << 24)), Err(Rejection::Malformed));
}

#[test]
fn not_a_token_at_all() {
    let signer = Signer::new("k1");
    let token = signer.token(&claims());
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30.",
        "e30.e30.e30",
        "\0",
        "ü.ü.ü",
        "🔑",
        "null.null.null",
    ] {
        assert_eq!(present(&signer, text), Err(Rejection::Malformed), "{text:?}");
    }
    assert_eq!(
        present(&signer, &token.replacen('.', "ü", 1)),
        Err(Rejection::Malformed)
    );
    assert_eq!(present(&signer, &format!("{token}ü")), Err(Rejection::Malformed));
    // A JWE has five parts.
    assert_eq!(
        present(&signer, &format!("{token}.a.b")),
        Err(Rejection::Malformed)
    );
}

#[test]
fn signed_but_no_claims() {
    let signer = Signer::new("k1");
    let header = signer.header().to_string();
    let good = claims().to_string();
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let texts = [
        "",
        "null",
        "[]",
        "{}",
        "1",
        "\"\"",
        "{",
        "\u{feff}{}",
        &good[..good.len() - 1],
    ];
    for text in texts
        .into_iter()
        .chain([&*format!("{good}{good}"), &*format!("{good} x"), &deep])
    {
        assert_eq!(
            present(&signer, &signer.sign(&header, text)),
            Err(Rejection::Malformed),
            "{text:.40}"
        );
        assert!(present(&signer, &signer.sign(text, &good)).is_err(), "{text:.40}");
    }
    // Deep where a claim is read: refused. Deep where nothing is read: nobody's business.
    let nested = |name: &str| -> Result<AccessToken, Rejection> {
        let text = format!("{{\"{name}\":{deep},{}", &good[1..]);
        present(&signer, &signer.sign(&header, &text))
    };
    assert_eq!(nested("acr"), Err(Rejection::Malformed));
    assert_eq!(nested("cnf"), Err(Rejection::Malformed));
    assert!(nested("unknown").is_ok());
}

fn without_header(signer: &Signer, name: &str) -> String {
    let mut header = signer.header();
    header.as_object_mut().unwrap().remove(name);
    signer.sign(&header.to_string(), &claims().to_string())
}
