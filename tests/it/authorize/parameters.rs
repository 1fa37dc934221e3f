//! Every parameter missing, doubled, empty, oversized, in the wrong encoding: by GET and by POST alike.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{Request, header},
};
use url::Url;

use crate::harness::{ALICE, Answer, Phone, Postern, Tokens, borrowed, encode};

/// The answer's parameters, none of them twice.
fn told(location: &str) -> BTreeMap<String, String> {
    let url = Url::parse(location).expect("a URL");
    let mut told = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let before = told.insert(name.to_string(), value.to_string());
        assert_eq!(before, None, "{name} is there twice in {location}");
    }
    told
}

/// A request whose parameters are the usual ones with changes; `\0` in front of a value adds it to the usual one.
fn pairs(phone: &Phone<'_>, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs = phone.parameters();
    for (name, value) in changes {
        if let Some(second) = value.strip_prefix('\0') {
            pairs.push(((*name).to_owned(), second.to_owned()));
        } else {
            pairs.retain(|(known, _)| known != name);
            pairs.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    pairs
}

fn encoded(pairs: &[(String, String)]) -> String {
    encode(&borrowed(pairs))
}

fn form_post(body: String) -> Request<Body> {
    Request::post("/authorize")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .expect("a request")
}

/// The answer to a GET; the same parameters by POST lead to the same answer.
async fn both_ways(postern: &Postern, pairs: &[(String, String)]) -> Answer {
    let query = encoded(pairs);
    let got = postern.get(&format!("/authorize?{query}")).await;
    let posted = postern.send(form_post(query)).await;
    assert_eq!(posted.status, 303, "{}", posted.body);
    assert!(
        posted.header("set-cookie").is_empty(),
        "only the GET sets cookies"
    );
    let behind = postern.get(posted.location()).await;
    assert_eq!(behind.status, got.status);
    assert_eq!(behind.location(), got.location());
    got
}

/// The refusal of a request, as the app reads it.
async fn refused(postern: &Postern, phone: &Phone<'_>, changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let answer = both_ways(postern, &pairs(phone, changes)).await;
    assert_eq!(answer.status, 303, "{changes:?}: {}", answer.body);
    assert!(
        answer.location().starts_with(&phone.redirect_uri),
        "{}",
        answer.location()
    );
    let told = told(answer.location());
    assert_eq!(
        told["iss"],
        postern.issuer(),
        "RFC 9207, in errors too: {changes:?}"
    );
    let known = ["error", "error_description", "iss", "state"];
    assert!(told.keys().all(|name| known.contains(&name.as_str())), "{told:?}");
    let plain = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
    let description = &told["error_description"];
    assert!(
        !description.is_empty() && description.chars().all(plain),
        "{description}"
    );
    told
}

#[tokio::test]
async fn what_is_wrong_with_a_parameter_is_told_to_the_app() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let long = "x".repeat(1501);
    let nonce = "x".repeat(513);
    let hash = "A".repeat(43);
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let wide = format!(r#"{{"x":"{}"}}"#, "x".repeat(3100));
    let (short, padded) = ("A".repeat(42), format!("{hash}="));
    let cases: Vec<(&str, &str, &str)> = vec![
        ("response_type", "", "invalid_request"),
        ("response_type", "\0code", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "id_token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_type", "CODE", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("response_mode", "FORM_POST", "invalid_request"),
        ("response_mode", "fragment.jwt", "invalid_request"),
        ("scope", "openid admin", "invalid_scope"),
        ("scope", "openid \"quoted\"", "invalid_scope"),
        ("scope", "OPENID", "invalid_scope"),
        ("scope", &long, "invalid_scope"),
        ("scope", "\0openid", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", &short, "invalid_request"),
        ("code_challenge", &padded, "invalid_request"),
        ("code_challenge", &long, "invalid_request"),
        ("code_challenge", "\0x", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
        ("code_challenge_method", "\0S256", "invalid_request"),
        ("nonce", &nonce, "invalid_request"),
        ("nonce", "\0x", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "consent none", "invalid_request"),
        ("prompt", "create", "invalid_request"),
        ("prompt", "Login", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "1.5", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("max_age", "99999999999999999999", "invalid_request"),
        ("resource", "https://api.example", "invalid_target"),
        ("claims", "name", "invalid_request"),
        ("claims", "[]", "invalid_request"),
        ("claims", r#"{"userinfo":[]}"#, "invalid_request"),
        ("claims", r#"{"id_token":"acr"}"#, "invalid_request"),
        (
            "claims",
            r#"{"id_token":{"acr":{"values":"aal1"}}}"#,
            "invalid_request",
        ),
        (
            "claims",
            r#"{"id_token":{"acr":{"value":"aal1","values":["aal1"]}}}"#,
            "invalid_request",
        ),
        ("claims", &deep, "invalid_request"),
        ("claims", &wide, "invalid_request"),
        ("id_token_hint", "eyJhbGciOiJub25lIn0.e30.", "invalid_request"),
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "urn:example:1", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ];
    for (name, value, error) in cases {
        let told = refused(&postern, &phone, &[(name, value)]).await;
        assert_eq!(told["error"], error, "{name}={value:?}");
        assert_eq!(told["state"], phone.state, "{name}={value:?}");
        let named = told["error_description"].contains(name.trim_end_matches("_uri"))
            || ["response_type", "scope"].contains(&name);
        assert!(named, "the app's developer reads which parameter it is: {told:?}");
    }
    for name in [
        "prompt",
        "max_age",
        "login_hint",
        "response_mode",
        "claims",
        "id_token_hint",
    ] {
        let told = refused(&postern, &phone, &[(name, "query"), (name, "\0query")]).await;
        assert_eq!(told["error"], "invalid_request", "doubled {name}");
    }
}

#[tokio::test]
async fn a_nonce_comes_back_whole_in_the_id_token_and_none_is_made_up() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let (short, long, longest) = ("n".repeat(43), "n".repeat(64), "n".repeat(384));
    for nonce in [short.as_str(), &long, &longest, "a \"ü💡\" +&=", ""] {
        let page = browser
            .open(&phone.authorize_url(&[("nonce", nonce)]))
            .await
            .page();
        let back = browser.press(&page, "allow").await.app();
        let claims = Tokens::of(&phone.redeem(&phone.code(&back)).await).id_claims();
        let expected = (!nonce.is_empty()).then(|| serde_json::Value::from(nonce));
        assert_eq!(claims.get("nonce"), expected.as_ref());
    }
}

#[tokio::test]
async fn a_request_object_does_not_vouch_for_a_redirect_uri() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    for (name, value) in [
        (
            "request",
            "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwOi8vMTI3LjAuMC4xL2NhbGxiYWNrIn0.",
        ),
        ("request_uri", "https://app.example/request.jwt"),
    ] {
        let changes = [(name, value), ("redirect_uri", "https://evil.example/cb")];
        let answer = both_ways(&postern, &pairs(&phone, &changes)).await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(answer.location().is_empty());
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_echoed_is_left_out_of_the_refusal() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    for state in ["\0other", &"x".repeat(1501)] {
        let told = refused(&postern, &phone, &[("state", state)]).await;
        assert_eq!(told["error"], "invalid_request");
        assert!(!told.contains_key("state"));
    }
}

#[tokio::test]
async fn state_goes_back_byte_for_byte_and_is_absent_when_it_was_not_sent() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    for state in [
        "a b+c&d=e#f%g",
        "\"<>'`\\^{}|~",
        "ü💡\u{202e}",
        "%00%0d%0a",
        &"s".repeat(1500),
    ] {
        let told_in_error = refused(&postern, &phone, &[("state", state), ("prompt", "none")]).await;
        assert_eq!(told_in_error["state"], state);

        let page = browser
            .open(&phone.authorize_url(&[("state", state)]))
            .await
            .page();
        let back = browser.press(&page, "allow").await.app();
        assert_eq!(told(back.as_str())["state"], state);
    }
    let told_without = refused(&postern, &phone, &[("state", ""), ("prompt", "none")]).await;
    assert!(!told_without.contains_key("state"));
    let page = browser.open(&phone.authorize_url(&[("state", "")])).await.page();
    let back = browser.press(&page, "allow").await.app();
    let keys: Vec<String> = told(back.as_str()).into_keys().collect();
    assert_eq!(keys, ["code", "iss"]);
}

#[tokio::test]
async fn without_a_client_or_a_redirect_uri_a_page_says_so_and_nothing_is_redirected() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let long = format!("http://127.0.0.1/{}", "x".repeat(1000));
    for (changes, code) in [
        (vec![("client_id", "")], "invalid_request"),
        (vec![("client_id", "\0notes")], "invalid_request"),
        (vec![("client_id", "nobody")], "invalid_client"),
        (vec![("client_id", "NOTES")], "invalid_client"),
        (vec![("client_id", long.as_str())], "invalid_client"),
        (vec![("redirect_uri", "")], "invalid_request"),
        (
            vec![("redirect_uri", "\0http://127.0.0.1/callback")],
            "invalid_request",
        ),
        (vec![("redirect_uri", long.as_str())], "invalid_request"),
    ] {
        let answer = both_ways(&postern, &pairs(&phone, &changes)).await;
        assert_eq!(answer.status, 400, "{changes:?}");
        assert!(answer.location().is_empty());
        let shown = format!("<code id=\"error-code\">{code}</code>");
        assert!(answer.body.contains(&shown), "{changes:?}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_query_in_the_wrong_encoding_is_refused_and_not_repaired() {
    let postern = Postern::start().await;
    let usual = encoded(&postern.phone().parameters());
    for broken in [
        "x=%",
        "x=%2",
        "x=%zz",
        "x=%ff",
        "x=%00",
        "x=%0d%0aSet-Cookie:a=b",
        "%ff=1",
        "state=%C3%28",
    ] {
        let answer = postern.get(&format!("/authorize?{usual}&{broken}")).await;
        assert_eq!(answer.status, 400, "{broken}");
        assert!(answer.location().is_empty());
        let posted = postern.send(form_post(format!("{usual}&{broken}"))).await;
        assert_eq!(posted.status, 400, "{broken}");
        assert!(posted.location().is_empty());
    }
    let many = format!("/authorize?{usual}{}", "&x=1".repeat(64));
    assert_eq!(postern.get(&many).await.status, 400);
    let long = format!("/authorize?{usual}&x={}", "x".repeat(9000));
    assert_eq!(postern.get(&long).await.status, 414);
}

#[tokio::test]
async fn a_post_that_is_no_form_or_too_large_gets_a_page() {
    let postern = Postern::start().await;
    let usual = encoded(&postern.phone().parameters());
    for kind in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let request = Request::post("/authorize")
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(usual.clone()))
            .expect("a request");
        let answer = postern.send(request).await;
        assert_eq!(answer.status, 415, "{kind}");
        assert!(answer.body.contains("<h1>"), "{}", answer.body);
    }
    let charset = Request::post("/authorize")
        .header(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=UTF-8",
        )
        .body(Body::from(usual.clone()))
        .expect("a request");
    assert_eq!(postern.send(charset).await.status, 303);

    // Over what a sealed request may be, and over what is read at all.
    let answer = postern
        .send(form_post(format!("{usual}&x={}", "x".repeat(9000))))
        .await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    for length in ["40000", ""] {
        let mut request = form_post(format!("{usual}&x={}", "x".repeat(40_000)));
        if !length.is_empty() {
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length.parse().expect("a header"));
        }
        let answer = postern.send(request).await;
        assert_eq!(answer.status, 413);
        assert!(answer.body.contains("<h1>"), "a page: {}", answer.body);
    }
    let not_utf8 = form_post(String::new()).map(|_| Body::from(vec![b'x', b'=', 0xff]));
    assert_eq!(postern.send(not_utf8).await.status, 400);
}

#[tokio::test]
async fn a_posted_request_travels_sealed_and_only_for_a_minute() {
    let postern = Postern::start().await;
    let usual = encoded(&postern.phone().parameters());
    let posted = postern.send(form_post(usual)).await;
    let location = posted.location().to_owned();
    assert!(
        !location.contains("notes"),
        "the parameters are sealed: {location}"
    );
    postern.advance("59s");
    assert_eq!(postern.get(&location).await.status, 200);
    let mut damaged = location.clone();
    let last = damaged.pop().expect("a character");
    damaged.push(if last == 'A' { 'Q' } else { 'A' });
    assert_eq!(postern.get(&damaged).await.status, 400);
    postern.advance("1s");
    assert_eq!(postern.get(&location).await.status, 400);
}

#[tokio::test]
async fn what_is_unknown_is_ignored_and_defaults_may_be_written() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let fine = [
        vec![
            ("ui_locales", "de en"),
            ("display", "touch"),
            ("utm_source", "x"),
            ("utm_source", "\0y"),
        ],
        vec![("response_mode", "query")],
        vec![("response_mode", "form_post")],
        vec![("claims_locales", "se"), ("ui_locales", "se")],
        vec![("display", "page")],
        vec![("display", "popup"), ("login_hint", "\"'<>")],
        vec![("acr_values", "urn:nobody:has:this aal9")],
        vec![("claims", "{}")],
        vec![(
            "claims",
            r#"{"verified_claims":[[[[]]]],"userinfo":{"nickname#de":{"essential":true}}}"#,
        )],
        vec![("nonce", ""), ("state", "")],
        vec![("scope", "openid")],
        vec![("scope", "")],
        vec![("prompt", "login consent")],
        vec![("max_age", "0")],
        vec![("login_hint", "not an address")],
    ];
    for changes in fine {
        let answer = both_ways(&postern, &pairs(&phone, &changes)).await;
        assert_eq!(answer.status, 200, "{changes:?}: {}", answer.location());
    }
}

#[tokio::test]
async fn the_query_of_a_registered_redirect_uri_is_kept() {
    let postern = Postern::start().await;
    let uri = "https://app.example/cb?tenant=1&x=%20y";
    postern
        .add_client("site", |settings| {
            settings.redirect_uris = vec![uri.parse().expect("valid")];
        })
        .await;
    let mut phone = postern.phone_of("site");
    uri.clone_into(&mut phone.redirect_uri);
    let told_url = postern
        .get(&phone.authorize_url(&[("prompt", "none")]))
        .await
        .location()
        .to_owned();
    assert!(
        told_url.starts_with(&format!("{uri}&error=login_required&")),
        "{told_url}"
    );
    let mut browser = postern.browser();
    let code = phone.allowed_code(&mut browser, ALICE).await;
    assert_eq!(phone.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn a_resource_is_the_one_that_the_app_is_registered_for() {
    let postern = Postern::start().await;
    let api = "https://api.example/v1";
    postern
        .add_client("shop", |settings| {
            settings.resource = Some(api.parse().expect("valid"));
        })
        .await;
    let phone = postern.phone_of("shop");
    let fine = both_ways(&postern, &pairs(&phone, &[("resource", api)])).await;
    assert_eq!(fine.status, 200);
    for other in [
        "https://api.example/v1/",
        "https://api.example",
        "https://API.example/v1",
        "\0https://other.example",
    ] {
        let told = refused(&postern, &phone, &[("resource", api), ("resource", other)]).await;
        assert_eq!(told["error"], "invalid_target", "{other}");
    }
}
