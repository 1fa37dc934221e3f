//! What a DPoP proof must be (RFC 9449 section 4.3), and what an attacker sends instead.

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, HeaderValue};
use postern_resource_server::{
    NonceTime, PROOF_ALGORITHMS, PresentedProof, Proof, ProofError, ProofTime, ProvedRequest, check_proof,
};
use serde_json::{Value, json};

use crate::harness::signer::{base64, unsigned};
use crate::harness::{NOW, Prover, Signer, claims as token_claims, proof_claims};

const URL: &str = "https://notes.example.com/notes";
const ATH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

fn check_at(now: u64, proof: &str, time: ProofTime<'_>) -> Result<Proof, ProofError> {
    let presented = PresentedProof::from_bytes(proof.as_bytes())?;
    let request = ProvedRequest {
        method: "GET",
        url: URL,
        ath: Some(ATH),
    };
    check_proof(&presented, &request, now, time)
}

fn check(proof: &str) -> Result<Proof, ProofError> {
    check_at(NOW, proof, ProofTime::Iat)
}

fn claims() -> Value {
    let mut claims = proof_claims("GET", URL, NOW);
    claims["ath"] = ATH.into();
    claims
}

fn with_claim(prover: &Prover, name: &str, value: impl Into<Value>) -> String {
    let mut claims = claims();
    claims[name] = value.into();
    prover.sign(&prover.header(), &claims)
}

fn with_header(prover: &Prover, name: &str, value: impl Into<Value>) -> String {
    let mut header = prover.header();
    header[name] = value.into();
    prover.sign(&header, &claims())
}

fn without(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    assert!(object.as_object_mut().unwrap().remove(name).is_some());
    object
}

/// The proof of RFC 9449 figure 2, whose thumbprint is in figure 9.
#[test]
fn the_proof_of_the_specification() {
    let proof = concat!(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUk",
        "RZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE",
        "QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc",
        "2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMU",
        "vwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
    );
    let presented = PresentedProof::from_bytes(proof.as_bytes()).unwrap();
    let request = ProvedRequest {
        method: "POST",
        url: "https://server.example.com/token",
        ath: None,
    };
    let checked = check_proof(&presented, &request, 1_562_262_616, ProofTime::Iat).unwrap();
    assert_eq!(checked.jkt(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(
        (checked.jti.as_str(), checked.made_at),
        ("-BwC3ESc6acc2lTc", 1_562_262_616)
    );
}

#[test]
fn every_algorithm_that_is_told() {
    for alg in PROOF_ALGORITHMS {
        let prover = Prover::with_algorithm(if alg == "Ed25519" { "EdDSA" } else { alg });
        assert!(check(&with_header(&prover, "alg", alg)).is_ok(), "{alg}");
        let mut jwk = prover.jwk();
        (jwk["alg"], jwk["use"], jwk["kid"]) = (alg.into(), "sig".into(), "k1".into());
        let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk });
        assert!(check(&prover.sign(&header, &claims())).is_ok(), "{alg}");
    }
}

#[test]
fn no_other_algorithm() {
    for alg in ["ES384", "RS256"] {
        let prover = Prover::with_algorithm(alg);
        let proof = prover.sign(&prover.header(), &claims());
        assert_eq!(check(&proof), Err(ProofError::WrongAlgorithm), "{alg}");
    }
    let prover = Prover::new();
    for alg in ["none", "None", "", "HS256", "HS512", "es256", "ES256K", "dir"] {
        assert_eq!(
            check(&with_header(&prover, "alg", alg)),
            Err(ProofError::WrongAlgorithm),
            "{alg}"
        );
        let mut header = prover.header();
        header["alg"] = alg.into();
        let unsigned = unsigned(&header.to_string(), &claims().to_string());
        assert_eq!(
            check(&format!("{unsigned}.")),
            Err(ProofError::WrongAlgorithm),
            "{alg}"
        );
    }
    for alg in ["PS256", "EdDSA", "Ed25519"] {
        assert_eq!(
            check(&with_header(&prover, "alg", alg)),
            Err(ProofError::WrongKey),
            "{alg}"
        );
    }
}

/// The public key is public, so it must never become the secret of an HMAC (RFC 8725 section 2.1).
#[test]
fn public_key_as_hmac_secret() {
    let prover = Prover::new();
    let mut header = prover.header();
    header["alg"] = "HS256".into();
    let jwk = prover.jwk();
    let mut point = vec![4];
    for part in ["x", "y"] {
        use base64ct::{Base64UrlUnpadded, Encoding};
        point.extend(Base64UrlUnpadded::decode_vec(jwk[part].as_str().unwrap()).unwrap());
    }
    for secret in [jwk.to_string().into_bytes(), point, Vec::new()] {
        let symmetric = json!({ "kty": "oct", "k": base64(&secret) });
        for key in [jwk.clone(), symmetric] {
            header["jwk"] = key;
            let unsigned = unsigned(&header.to_string(), &claims().to_string());
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), unsigned.as_bytes());
            let proof = format!("{unsigned}.{}", base64(tag.as_ref()));
            assert_eq!(check(&proof), Err(ProofError::WrongAlgorithm));
        }
    }
}

#[test]
fn another_token_as_proof() {
    let prover = Prover::new();
    for typ in [
        "JWT",
        "",
        "dpop",
        "dpop+jwt ",
        "at+jwt",
        "id+jwt",
        "application/jwt",
        "x/dpop+jwt",
    ] {
        assert_eq!(
            check(&with_header(&prover, "typ", typ)),
            Err(ProofError::WrongType),
            "{typ}"
        );
    }
    let header = without(&prover.header(), "typ");
    assert_eq!(
        check(&prover.sign(&header, &claims())),
        Err(ProofError::WrongType)
    );
    for typ in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt"] {
        assert!(check(&with_header(&prover, "typ", typ)).is_ok(), "{typ}");
    }
    // What the issuer signs has no key in it.
    let issuer = Signer::new("k1");
    assert!(check(&issuer.token(&token_claims())).is_err());
}

#[test]
fn a_key_that_is_not_a_public_one() {
    let prover = Prover::new();
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for value in [json!("AAAA"), json!(""), Value::Null, json!([])] {
            let mut jwk = prover.jwk();
            jwk[name] = value;
            assert_eq!(
                check(&with_header(&prover, "jwk", jwk)),
                Err(ProofError::PrivateKey),
                "{name}"
            );
        }
    }
    let header = without(&prover.header(), "jwk");
    assert_eq!(
        check(&prover.sign(&header, &claims())),
        Err(ProofError::Malformed)
    );
    for jwk in [Value::Null, json!("x"), json!([]), json!({}), json!({ "kty": 1 })] {
        assert_eq!(
            check(&with_header(&prover, "jwk", jwk.clone())),
            Err(ProofError::Malformed),
            "{jwk}"
        );
    }
    for (name, value) in [
        ("kty", "RSA"),
        ("crv", "P-384"),
        ("alg", "ES384"),
        ("use", "enc"),
        ("x", ""),
        ("x", "AAAA"),
        ("y", "not base64url"),
    ] {
        let mut jwk = prover.jwk();
        jwk[name] = value.into();
        assert_eq!(
            check(&with_header(&prover, "jwk", jwk)),
            Err(ProofError::WrongKey),
            "{name}"
        );
    }
    for name in ["crv", "x", "y"] {
        let jwk = without(&prover.jwk(), name);
        assert_eq!(
            check(&with_header(&prover, "jwk", jwk)),
            Err(ProofError::WrongKey),
            "{name}"
        );
    }
    // A point that is not on the curve.
    let mut jwk = prover.jwk();
    jwk["x"] = base64(&[1; 32]).into();
    assert_eq!(
        check(&with_header(&prover, "jwk", jwk)),
        Err(ProofError::BadSignature)
    );
    // One key, one thumbprint.
    let rsa = Prover::with_algorithm("PS256");
    let mut jwk = rsa.jwk();
    jwk["e"] = base64(&[0, 1, 0, 1]).into();
    assert_eq!(check(&with_header(&rsa, "jwk", jwk)), Err(ProofError::WrongKey));
}

/// A parser that takes the last and one that takes the first would disagree about whose proof it is.
#[test]
fn the_same_member_twice() {
    let (prover, other) = (Prover::new(), Prover::new());
    let (header, claims) = (prover.header().to_string(), claims().to_string());
    let doubled = |text: &str, member: &str| format!("{{{member},{}", &text[1..]);
    let jwk = format!(r#""jwk":{}"#, other.jwk());
    for member in [&*jwk, r#""alg":"ES256""#, r#""typ":"dpop+jwt""#] {
        let proof = prover.0.sign(&doubled(&header, member), &claims);
        assert_eq!(check(&proof), Err(ProofError::Malformed), "{member}");
    }
    for member in [
        r#""jti":"x""#,
        r#""htu":"https://a.example""#,
        r#""ath":"x""#,
        r#""i\u0061t":1"#,
    ] {
        let proof = prover.0.sign(&header, &doubled(&claims, member));
        assert_eq!(check(&proof), Err(ProofError::Malformed), "{member}");
    }
    let x = other.jwk()["x"].to_string();
    let proof = prover.0.sign(
        &header.replacen(r#""jwk":{"#, &format!(r#""jwk":{{"x":{x},"#), 1),
        &claims,
    );
    assert_eq!(check(&proof), Err(ProofError::Malformed));
}

#[test]
fn lists_in_the_place_of_objects() {
    let prover = Prover::new();
    let (header, claims) = (prover.header(), claims());
    let header_list = json!([header["alg"], header["typ"], header["jwk"]]);
    let claims_list = json!([
        claims["jti"],
        claims["htm"],
        claims["htu"],
        claims["iat"],
        claims["ath"]
    ]);
    for proof in [
        prover.sign(&header_list, &claims),
        prover.sign(&header, &claims_list),
    ] {
        assert_eq!(check(&proof), Err(ProofError::Malformed));
    }
}

#[test]
fn critical_extensions() {
    let prover = Prover::new();
    for crit in [json!(["exp"]), json!([]), Value::Null] {
        assert_eq!(
            check(&with_header(&prover, "crit", crit)),
            Err(ProofError::CriticalHeader)
        );
    }
}

#[test]
fn every_claim_is_demanded_and_has_its_type() {
    let prover = Prover::new();
    for name in ["jti", "htm", "htu", "iat"] {
        let proof = prover.sign(&prover.header(), &without(&claims(), name));
        assert_eq!(check(&proof), Err(ProofError::Malformed), "{name}");
        for value in [Value::Null, json!([]), json!({}), json!(-1), json!(true)] {
            assert_eq!(
                check(&with_claim(&prover, name, value)),
                Err(ProofError::Malformed),
                "{name}"
            );
        }
    }
    for jti in [String::new(), "x".repeat(257)] {
        assert_eq!(
            check(&with_claim(&prover, "jti", jti)),
            Err(ProofError::Malformed)
        );
    }
    assert!(check(&with_claim(&prover, "jti", "x".repeat(256))).is_ok());
    for (name, value) in [
        ("nbf", json!(NOW + 1000)),
        ("exp", json!(1)),
        ("x", json!({ "a": [] })),
    ] {
        assert!(check(&with_claim(&prover, name, value)).is_ok(), "{name}");
    }
}

#[test]
fn another_request() {
    let prover = Prover::new();
    for htm in ["POST", "get", "GET ", ""] {
        assert_eq!(
            check(&with_claim(&prover, "htm", htm)),
            Err(ProofError::WrongMethod),
            "{htm}"
        );
    }
    for htu in [
        "https://notes.example.com",
        "https://evil.example/notes",
        "http://notes.example.com/notes",
        "",
    ] {
        assert_eq!(
            check(&with_claim(&prover, "htu", htu)),
            Err(ProofError::WrongUrl),
            "{htu}"
        );
    }
    for htu in [
        "https://notes.example.com/notes?q=1#f",
        "HTTPS://Notes.Example.Com:443/notes",
    ] {
        assert!(check(&with_claim(&prover, "htu", htu)).is_ok(), "{htu}");
    }
    for ath in ["", "x", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo="] {
        assert_eq!(
            check(&with_claim(&prover, "ath", ath)),
            Err(ProofError::WrongToken),
            "{ath}"
        );
    }
    let proof = prover.sign(&prover.header(), &without(&claims(), "ath"));
    assert_eq!(check(&proof), Err(ProofError::WrongToken));
}

#[test]
fn ten_seconds_of_a_clock() {
    let prover = Prover::new();
    let proof = prover.sign(&prover.header(), &claims());
    for now in [NOW - 10, NOW, NOW + 10] {
        assert_eq!(
            check_at(now, &proof, ProofTime::Iat).map(|proof| proof.made_at),
            Ok(NOW)
        );
    }
    for now in [0, NOW - 3600, NOW - 11, NOW + 11, NOW + 3600, u64::MAX] {
        assert_eq!(check_at(now, &proof, ProofTime::Iat), Err(ProofError::WrongTime));
        let none = ProofTime::NonceOrIat(&|_| NonceTime::Unknown);
        assert_eq!(check_at(now, &proof, none), Err(ProofError::NonceNeeded));
    }
}

#[test]
fn a_nonce_says_when() {
    let prover = Prover::new();
    let known = |nonce: &str| match nonce {
        "good" => NonceTime::At(NOW - 100),
        "old" => NonceTime::Old,
        _ => NonceTime::Unknown,
    };
    let by = |nonce: &str, iat: u64| {
        let mut claims = claims();
        (claims["nonce"], claims["iat"]) = (nonce.into(), iat.into());
        let proof = prover.sign(&prover.header(), &claims);
        check_at(NOW, &proof, ProofTime::NonceOrIat(&known)).map(|proof| proof.made_at)
    };
    for iat in [0, NOW - 3600, NOW, u64::MAX] {
        assert_eq!(by("good", iat), Ok(NOW - 100));
    }
    assert_eq!(by("old", NOW), Ok(NOW));
    assert_eq!(by("old", NOW - 11), Err(ProofError::NonceNeeded));
    assert_eq!(by("bad", NOW), Err(ProofError::NonceNeeded));
    assert!(
        check(&with_claim(&prover, "nonce", "of somebody else")).is_ok(),
        "not looked at"
    );
    assert_eq!(
        check(&with_claim(&prover, "nonce", 1)),
        Err(ProofError::Malformed)
    );
}

#[test]
fn one_header_of_4_kib() {
    let read = |values: &[&[u8]]| {
        let values = values.iter().map(|value| {
            let value = HeaderValue::from_bytes(value).unwrap();
            ("dpop".parse().unwrap(), value)
        });
        let headers: HeaderMap = values.collect();
        PresentedProof::from_headers(&headers).map(|proof| proof.is_some())
    };
    assert_eq!(read(&[]), Ok(false));
    assert_eq!(read(&[b"a.b.c"]), Ok(true));
    assert_eq!(read(&[b"a.b.c", b"a.b.c"]), Err(ProofError::Several));
    assert_eq!(read(&[&b"a".repeat(4096)]), Ok(true));
    assert_eq!(read(&[&b"a".repeat(4097)]), Err(ProofError::TooLong));
    assert_eq!(read(&[b"a.\xff.c"]), Err(ProofError::Malformed));
    let prover = Prover::new();
    let proof = prover.sign(&prover.header(), &claims());
    assert!(check(&format!("{proof}, {proof}")).is_err());
}
