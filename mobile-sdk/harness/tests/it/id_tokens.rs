//! ID tokens that are not for this app, this person or this sign-in (OpenID Connect Core section 3.1.3.7).

use std::sync::{Arc, atomic::Ordering};

use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{AuthorizeParams, ErrorCode, Event, Header, Input, Outcome, SdkError, Secret};
use postern_mobile_harness::{
    device::{App, Device},
    fake::{Fake, ISSUER},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The server's time, here and in its header `Date`.
const NOW: i64 = 784_111_777;
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const HALF_AN_HOUR_LATER: &str = "Sun, 06 Nov 1994 09:19:37 GMT";

/// An answer of the token endpoint, in its parts.
struct Told {
    head: Value,
    claims: Value,
    access_token: String,
}

type Change = Arc<dyn Fn(&mut Told) + Send + Sync>;

/// What is wrong with a token, and the error that says so; with `None` it is right.
type Case = (&'static str, Option<ErrorCode>, Change);

fn with(change: impl Fn(&mut Told) + Send + Sync + 'static) -> Change {
    Arc::new(change)
}

fn claims(claims: Value) -> Change {
    with(move |told| {
        for (name, value) in claims.as_object().expect("claims") {
            told.claims[name] = value.clone();
        }
    })
}

fn head(head: Value) -> Change {
    with(move |told| told.head.clone_from(&head))
}

/// From now on the device hears tokens that are changed like this, and what time it is at the server.
fn hears(server: &Fake, device: &Device, date: &'static str, change: Change) {
    hears_body(server, device, date, move |body| {
        let id_token = body["id_token"].as_str().expect("text").to_owned();
        let parts: Vec<&str> = id_token.split('.').collect();
        let read = |part: &str| -> Value {
            let text = Base64UrlUnpadded::decode_vec(part).expect("base64");
            serde_json::from_slice(&text).expect("JSON")
        };
        let mut told = Told {
            head: read(parts[0]),
            claims: read(parts[1]),
            access_token: body["access_token"].as_str().expect("text").to_owned(),
        };
        change(&mut told);
        let write = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        body["id_token"] = format!("{}.{}.{}", write(&told.head), write(&told.claims), parts[2]).into();
    });
}

fn hears_body(
    server: &Fake,
    device: &Device,
    date: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) {
    let server = server.clone();
    device.wire(move |request| {
        let mut input = server.send(request);
        if let Input::Http { response } = &mut input {
            response.headers.push(Header {
                name: "Date".to_owned(),
                value: date.into(),
            });
            if request.url.ends_with("/token") && response.status == 200 {
                let mut body = serde_json::from_str(response.body.text()).expect("JSON");
                change(&mut body);
                response.body = Secret::from(body.to_string().as_str());
            }
        }
        input
    });
}

fn hash(token: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(token)[..16])
}

/// At a sign-in and at a refresh.
fn always() -> Vec<Case> {
    let issuer = Some(ErrorCode::IdTokenIssuer);
    let audience = Some(ErrorCode::IdTokenAudience);
    let time = Some(ErrorCode::IdTokenTime);
    let hashed = Some(ErrorCode::IdTokenAccessTokenHash);
    let malformed = Some(ErrorCode::IdTokenMalformed);
    let at_hash = |told: &mut Told| told.claims["at_hash"] = hash(&told.access_token).into();
    let half = |told: &mut Told| told.claims["at_hash"] = hash(&told.access_token)[..11].into();
    let by_rsa = |told: &mut Told| {
        told.head["alg"] = "RS256".into();
        told.claims["at_hash"] = hash("another").into();
    };
    vec![
        ("as it is", None, claims(json!({}))),
        ("no iss", issuer, claims(json!({ "iss": null }))),
        (
            "another's",
            issuer,
            claims(json!({ "iss": "http://localhost:2" })),
        ),
        (
            "with a slash",
            issuer,
            claims(json!({ "iss": format!("{ISSUER}/") })),
        ),
        ("no aud", audience, claims(json!({ "aud": null }))),
        ("for another", audience, claims(json!({ "aud": "other" }))),
        ("for nobody", audience, claims(json!({ "aud": [] }))),
        ("for two others", audience, claims(json!({ "aud": ["x", "y"] }))),
        (
            "for two others, given to us",
            audience,
            claims(json!({ "aud": ["x", "y"], "azp": "app" })),
        ),
        ("for us, in a list", None, claims(json!({ "aud": ["app"] }))),
        ("for us, given to us", None, claims(json!({ "azp": "app" }))),
        (
            "for us, given to another",
            audience,
            claims(json!({ "azp": "other" })),
        ),
        ("for us, given to a number", audience, claims(json!({ "azp": 5 }))),
        (
            "for two, given to us",
            None,
            claims(json!({ "aud": ["app", "x"], "azp": "app" })),
        ),
        (
            "for two, given to the other",
            audience,
            claims(json!({ "aud": ["app", "x"], "azp": "x" })),
        ),
        (
            "for two, given to nobody",
            audience,
            claims(json!({ "aud": ["app", "x"] })),
        ),
        ("over", time, claims(json!({ "exp": NOW - 301 }))),
        ("just over", None, claims(json!({ "exp": NOW - 290 }))),
        ("of the future", time, claims(json!({ "iat": NOW + 310 }))),
        ("a little early", None, claims(json!({ "iat": NOW + 300 }))),
        ("no exp", malformed, claims(json!({ "exp": null }))),
        ("no iat", malformed, claims(json!({ "iat": null }))),
        ("exp in words", malformed, claims(json!({ "exp": "soon" }))),
        ("at_hash", None, with(at_hash)),
        ("half an at_hash", hashed, with(half)),
        (
            "at_hash of another",
            hashed,
            claims(json!({ "at_hash": hash("another") })),
        ),
        ("at_hash, a number", hashed, claims(json!({ "at_hash": 5 }))),
        ("at_hash by RS256", hashed, with(by_rsa)),
        ("no sub", malformed, claims(json!({ "sub": null }))),
        ("an empty sub", malformed, claims(json!({ "sub": "" }))),
        ("a long sub", malformed, claims(json!({ "sub": "x".repeat(256) }))),
        ("alg none", malformed, head(json!({ "alg": "none" }))),
        ("alg None", malformed, head(json!({ "alg": "None" }))),
        ("no alg", malformed, head(json!({}))),
        ("a head that is none", malformed, head(json!([]))),
        (
            "claims that are none",
            malformed,
            with(|told| told.claims = json!(["sub"])),
        ),
    ]
}

fn signing_in() -> Vec<Case> {
    let nonce = Some(ErrorCode::IdTokenNonce);
    vec![
        ("no nonce", nonce, claims(json!({ "nonce": null }))),
        ("an empty nonce", nonce, claims(json!({ "nonce": "" }))),
        ("another's nonce", nonce, claims(json!({ "nonce": "other" }))),
    ]
}

/// Section 12.2.
fn refreshing() -> Vec<Case> {
    let subject = Some(ErrorCode::IdTokenSubject);
    vec![
        ("of another", subject, claims(json!({ "sub": "mallory" }))),
        ("no nonce", None, claims(json!({ "nonce": null }))),
    ]
}

/// What is no ID token at all.
fn no_tokens() -> Vec<Value> {
    let head = Base64UrlUnpadded::encode_string(br#"{"alg":"ES256"}"#);
    let claims = json!({ "iss": ISSUER, "aud": "app", "sub": "alice", "iat": NOW, "exp": NOW + 60 });
    let claims = Base64UrlUnpadded::encode_string(claims.to_string().as_bytes());
    [
        "x".to_owned(),
        "..".to_owned(),
        format!("{head}.{claims}"),
        format!("{head}.{claims}."),
        format!(".{claims}.signature"),
        format!("{head}..signature"),
        format!("{head}.{claims}.signature.more"),
        format!("{head}.{claims}=.signature"),
        format!("{head}.e30.signature").replace("e30", "!!!"),
        format!("{head}.W10.signature"),
    ]
    .map(Value::from)
    .to_vec()
}

fn finish(app: &App, back: &str) -> Result<Outcome, SdkError> {
    app.run(app.core.handle_redirect(back.into()))
}

/// Signs in and says what is not as it should be: the code, the refused session, what is left here.
fn at_a_sign_in(server: &Fake, device: &Arc<Device>, expected: Option<ErrorCode>) -> Option<String> {
    let app = device.app();
    let back = server.browse(&app.begin());
    let code = finish(&app, &back).err().map(|error| error.code);
    let added = app.heard(|event| matches!(event, Event::AccountAdded { .. }));
    let found = (
        code,
        server.ended(),
        device.store.names("").len(),
        device.keys.count(),
        added,
    );
    let right = match expected {
        None => (None, 0, 2, 1, true),
        refused => (refused, 1, 0, 0, false),
    };
    (found != right).then(|| format!("{found:?} instead of {right:?}"))
}

#[test]
fn an_id_token_that_is_not_for_this_sign_in_is_refused_and_the_session_given_back() {
    let mut wrong = Vec::new();
    for (name, expected, change) in always().into_iter().chain(signing_in()) {
        let server = Fake::default();
        let device = server.device();
        hears(&server, &device, DATE, change);
        let found = at_a_sign_in(&server, &device, expected);
        wrong.extend(found.map(|found| format!("{name}: {found}")));
    }
    for none in no_tokens().into_iter().chain([Value::Null, 5.into(), "".into()]) {
        let server = Fake::default();
        let device = server.device();
        let body = none.clone();
        hears_body(&server, &device, DATE, move |told| {
            told["id_token"] = body.clone();
        });
        let found = at_a_sign_in(&server, &device, Some(ErrorCode::IdTokenMalformed));
        wrong.extend(found.map(|found| format!("{none}: {found}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The refresh token that came with it is not kept, and the one before is still good: the predecessor rule.
#[test]
fn an_id_token_of_a_refresh_that_is_not_of_this_session_changes_nothing() {
    let mut wrong = Vec::new();
    let mut refresh = |name: &str, expected: Option<ErrorCode>, hear: &dyn Fn(&Fake, &Device)| {
        let server = Fake::default();
        let device = server.signed_in();
        let before = device.store.records().clone();
        hear(&server, &device);
        let app = device.app();
        let code = app.refresh().err().map(|error| error.code);
        let kept = *device.store.records() == before;
        hears(&server, &device, DATE, with(|_| {}));
        let found = (
            code,
            kept,
            app.refresh().is_ok(),
            server.ended(),
            device.keys.count(),
        );
        let right = (expected, expected.is_some(), true, 0, 1);
        if found != right {
            wrong.push(format!("{name}: {found:?} instead of {right:?}"));
        }
    };
    for (name, expected, change) in always().into_iter().chain(refreshing()) {
        refresh(name, expected, &|server, device| {
            hears(server, device, DATE, change.clone());
        });
    }
    for none in no_tokens() {
        refresh(
            &none.to_string(),
            Some(ErrorCode::IdTokenMalformed),
            &|server, device| {
                let body = none.clone();
                hears_body(server, device, DATE, move |told| told["id_token"] = body.clone());
            },
        );
    }
    // Without one it says nothing.
    refresh("none", None, &|server, device| {
        hears_body(server, device, DATE, |told| told["id_token"] = Value::Null);
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `acr` may be another: `acr_values` are a wish (section 3.1.2.1), and whether it will do is for the API to say.
#[test]
fn who_was_asked_to_sign_in_anew_has_done_so() {
    let cases: [(Value, &'static str, Option<ErrorCode>); 7] = [
        ((NOW - 5).into(), DATE, None),
        ((NOW - 600 - 300).into(), DATE, None),
        ((NOW - 600 - 310).into(), DATE, Some(ErrorCode::IdTokenTime)),
        (i64::MIN.into(), DATE, Some(ErrorCode::IdTokenTime)),
        (Value::Null, DATE, Some(ErrorCode::IdTokenMalformed)),
        ("lately".into(), DATE, Some(ErrorCode::IdTokenMalformed)),
        // They took their time to come back to the app, not to sign in.
        ((NOW - 600 - 290).into(), HALF_AN_HOUR_LATER, None),
    ];
    for (auth_time, date, expected) in cases {
        let server = Fake::default();
        let device = server.device();
        let change = claims(json!({ "auth_time": auth_time, "acr": "0" }));
        hears(&server, &device, DATE, change.clone());
        let params = AuthorizeParams {
            max_age: Some(600),
            acr_values: Some("phr".to_owned()),
            ..AuthorizeParams::default()
        };
        let app = device.app();
        let Ok(Outcome::AuthorizationReady { ready }) = app.run(app.core.begin(params)) else {
            panic!("not ready")
        };
        let back = server.browse(&ready.url);
        if date != DATE {
            device.passed.fetch_add(1_800_000, Ordering::Relaxed);
            hears(&server, &device, date, change);
        }
        // In another process: it is a part of what is stored.
        let code = finish(&device.app(), &back).err().map(|error| error.code);
        assert_eq!(code, expected, "{auth_time} at {date}");
        assert_eq!(server.ended(), usize::from(expected.is_some()), "{auth_time}");
        assert_eq!(
            device.keys.count(),
            usize::from(expected.is_none()),
            "{auth_time}"
        );
    }
}
