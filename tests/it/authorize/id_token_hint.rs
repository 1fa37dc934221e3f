//! `id_token_hint` (OpenID Connect Core section 3.1.2.1) and a demanded `sub`: nobody else is answered for.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::{domain::key::Ring, flows::keys::rotate};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use url::Url;

use crate::harness::{ALICE, BOB, Browser, Page, Phone, Postern, Tokens};

fn error(back: &Url) -> String {
    let found = back.query_pairs().find(|(name, _)| name == "error");
    found.map_or_else(|| panic!("no error in {back}"), |(_, value)| value.into_owned())
}

fn id_token(tokens: &Tokens) -> String {
    tokens.answer["id_token"]
        .as_str()
        .expect("an ID token")
        .to_owned()
}

/// Alice, signed in to `notes`, and her ID token.
async fn alice(postern: &Postern) -> (Browser<'_>, Phone<'_>, String) {
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    (browser, phone, id_token(&tokens))
}

/// The ID token with another header or other claims, and the old signature.
fn changed(jwt: &str, part: usize, change: impl FnOnce(&mut Value)) -> String {
    let mut parts: Vec<String> = jwt.split('.').map(str::to_owned).collect();
    let json = Base64UrlUnpadded::decode_vec(&parts[part]).expect("base64url");
    let mut json: Value = serde_json::from_slice(&json).expect("JSON");
    change(&mut json);
    parts[part] = Base64UrlUnpadded::encode_string(json.to_string().as_bytes());
    parts.join(".")
}

/// Every request that demands Alice: by the hint, and by `claims`.
async fn demanding_alice(postern: &Postern, hint: &str) -> [(&'static str, String); 2] {
    let alice = postern.user(ALICE).await.id;
    let claims = json!({ "id_token": { "sub": { "value": alice } } }).to_string();
    [("id_token_hint", hint.to_owned()), ("claims", claims)]
}

/// The page asks Alice, who allows it, and the tokens are about her.
async fn allowed_by_alice(
    postern: &Postern,
    browser: &mut Browser<'_>,
    phone: &Phone<'_>,
    page: &Page,
    name: &str,
) {
    assert_eq!(page.heading(), format!("Continue to Notes as {ALICE}"), "{name}");
    let back = browser.press(page, "allow").await.app();
    let tokens = Tokens::of(&phone.redeem(&phone.code(&back)).await);
    assert_eq!(
        tokens.id_claims()["sub"],
        postern.user(ALICE).await.id.to_string()
    );
}

#[tokio::test]
async fn for_the_person_who_is_signed_in_it_changes_nothing() {
    let postern = Postern::start().await;
    let (mut browser, phone, hint) = alice(&postern).await;
    for (name, value) in demanding_alice(&postern, &hint).await {
        let silent = phone.authorize_url(&[(name, &value), ("prompt", "none")]);
        assert_eq!(
            error(&browser.open(&silent).await.app()),
            "interaction_required",
            "{name}"
        );
        let page = browser.open(&phone.authorize_url(&[(name, &value)])).await.page();
        allowed_by_alice(&postern, &mut browser, &phone, &page, name).await;
    }
}

#[tokio::test]
async fn somebody_else_gets_no_answer_for_it() {
    let postern = Postern::start().await;
    let (_, phone, hint) = alice(&postern).await;
    for (name, value) in demanding_alice(&postern, &hint).await {
        let mut browser = postern.browser();
        phone.signed_in(&mut browser, BOB).await;
        let sessions = postern.number("SELECT COUNT(*) FROM device_sessions").await;
        let silent = phone.authorize_url(&[(name, &value), ("prompt", "none")]);
        assert_eq!(
            error(&browser.open(&silent).await.app()),
            "login_required",
            "{name}"
        );

        let page = browser.open(&phone.authorize_url(&[(name, &value)])).await.page();
        assert_eq!(page.heading(), "Sign in", "{name}");
        assert!(
            page.text().contains(BOB),
            "says whose session it is: {}",
            page.text()
        );
        assert!(!page.answer.body.contains(ALICE), "and not for whom it must be");

        // Bob signs in again: still not the one. The sealed request that follows his sign-in does nothing on the consent
        // page's form either.
        let page = browser.sign_in(&page, BOB).await.page();
        assert_eq!(page.heading(), "Sign in", "{name}");
        let request = page
            .path
            .split_once("request=")
            .expect("the sealed request")
            .1
            .to_owned();
        let mut skipping = page
            .form("/sign-in")
            .with("decision", "allow")
            .with("request", &request);
        "/consent".clone_into(&mut skipping.action);
        let page = browser.submit(&skipping).await.page();
        assert_eq!(page.heading(), "Sign in", "{name}");
        assert_eq!(
            postern.number("SELECT COUNT(*) FROM device_sessions").await,
            sessions
        );

        let page = browser.sign_in(&page, ALICE).await.page();
        allowed_by_alice(&postern, &mut browser, &phone, &page, name).await;
    }
}

#[tokio::test]
async fn with_nobody_signed_in_the_right_person_signs_in() {
    let postern = Postern::start().await;
    let (_, phone, hint) = alice(&postern).await;
    let mut browser = postern.browser();
    let silent = phone.authorize_url(&[("id_token_hint", &hint), ("prompt", "none")]);
    assert_eq!(error(&browser.open(&silent).await.app()), "login_required");
    let page = browser
        .open(&phone.authorize_url(&[("id_token_hint", &hint)]))
        .await
        .page();
    assert_eq!(page.heading(), "Sign in");
    assert!(
        !page.answer.body.contains(ALICE),
        "an ID token is no proof that one may know her address"
    );
    let page = browser.sign_in(&page, ALICE).await.page();
    assert_eq!(page.heading(), format!("Continue to Notes as {ALICE}"));
}

#[tokio::test]
async fn what_is_no_id_token_of_ours_for_this_app_is_refused() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let (mut browser, phone, hint) = alice(&postern).await;
    let access = phone.signed_in(&mut browser, ALICE).await.access;
    let others = id_token(&postern.phone_of("other").signed_in(&mut browser, ALICE).await);
    let foreign = {
        let other = Postern::start_with(|config| {
            config.server.public_url = "http://localhost:9999".parse().expect("valid");
        })
        .await;
        alice(&other).await.2
    };
    let bobs = postern.user(BOB).await.id;
    let (head, signature) = hint.rsplit_once('.').expect("three parts");
    let unsigned = changed(&format!("{head}."), 0, |header| header["alg"] = "none".into());
    let bad = [
        ("an access token", access),
        ("another app's", others),
        ("another server's", foreign),
        ("unsigned", unsigned),
        ("no signature", format!("{head}.")),
        (
            "another person",
            changed(&hint, 1, |claims| claims["sub"] = bobs.to_string().into()),
        ),
        (
            "another algorithm",
            changed(&hint, 0, |header| header["alg"] = "HS256".into()),
        ),
        (
            "another key",
            changed(&hint, 0, |header| header["kid"] = "x".into()),
        ),
        (
            "a key of its own",
            changed(&hint, 0, |header| header["jku"] = "https://evil.example".into()),
        ),
        ("padded", format!("{hint}=")),
        ("a part more", format!("{hint}.{signature}")),
        ("a word", "x".to_owned()),
        ("dots", "..".to_owned()),
        ("long", format!("{head}{}.{signature}", "A".repeat(6000))),
    ];
    for (what, hint) in bad {
        let back = browser
            .open(&phone.authorize_url(&[("id_token_hint", &hint)]))
            .await
            .app();
        assert_eq!(error(&back), "invalid_request", "{what}");
    }
    let alice = json!({ "id_token": { "sub": { "value": bobs } } }).to_string();
    let both = phone.authorize_url(&[("id_token_hint", &hint), ("claims", &alice)]);
    assert_eq!(
        error(&browser.open(&both).await.app()),
        "invalid_request",
        "two persons"
    );
}

#[tokio::test]
async fn a_sub_that_nobody_has_is_nobody() {
    let postern = Postern::start().await;
    let (mut browser, phone, _) = alice(&postern).await;
    for sub in [json!("nobody"), json!("")] {
        let claims = json!({ "userinfo": { "sub": { "value": sub } } }).to_string();
        let back = browser
            .open(&phone.authorize_url(&[("claims", &claims)]))
            .await
            .app();
        assert_eq!(error(&back), "login_required");
    }
    for sub in [
        json!({ "value": 7 }),
        json!({ "values": ["a", "b"] }),
        json!({ "values": [] }),
    ] {
        let claims = json!({ "id_token": { "sub": sub } }).to_string();
        let back = browser
            .open(&phone.authorize_url(&[("claims", &claims)]))
            .await
            .app();
        assert_eq!(error(&back), "invalid_request");
    }
}

#[tokio::test]
async fn no_other_text_reads_as_an_id_token() {
    let postern = Postern::start().await;
    let (_, _, hint) = alice(&postern).await;
    let keys = postern.provider().keys.load();
    let read = |jwt: &str| keys.id_tokens.read(&postern.provider().issuer, jwt);
    assert_eq!(
        read(&hint).map(|hint| hint.user),
        Some(postern.user(ALICE).await.id)
    );
    for at in 0..hint.len() {
        let other = if &hint[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &hint[..at], &hint[at + 1..]);
        assert_eq!(read(&changed), None, "changed at {at}");
        assert_eq!(read(&hint[..at]), None, "cut at {at}");
    }

    // Texts that look like it: parts of it and of other things, in any order.
    let mut parts: Vec<String> = hint.split('.').map(str::to_owned).collect();
    parts.extend([".", "..", "", "e30", "eyJhbGciOiJub25lIn0", "é", "\0", "="].map(str::to_owned));
    let word = proptest::sample::select(parts);
    let texts = proptest::collection::vec((word, 0_usize..3), 0..8);
    let mut runner = TestRunner::new(Config {
        cases: 2000,
        failure_persistence: None,
        ..Config::default()
    });
    let checked = runner.run(&texts, |words| {
        let pieces = words
            .iter()
            .flat_map(|(word, dots)| [word.clone(), ".".repeat(*dots)]);
        let text = pieces.collect::<Vec<_>>().concat();
        assert!(text == hint || read(&text).is_none(), "{text}");
        Ok(())
    });
    checked.expect("nothing else is one");
}

#[tokio::test]
async fn an_old_id_token_of_a_key_that_has_gone_is_still_a_hint() {
    let postern = Postern::start().await;
    let (_, phone, hint) = alice(&postern).await;
    let keys = async || postern.get("/jwks.json").await.body;
    let header = Base64UrlUnpadded::decode_vec(hint.split('.').next().expect("a header")).expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    let kid = header["kid"].as_str().expect("a kid");
    assert!(keys().await.contains(kid));
    for wait in ["30d", "1h"] {
        postern.advance(wait);
        rotate::rotate_due(postern.provider()).await.expect("rotated");
    }
    assert!(
        !keys().await.contains(kid),
        "the key {kid} of {} has gone",
        Ring::SigningEs256.as_str()
    );

    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let page = browser
        .open(&phone.authorize_url(&[("id_token_hint", &hint)]))
        .await
        .page();
    assert_eq!(page.heading(), format!("Continue to Notes as {ALICE}"));
    let mut bobs = postern.browser();
    bobs.account(BOB).await;
    let page = bobs
        .open(&phone.authorize_url(&[("id_token_hint", &hint)]))
        .await
        .page();
    assert_eq!(page.heading(), "Sign in");
}
