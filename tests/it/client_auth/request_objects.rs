//! Signed request objects (RFC 9101): pushed, and in the browser.

use aws_lc_rs::hmac;
use postern::{
    base::jws::JwsAlgorithm,
    domain::client::{AuthMethod, ClientKind, ClientSettings},
};
use serde_json::{Value, json};

use super::{Key, Proof, Site, b64, basic, post, publish, refused};
use crate::harness::{ALICE, Answer, Phone, Place, Postern, ProofKey, Tokens, borrowed, encode};

async fn signing(postern: &Postern) -> Site<'_> {
    Site::with_key(postern, "signs", ClientKind::Web, Key::es256("k"), |_| {}).await
}

/// What a well-made request object says: the phone's request.
fn claims(site: &Site<'_>, phone: &Phone<'_>, changes: &Value) -> Value {
    let now = site.postern.clock.now().seconds();
    let mut claims = json!({ "iss": site.id, "aud": site.postern.issuer(), "nbf": now, "exp": now + 300 });
    for (name, value) in phone.parameters() {
        claims[name] = json!(value);
    }
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

fn header(site: &Site<'_>) -> Value {
    let mut header = site.key().header();
    header["typ"] = "oauth-authz-req+jwt".into();
    header
}

fn object(site: &Site<'_>, phone: &Phone<'_>, changes: &Value) -> String {
    site.key().sign(&header(site), &claims(site, phone, changes))
}

async fn push(site: &Site<'_>, object: &str) -> Answer {
    site.post("/par", &[("request", object)]).await
}

fn pushed(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["request_uri"].as_str().expect("text").to_owned()
}

fn url(client: &str, more: &[(&str, &str)]) -> String {
    format!(
        "/authorize?{}",
        encode(&[&[("client_id", client)], more].concat())
    )
}

#[tokio::test]
async fn a_signed_request_signs_in_pushed_and_in_the_browser() {
    for postern in Postern::on_each().await {
        let site = signing(&postern).await;
        let phone = site.phone();
        let mut browser = postern.browser();
        let before = postern.rows().await;
        let object = object(&site, &phone, &json!({}));
        let request_uri = pushed(&push(&site, &object).await);
        // The assertion was used, and nothing of the request is kept.
        assert_eq!(postern.number("SELECT COUNT(*) FROM used_assertions").await, 1);
        assert_ne!(postern.rows().await, before);
        let back = browser
            .allow(&url("signs", &[("request_uri", &request_uri)]), ALICE)
            .await;
        Tokens::of(&site.redeem(&phone, &phone.code(&back)).await);

        let back = browser.allow(&url("signs", &[("request", &object)]), ALICE).await;
        Tokens::of(&site.redeem(&phone, &phone.code(&back)).await);
    }
}

/// In the browser too, where nobody has authenticated: the keys are fetched for the signature.
#[tokio::test]
async fn its_keys_are_fetched_from_where_its_client_publishes_them() {
    let place = Place::start().await;
    let postern = place.trusted_by_a_server().await;
    let keys = place.url("/jwks.json");
    let mut site = Site::with_keys_at(&postern, "signs", ClientKind::Web, &keys, Key::es256("one")).await;
    let phone = site.phone();
    let mut browser = postern.browser();
    let signed = |site: &Site<'_>| url("signs", &[("request", &object(site, &phone, &json!({})))]);

    place.says("503 Service Unavailable", "", "");
    let page = browser.open(&signed(&site)).await.page();
    assert_eq!(page.answer.status, 400);
    assert!(page.text().contains("could not be fetched"), "{}", page.text());
    postern.advance("10s");
    publish(&place, &[site.key()]);
    let back = browser.allow(&signed(&site), ALICE).await;
    assert_eq!(place.requests(), 2);
    // The same keys authenticate it.
    Tokens::of(&site.redeem(&phone, &phone.code(&back)).await);
    assert_eq!(place.requests(), 2, "kept");

    // A new key is found where the old one was, and the old one is forgotten.
    let old = std::mem::replace(&mut site.proof, Proof::Key(Key::es256("two")));
    publish(&place, &[site.key()]);
    postern.advance("10s");
    let request_uri = pushed(&push(&site, &object(&site, &phone, &json!({}))).await);
    let url = url("signs", &[("request_uri", &request_uri)]);
    let back = browser.allow(&url, ALICE).await;
    Tokens::of(&site.redeem(&phone, &phone.code(&back)).await);
    assert_eq!(place.requests(), 3);
    site.proof = old;
    let page = browser.open(&signed(&site)).await.page();
    assert!(page.text().contains("invalid_request_object"), "{}", page.text());
}

#[tokio::test]
async fn every_claim_is_checked() {
    let postern = Postern::start().await;
    let site = signing(&postern).await;
    postern.add_client("other", |_| {}).await;
    let phone = site.phone();
    let now = postern.clock.now().seconds();
    let issuer = postern.issuer();
    for good in [
        json!({}),
        json!({ "aud": [issuer] }),
        json!({ "aud": ["https://other.example", issuer] }),
        json!({ "nbf": now + 8 }),
        json!({ "nbf": now + 8, "iat": now + 8 }),
        json!({ "nbf": now - 3000, "exp": now + 600 }),
        json!({ "exp": now + 3600 }),
        json!({ "jti": "x", "iat": now, "something": { "else": [] } }),
        json!({ "nonce": null, "state": null }),
    ] {
        let answer = push(&site, &object(&site, &phone, &good)).await;
        assert_eq!(answer.status, 201, "{good}: {}", answer.body);
    }
    for bad in [
        json!({ "iss": null }),
        json!({ "iss": "other" }),
        json!({ "iss": issuer }),
        json!({ "client_id": null }),
        json!({ "client_id": "other" }),
        json!({ "client_id": "other", "iss": "other" }),
        json!({ "client_id": ["signs"] }),
        json!({ "sub": "signs" }),
        json!({ "aud": null }),
        json!({ "aud": [] }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{issuer}/") }),
        json!({ "aud": format!("{issuer}/par") }),
        json!({ "aud": { "0": issuer } }),
        json!({ "exp": null }),
        json!({ "exp": now - 300 }),
        json!({ "exp": now + 4200 }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": 1e300 }),
        json!({ "nbf": null }),
        json!({ "nbf": now + 61 }),
        json!({ "nbf": now - 4200 }),
        json!({ "nbf": now - 3601, "exp": now + 1 }),
        json!({ "nbf": now - 3000, "exp": now + 700 }),
        json!({ "nbf": "now" }),
        json!({ "iat": now + 61 }),
        json!({ "request": "x" }),
        json!({ "request_uri": "https://app.example/r" }),
        json!({ "scope": ["openid"] }),
        json!({ "resource": [1] }),
    ] {
        let answer = push(&site, &object(&site, &phone, &bad)).await;
        refused(&answer, 400, "invalid_request_object");
    }
}

#[tokio::test]
async fn what_is_inside_is_checked_like_any_request() {
    let postern = Postern::start().await;
    let site = signing(&postern).await;
    let phone = site.phone();
    for (changes, error) in [
        (json!({ "response_type": null }), "invalid_request"),
        (json!({ "response_type": "token" }), "unsupported_response_type"),
        (
            json!({ "redirect_uri": "https://evil.example/" }),
            "invalid_request",
        ),
        (json!({ "redirect_uri": null }), "invalid_request"),
        (json!({ "scope": "admin" }), "invalid_scope"),
        (json!({ "code_challenge": null }), "invalid_request"),
        (json!({ "code_challenge_method": "plain" }), "invalid_request"),
        (json!({ "max_age": -1 }), "invalid_request"),
        (json!({ "claims": 7 }), "invalid_request"),
        (json!({ "resource": ["https://other.example"] }), "invalid_target"),
    ] {
        let object = object(&site, &phone, &changes);
        refused(&push(&site, &object).await, 400, error);
        if changes.get("redirect_uri").is_none() {
            let back = postern
                .browser()
                .open(&url("signs", &[("request", &object)]))
                .await
                .app();
            let query: Vec<_> = back.query_pairs().into_owned().collect();
            assert!(query.contains(&("error".to_owned(), error.to_owned())), "{back}");
            assert!(
                query.contains(&("state".to_owned(), phone.state.clone())),
                "{back}"
            );
        }
    }
    // Numbers and objects are the parameters that they are outside.
    let changes = json!({ "max_age": 1, "claims": { "id_token": { "email": { "essential": true } } } });
    let request_uri = pushed(&push(&site, &object(&site, &phone, &changes)).await);
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    postern.advance("2s");
    let page = browser
        .open(&url("signs", &[("request_uri", &request_uri)]))
        .await
        .page();
    assert!(
        !page.forms("/sign-in").is_empty(),
        "the last proof is older than a second"
    );
    let page = browser.sign_in(&page, ALICE).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());
    assert_eq!(
        Tokens::of(&site.redeem(&phone, &code).await).id_claims()["email"],
        ALICE
    );
}

/// RFC 9101 section 6.3: nothing that stands beside the object counts.
#[tokio::test]
async fn only_what_is_signed_counts() {
    let postern = Postern::start().await;
    let site = signing(&postern).await;
    let phone = site.phone();
    let outside = [
        ("state", "smuggled"),
        ("nonce", "smuggled"),
        ("scope", "admin"),
        ("redirect_uri", "https://evil.example/"),
        ("prompt", "none"),
        ("response_mode", "form_post"),
    ];
    let mut browser = postern.browser();
    let without_state = object(&site, &phone, &json!({ "state": null }));
    let request_uri = pushed(
        &site
            .post(
                "/par",
                &[&[("request", without_state.as_str())], &outside[..]].concat(),
            )
            .await,
    );
    for beside in [
        url("signs", &[("request_uri", &request_uri)]),
        url(
            "signs",
            &[&[("request", without_state.as_str())], &outside[..]].concat(),
        ),
    ] {
        let back = browser.allow(&beside, ALICE).await;
        assert!(back.as_str().starts_with(&phone.redirect_uri), "{back}");
        let names: Vec<_> = back.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["code", "iss"], "no state is returned that was not signed");
        let (_, code) = back.query_pairs().next().expect("a code");
        let tokens = Tokens::of(&site.redeem(&phone, &code).await);
        assert_eq!(tokens.id_claims()["nonce"], phone.nonce);
    }
    // What is missing inside is not taken from beside it.
    for missing in ["redirect_uri", "response_type", "code_challenge"] {
        let object = object(&site, &phone, &json!({ missing: null }));
        let all = phone.parameters();
        let mut all = borrowed(&all);
        all.retain(|(name, _)| *name != "client_id");
        let answer = site
            .post("/par", &[&[("request", object.as_str())], &all[..]].concat())
            .await;
        refused(&answer, 400, "invalid_request");
    }
}

/// An address that is named beside an object that does not verify is not vouched for by anybody.
#[tokio::test]
async fn an_object_that_does_not_verify_redirects_nobody() {
    let postern = Postern::start().await;
    let site = signing(&postern).await;
    let phone = site.phone();
    let forged = Key::es256("k").sign(&header(&site), &claims(&site, &phone, &json!({})));
    let unsigned = format!(
        "{}.{}.",
        b64(br#"{"alg":"none"}"#),
        b64(claims(&site, &phone, &json!({})).to_string().as_bytes())
    );
    for object in [forged.as_str(), &unsigned, "x"] {
        for redirect_uri in [phone.redirect_uri.as_str(), "https://evil.example/"] {
            let url = url(
                "signs",
                &[
                    ("request", object),
                    ("redirect_uri", redirect_uri),
                    ("response_type", "code"),
                ],
            );
            let page = postern.browser().open(&url).await.page();
            assert_eq!(page.answer.status, 400);
            assert!(page.text().contains("invalid_request_object"), "{}", page.text());
        }
    }
    // One that names the client of another's URL.
    let good = object(&site, &phone, &json!({}));
    let other = Site::with_key(&postern, "other", ClientKind::Web, Key::es256("k"), |_| {}).await;
    let page = postern
        .browser()
        .open(&url(other.id, &[("request", &good)]))
        .await
        .page();
    assert!(page.text().contains("invalid_request_object"), "{}", page.text());
    refused(&push(&other, &good).await, 400, "invalid_request_object");
    // Twice is no parameter at all.
    let twice = url("signs", &[("request", &good), ("request", &good)]);
    assert_eq!(postern.browser().open(&twice).await.page().answer.status, 400);
    // One by reference is not fetched, alone or beside the other.
    let place = ("request_uri", "https://app.example/r");
    let page = postern
        .browser()
        .open(&url("signs", &[("request", &good), place]))
        .await
        .page();
    assert_eq!(page.answer.status, 400);
    let alone = phone.authorize_url(&[place]);
    let back = postern.browser().open(&alone).await.app();
    assert!(
        back.as_str().contains("error=request_uri_not_supported"),
        "{back}"
    );
}

#[tokio::test]
async fn its_header_chooses_neither_key_nor_algorithm() {
    let postern = Postern::start().await;
    let site = Site::with_key(&postern, "signs", ClientKind::Web, Key::rsa("k"), |_| {}).await;
    let phone = site.phone();
    let (own, attacker) = (site.key(), Key::es256("k"));
    let claims = claims(&site, &phone, &json!({}));
    let part = |value: &Value| b64(value.to_string().as_bytes());
    let mut forged = Vec::new();
    for alg in ["none", "None", "NONE", ""] {
        let signed = format!("{}.{}", part(&json!({ "alg": alg, "kid": "k" })), part(&claims));
        forged.extend([format!("{signed}."), format!("{signed}.{}", b64(b"x")), signed]);
    }
    // The public key as the secret of a MAC (RFC 8725 section 2.1).
    let signed = format!(
        "{}.{}",
        part(&json!({ "alg": "HS256", "kid": "k" })),
        part(&claims)
    );
    let secret = hmac::Key::new(hmac::HMAC_SHA256, own.public().to_string().as_bytes());
    forged.push(format!(
        "{signed}.{}",
        b64(hmac::sign(&secret, signed.as_bytes()).as_ref())
    ));
    for header in [
        json!({ "alg": "ES256", "kid": "k" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "ES256", "jwk": attacker.public() }),
        json!({ "alg": "ES256", "kid": "k", "jku": "https://evil.example/jwks.json" }),
        json!({ "alg": "ES256", "kid": "k", "x5u": "https://evil.example/cert.pem" }),
        json!({ "alg": "ES256", "kid": "k", "x5c": ["MIIB"] }),
        json!({ "alg": "PS256", "kid": "k" }),
    ] {
        forged.push(attacker.sign(&header, &claims));
    }
    for header in [
        json!({ "alg": "RS256", "kid": "k" }),
        json!({ "alg": "PS256", "kid": "other" }),
        json!({ "alg": "PS256", "kid": "k", "crit": ["exp"] }),
        json!({ "alg": "PS256", "kid": "k", "b64": false, "crit": ["b64"] }),
        json!({ "alg": "ES256", "kid": "k" }),
    ] {
        forged.push(own.sign(&header, &claims));
    }
    let good = own.sign(&header(&site), &claims);
    forged.extend([
        good[..good.len() - 2].to_owned(),
        format!("{good}.x"),
        good.replacen('.', ".e30", 1),
    ]);
    for object in forged {
        refused(&push(&site, &object).await, 400, "invalid_request_object");
    }
    pushed(&push(&site, &good).await);
    // A client is registered with one algorithm, and RS256 has to be named.
    for (alg, taken, other) in [
        (JwsAlgorithm::Rs256, "RS256", "PS256"),
        (JwsAlgorithm::Ps256, "PS256", "RS256"),
    ] {
        postern
            .set_client("signs", |settings| {
                settings.request_object_signing_alg = Some(alg);
            })
            .await;
        let sign = |alg: &str| own.sign(&json!({ "alg": alg, "kid": "k" }), &claims);
        pushed(&push(&site, &sign(taken)).await);
        refused(&push(&site, &sign(other)).await, 400, "invalid_request_object");
    }
}

/// RFC 8725 section 3.11: what was signed for something else is no request object, and a request object is nothing else.
#[tokio::test]
async fn no_other_jwt_is_a_request_object_and_none_is_an_assertion() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 1000).await;
    let site = signing(&postern).await;
    let (key, phone) = (site.key(), site.phone());
    let tokens = site.signed_in().await;
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    let proof = ProofKey::new()
        .draft("POST", "https://x.example", postern.clock.now().seconds())
        .sign();
    let assertion = key.assertion(&postern, "signs");
    for other in [id_token, &tokens.access, &tokens.refresh, &proof, &assertion] {
        refused(&push(&site, other).await, 400, "invalid_request_object");
    }
    // Right in everything else, but signed as something else.
    for typ in [
        "JWT",
        "at+jwt",
        "dpop+jwt",
        "logout+jwt",
        "client-authentication+jwt",
        "secevent+jwt",
    ] {
        let header = json!({ "alg": "ES256", "kid": "k", "typ": typ });
        let object = key.sign(&header, &claims(&site, &phone, &json!({})));
        refused(&push(&site, &object).await, 400, "invalid_request_object");
    }
    for typ in [json!(null), json!("application/oauth-authz-req+jwt")] {
        let mut header = json!({ "alg": "ES256", "kid": "k" });
        if !typ.is_null() {
            header["typ"] = typ;
        }
        pushed(&push(&site, &key.sign(&header, &claims(&site, &phone, &json!({})))).await);
    }
    // An object with all that an assertion needs.
    let both = json!({ "sub": "signs", "jti": "one" });
    let object = object(&site, &phone, &both);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    refused(
        &site.assert("/token", &object, &form).await,
        401,
        "invalid_client",
    );
    Tokens::of(&site.refresh(&tokens.refresh).await);
}

#[tokio::test]
async fn a_huge_deep_or_doubled_object_is_refused_before_it_is_believed() {
    let postern = Postern::start().await;
    let site = signing(&postern).await;
    let phone = site.phone();
    let huge = object(&site, &phone, &json!({ "padding": "x".repeat(8000) }));
    refused(&push(&site, &huge).await, 400, "invalid_request_object");
    let header = b64(br#"{"alg":"ES256","kid":"k"}"#);
    let deep = format!("{{\"claims\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    let deep = format!("{header}.{}.{}", b64(deep.as_bytes()), b64(b"x"));
    refused(&push(&site, &deep).await, 400, "invalid_request_object");
    refused(
        &push(&site, &".".repeat(5000)).await,
        400,
        "invalid_request_object",
    );
    // Signed by the app itself: two readers could believe different ones.
    let text = claims(&site, &phone, &json!({})).to_string();
    for twice in [
        r#","redirect_uri":"https://evil.example/""#,
        r#","scope":"openid""#,
        r#","exp":9999999999"#,
    ] {
        let doubled = format!("{}{twice}}}", &text[..text.len() - 1]);
        let object = site
            .key()
            .sign_text(&json!({ "alg": "ES256", "kid": "k" }), &doubled);
        refused(&push(&site, &object).await, 400, "invalid_request_object");
    }
}

#[tokio::test]
async fn a_client_that_has_to_sign_gets_nothing_without() {
    let postern = Postern::start().await;
    let must = |settings: &mut ClientSettings| settings.require_signed_request_object = true;
    let site = Site::with_key(&postern, "signs", ClientKind::Web, Key::es256("k"), must).await;
    let phone = site.phone();
    let plain = phone.parameters();
    let plain = borrowed(&plain);
    refused(&site.post("/par", &plain).await, 400, "invalid_request");
    let page = postern.browser().open(&phone.authorize_url(&[])).await.page();
    assert_eq!(page.answer.status, 400);
    assert!(
        page.text().contains("has to sign its requests"),
        "{}",
        page.text()
    );
    let object = object(&site, &phone, &json!({}));
    let url = url("signs", &[("request", &object)]);
    // In another browser it is not started again from its parameters, which would be unsigned.
    let page = postern.browser().open(&url).await.page();
    let request = page.form("/sign-in").field("request").to_owned();
    let page = postern
        .browser()
        .open(&format!("/continue?request={request}"))
        .await
        .page();
    assert_eq!(
        (page.answer.status.as_u16(), page.forms("/authorize").len()),
        (409, 0)
    );
    let back = postern.browser().allow(&url, ALICE).await;
    Tokens::of(&site.redeem(&phone, &phone.code(&back)).await);
}

#[tokio::test]
async fn a_secret_authenticates_and_a_key_signs() {
    let postern = Postern::start().await;
    let key = Key::es256("k");
    let jwks = json!({ "keys": [key.public()] }).to_string();
    let change = |settings: &mut ClientSettings| settings.jwks = Some(jwks.parse().expect("a key set"));
    let site = Site::with_secret(&postern, "both", ClientKind::Web, change).await;
    let phone = site.phone();
    let claims = claims(&site, &phone, &json!({}));
    let object = key.sign(&json!({ "alg": "ES256", "kid": "k" }), &claims);
    pushed(&push(&site, &object).await);
    // Signing is no authentication.
    let form = [("client_id", "both"), ("request", object.as_str())];
    refused(&post(&postern, "/par", None, &form).await, 401, "invalid_client");
    // A client that has a secret only has nothing to sign with.
    let other = Site::with_secret(&postern, "other", ClientKind::Web, |settings| {
        settings.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
    })
    .await;
    let all = other.phone().parameters_with(&[("request", &object)]);
    let header = basic("other", other.secret());
    let answer = post(&postern, "/par", Some(&header), &borrowed(&all)).await;
    refused(&answer, 400, "request_not_supported");
}
