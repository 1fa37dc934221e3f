//! What a valid token says, and each claim that makes it invalid.

use std::time::Duration;

use postern_resource_server::{Actor, Expected, KeySet, Presented, Rejection, validate};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{
    AUDIENCE, ISSUER, NOW, Signer, claims, claims_with, claims_without, present, present_at,
};

#[test]
fn a_valid_token_is_read() {
    let signer = Signer::new("k1");
    let token = present(&signer, &signer.token(&claims())).unwrap();

    assert_eq!(token.iss, ISSUER);
    assert_eq!(token.sub, "user_1");
    assert_eq!(token.aud, [AUDIENCE]);
    assert_eq!(token.client_id, "notes-app");
    assert_eq!(
        token.scope.iter().collect::<Vec<_>>(),
        ["notes:read", "notes:write"]
    );
    assert_eq!(token.scope.to_string(), "notes:read notes:write");
    assert_eq!(token.sid.as_deref(), Some("ds_1"));
    assert_eq!(token.jti, "at_1");
    assert_eq!(
        (token.iat, token.exp, token.auth_time),
        (NOW - 10, NOW + 290, Some(NOW - 600))
    );
    assert_eq!(
        (token.acr.as_deref(), token.amr),
        (Some("1"), vec!["pwd".to_owned()])
    );
    assert_eq!(token.cnf, None);
}

#[test]
fn scopes_are_whole_words() {
    let signer = Signer::new("k1");
    let token = present(&signer, &signer.token(&claims())).unwrap();
    assert!(token.scope.has("notes:read") && token.require_scope("notes:write").is_ok());
    for absent in ["", " ", "notes", "notes:read notes:write", "NOTES:READ", "admin"] {
        let refused = Err(Rejection::InsufficientScope {
            required: absent.to_owned(),
        });
        assert_eq!(token.require_scope(absent), refused, "{absent:?}");
    }
    let none = present(&signer, &signer.token(&claims_without("scope"))).unwrap();
    assert!(!none.scope.has("notes:read") && !none.scope.has(""));
}

#[test]
fn every_algorithm_of_an_issuer() {
    for alg in ["ES256", "ES384", "EdDSA", "RS256", "PS256"] {
        let signer = Signer::with_algorithm("k1", alg);
        assert!(present(&signer, &signer.token(&claims())).is_ok(), "{alg}");
        let foreign = Signer::with_algorithm("k1", alg).token(&claims());
        assert_eq!(present(&signer, &foreign), Err(Rejection::BadSignature), "{alg}");
    }
}

#[test]
fn the_types_name_in_all_its_spellings() {
    let signer = Signer::new("k1");
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(
            present(&signer, &signer.token_with_header("typ", typ, &claims())).is_ok(),
            "{typ}"
        );
    }
}

#[test]
fn issuer_byte_by_byte() {
    let signer = Signer::new("k1");
    for iss in [
        "https://id.example.com/",
        "https://ID.example.com",
        "https://id.example.com:443",
        "",
        "x",
    ] {
        let token = signer.token(&claims_with("iss", iss));
        assert_eq!(present(&signer, &token), Err(Rejection::WrongIssuer), "{iss}");
    }
}

#[test]
fn audience_is_this_api() {
    let signer = Signer::new("k1");
    let with = |aud: Value| present(&signer, &signer.token(&claims_with("aud", aud)));
    let both = with(json!([ISSUER, AUDIENCE])).unwrap();
    assert_eq!(both.aud, [ISSUER, AUDIENCE]);
    for aud in [
        json!(ISSUER),
        json!([]),
        json!([ISSUER]),
        json!(""),
        json!(format!("{AUDIENCE}/")),
    ] {
        assert_eq!(with(aud.clone()), Err(Rejection::WrongAudience), "{aud}");
    }
    for aud in [
        json!(null),
        json!(1),
        json!([AUDIENCE, 1]),
        json!([[AUDIENCE]]),
        json!({ AUDIENCE: 1 }),
    ] {
        assert_eq!(with(aud.clone()), Err(Rejection::Malformed), "{aud}");
    }
}

#[test]
fn it_begins_and_ends() {
    let signer = Signer::new("k1");
    let token = signer.token(&claims());
    let (iat, exp) = (NOW - 10, NOW + 290);
    assert!(present_at(exp + 4, &signer, &token).is_ok());
    assert_eq!(present_at(exp + 5, &signer, &token), Err(Rejection::Expired));
    assert_eq!(present_at(u64::MAX, &signer, &token), Err(Rejection::Expired));
    assert!(present_at(iat - 60, &signer, &token).is_ok());
    assert_eq!(present_at(iat - 61, &signer, &token), Err(Rejection::NotYetValid));
    assert_eq!(present_at(0, &signer, &token), Err(Rejection::NotYetValid));

    let later = signer.token(&claims_with("nbf", NOW + 6));
    assert_eq!(present(&signer, &later), Err(Rejection::NotYetValid));
    assert!(present_at(NOW + 1, &signer, &later).is_ok());
}

#[test]
fn the_leeway_can_be_set() {
    let signer = Signer::new("k1");
    let token = signer.token(&claims());
    let keys = KeySet::from_jwks(json!({ "keys": [signer.jwk()] }).to_string()).unwrap();
    let mut expected = Expected::new(ISSUER, AUDIENCE);
    for (leeway, now, verdict) in [(0, 289, true), (0, 290, false), (30, 319, true), (30, 320, false)] {
        expected.leeway = Duration::from_secs(leeway);
        let answer = validate(&Presented::bearer(&token), &keys, &expected, NOW + now);
        assert_eq!(answer.is_ok(), verdict, "leeway {leeway}, {now}");
    }
    expected.leeway = Duration::MAX;
    assert!(validate(&Presented::bearer(&token), &keys, &expected, u64::MAX - 1).is_ok());
}

#[test]
fn required_claims() {
    let signer = Signer::new("k1");
    for name in ["iss", "sub", "aud", "client_id", "jti", "iat", "exp"] {
        let token = signer.token(&claims_without(name));
        assert_eq!(present(&signer, &token), Err(Rejection::Malformed), "{name}");
    }
    for name in ["sub", "client_id", "jti"] {
        for value in [json!(""), json!(null), json!(7), json!(["a"]), json!({})] {
            let token = signer.token(&claims_with(name, value.clone()));
            assert_eq!(
                present(&signer, &token),
                Err(Rejection::Malformed),
                "{name}: {value}"
            );
        }
    }
}

#[test]
fn optional_claims() {
    let signer = Signer::new("k1");
    for name in ["scope", "sid", "auth_time", "acr", "amr"] {
        assert!(
            present(&signer, &signer.token(&claims_without(name))).is_ok(),
            "{name}"
        );
        for value in [
            json!(null),
            json!({}),
            json!(true),
            json!(-1),
            json!(1.5),
            json!([1]),
        ] {
            let token = signer.token(&claims_with(name, value.clone()));
            assert_eq!(
                present(&signer, &token),
                Err(Rejection::Malformed),
                "{name}: {value}"
            );
        }
    }
}

#[test]
fn times_are_times() {
    let signer = Signer::new("k1");
    let header = signer.header().to_string();
    for name in ["iat", "exp", "nbf", "auth_time"] {
        for value in [
            "-1",
            "\"1\"",
            "1.5",
            "1e400",
            "18446744073709551615",
            "18446744073709551616",
            "253402300800",
        ] {
            let text = json!({ name: "here" }).to_string().replace("\"here\"", value);
            let claims = claims_without(name).to_string();
            let token = signer.sign(&header, &format!("{},{}", &text[..text.len() - 1], &claims[1..]));
            assert_eq!(
                present(&signer, &token),
                Err(Rejection::Malformed),
                "{name}: {value}"
            );
        }
    }
    let backwards = signer.token(&claims_with("exp", NOW - 11));
    assert_eq!(present(&signer, &backwards), Err(Rejection::Malformed));
}

#[test]
fn who_acts_and_in_whose_place() {
    let signer = Signer::new("k1");
    let read = |act: Value| present(&signer, &signer.token(&claims_with("act", act)));
    let nested = json!({ "sub": "stock", "client_id": "stock", "act": { "sub": "orders" } });
    let actor = read(nested).unwrap().act.unwrap();
    let chain: Vec<&str> = actor.chain().map(|actor| actor.sub.as_str()).collect();
    assert_eq!(chain, ["stock", "orders"]);
    assert_eq!(
        serde_json::to_value(&actor).unwrap(),
        json!({ "sub": "stock", "act": { "sub": "orders" } })
    );
    assert_eq!(present(&signer, &signer.token(&claims())).unwrap().act, None);
    for wrong in [
        json!(null),
        json!("orders"),
        json!([{ "sub": "orders" }]),
        json!({}),
        json!({ "sub": "" }),
        json!({ "sub": 7 }),
        json!({ "sub": "orders", "act": null }),
        json!({ "sub": "orders", "act": {} }),
        json!({ "sub": "orders", "act": { "sub": "" } }),
    ] {
        assert_eq!(read(wrong.clone()), Err(Rejection::Malformed), "{wrong}");
    }
}

#[test]
fn actors_inside_actors_end_somewhere() {
    let signer = Signer::new("k1");
    let deep = (0..400).fold("{\"sub\":\"a\"}".to_owned(), |act, _| {
        format!("{{\"sub\":\"a\",\"act\":{act}}}")
    });
    let claims = claims_without("act").to_string();
    let text = format!("{},\"act\":{deep}}}", &claims[..claims.len() - 1]);
    let token = signer.sign(&signer.header().to_string(), &text);
    assert_eq!(present(&signer, &token), Err(Rejection::Malformed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn actors_read_in_their_order_or_not_at_all(subs in prop::collection::vec("[a-z ]{0,6}|\\PC{1,4}", 1..6)) {
        let signer = Signer::new("k1");
        let act = subs.iter().rev().fold(None, |before, sub| Some(Actor::new(sub.as_str(), before)));
        let token = signer.token(&claims_with("act", json!(act)));
        match present(&signer, &token) {
            Ok(token) => prop_assert_eq!(token.act, act),
            Err(rejection) => {
                prop_assert_eq!(rejection, Rejection::Malformed);
                prop_assert!(subs.iter().any(String::is_empty));
            }
        }
    }
}
