//! FAPI 2.0, rule by rule and violation by violation: the Security Profile with `--preset fapi2`, Message Signing with
//! `--preset fapi2-message-signing`.

use postern::domain::client::{ClientKind, ClientSettings, Preset};
use serde_json::{Value, json};

use super::{
    Key, Site, TYPE, post, refused,
    signed_answers::{read, response},
};
use crate::harness::{ALICE, Answer, Phone, Postern, ProofKey, Tokens, borrowed, encode};

async fn bank(postern: &Postern, preset: Preset, key: Key) -> Site<'_> {
    Site::with_key(postern, "bank", ClientKind::Web, key, |settings| {
        *settings = ClientSettings {
            redirect_uris: settings.redirect_uris.clone(),
            scope: settings.scope.clone(),
            jwks: settings.jwks.take(),
            ..preset.settings()
        };
        assert_eq!(preset.contradictions(settings), []);
    })
    .await
}

/// A request of the bank with its assertion and its proof.
async fn ask(site: &Site<'_>, phone: &Phone<'_>, path: &str, form: &[(&str, &str)]) -> Answer {
    let assertion = site.key().assertion(site.postern, site.id);
    let own = [
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", TYPE),
    ];
    let proof = phone.key.as_ref().map(|_| phone.draft("POST", path).sign());
    let proofs: Vec<&str> = proof.iter().map(String::as_str).collect();
    phone
        .post_with_proofs(path, &[&own[..], form].concat(), &proofs)
        .await
}

async fn push(site: &Site<'_>, phone: &Phone<'_>, changes: &[(&str, &str)]) -> Answer {
    let pairs = phone.parameters_with(changes);
    ask(site, phone, "/par", &borrowed(&pairs)).await
}

fn url(pushed: &Answer) -> String {
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let json = pushed.json();
    let reference = json["request_uri"].as_str().expect("text");
    format!(
        "/authorize?{}",
        encode(&[("client_id", "bank"), ("request_uri", reference)])
    )
}

async fn redeem(site: &Site<'_>, phone: &Phone<'_>, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("redirect_uri", phone.redirect_uri.as_str()),
        ("code_verifier", phone.verifier.as_str()),
        ("code", code),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    ask(site, phone, "/token", &form).await
}

/// Security Profile section 5.3.2: clients and their requests.
#[tokio::test]
async fn the_security_profile_for_requests() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 1000).await;
    let site = bank(&postern, Preset::Fapi2, Key::rsa("k")).await;
    let phone = Phone::with_key(&postern, "bank");
    let mut browser = postern.browser();

    // Requests are pushed: one that comes in the browser gets its error, with iss.
    let back = browser.open(&phone.authorize_url(&[])).await.app();
    assert!(
        back.as_str().contains("error=invalid_request") && back.as_str().contains("iss="),
        "{back}"
    );

    // Clients authenticate, with private_key_jwt, an algorithm that is allowed, and the issuer alone as its audience.
    let key = site.key();
    let plain = phone.parameters();
    let plain = borrowed(&plain);
    refused(&post(&postern, "/par", None, &plain).await, 401, "invalid_client");
    let secret = [&plain[..], &[("client_secret", "x")]].concat();
    refused(
        &post(&postern, "/par", None, &secret).await,
        401,
        "invalid_client",
    );
    let issuer = postern.issuer();
    for (alg, aud) in [
        ("RS256", json!(issuer)),
        ("PS256", json!([issuer])),
        ("PS256", json!(format!("{issuer}/token"))),
        ("PS256", json!(format!("{issuer}/par"))),
        ("PS256", json!("https://other.example")),
    ] {
        let mut claims = key.claims(&postern, "bank");
        claims["aud"] = aud;
        let assertion = key.sign(&json!({ "alg": alg, "kid": "k" }), &claims);
        refused(
            &site.assert("/par", &assertion, &plain).await,
            401,
            "invalid_client",
        );
    }

    // PKCE with S256, response type code, a registered redirect URI, no request_uri inside.
    for (name, value, error) in [
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("redirect_uri", "https://evil.example/", "invalid_request"),
        (
            "request_uri",
            "urn:ietf:params:oauth:request_uri:x",
            "invalid_request",
        ),
    ] {
        let answer = push(&site, &phone, &[(name, value)]).await;
        refused(&answer, 400, error);
    }

    // A request_uri lives for a minute, and only in the hands of its client.
    let pushed = push(&site, &phone, &[]).await;
    assert_eq!(pushed.json()["expires_in"], 60);
    postern.advance("60s");
    let late = browser.open(&url(&pushed)).await.page();
    assert!(late.text().contains("invalid_request_uri"), "{}", late.text());
    let pushed = push(&site, &phone, &[]).await;
    let others = url(&pushed).replace("client_id=bank", "client_id=notes");
    assert_eq!(browser.open(&others).await.page().answer.status, 400);
}

/// Security Profile sections 5.3.2.1 and 5.3.3: codes and tokens.
#[tokio::test]
async fn the_security_profile_for_codes_and_tokens() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 1000).await;
    let site = bank(&postern, Preset::Fapi2, Key::es256("k")).await;
    let phone = Phone::with_key(&postern, "bank");
    let mut browser = postern.browser();
    let pushed = push(&site, &phone, &[]).await;

    // The answer names its issuer and has the state; phone.code looks at both. A second use is refused.
    let back = browser.allow(&url(&pushed), ALICE).await;
    let code = phone.code(&back);
    let again = browser.allow(&url(&pushed), ALICE).await;
    assert!(again.as_str().contains("error=invalid_request_uri"), "{again}");

    // Tokens are bound to a key: without a proof, with another key than the pushed one, without the verifier, nothing.
    let bare = phone.proving(None);
    refused(&redeem(&site, &bare, &code, &[]).await, 400, "invalid_dpop_proof");
    let thief = phone.proving(Some(ProofKey::new()));
    refused(&redeem(&site, &thief, &code, &[]).await, 400, "invalid_grant");
    refused(
        &redeem(&site, &phone, &code, &[("code_verifier", "")]).await,
        400,
        "invalid_grant",
    );
    let wrong = "x".repeat(43);
    refused(
        &redeem(&site, &phone, &code, &[("code_verifier", &wrong)]).await,
        400,
        "invalid_grant",
    );
    let answer = redeem(&site, &phone, &code, &[]).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(tokens.answer["token_type"], "DPoP");
    assert_eq!(
        tokens.claims()["cnf"]["jkt"],
        phone.key.as_ref().expect("a key").jkt()
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
    let bearer = format!("Bearer {}", tokens.access);
    assert_eq!(phone.userinfo_with(&bearer, &[]).await.status, 401);
    assert_eq!(thief.userinfo(&tokens.access).await.status, 401);

    // A refresh token stays, and is the client's, not the key's.
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    for prover in [&phone, &thief] {
        postern.advance("31s");
        let refreshed = Tokens::of(&ask(&site, prover, "/token", &form).await);
        assert_eq!(refreshed.refresh, tokens.refresh);
        assert_eq!(refreshed.answer["token_type"], "DPoP");
        assert_eq!(prover.userinfo(&refreshed.access).await.status, 200);
    }
    refused(
        &ask(&site, &bare, "/token", &form).await,
        400,
        "invalid_dpop_proof",
    );
    refused(
        &post(&postern, "/token", None, &form).await,
        400,
        "invalid_request",
    );

    // A code is used once, and lives for less than a minute.
    let back = browser.allow(&url(&push(&site, &phone, &[]).await), ALICE).await;
    let code = phone.code(&back);
    postern.advance("60s");
    refused(&redeem(&site, &phone, &code, &[]).await, 400, "invalid_grant");
    let back = browser.allow(&url(&push(&site, &phone, &[]).await), ALICE).await;
    let code = phone.code(&back);
    let tokens = Tokens::of(&redeem(&site, &phone, &code, &[]).await);
    refused(&redeem(&site, &phone, &code, &[]).await, 400, "invalid_grant");
    assert_eq!(
        phone.userinfo(&tokens.access).await.status,
        401,
        "and what it gave is over"
    );
}

/// Message Signing sections 5.3 and 5.4: the request is signed, and so is the answer.
#[tokio::test]
async fn message_signing_rule_by_rule() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 1000).await;
    let site = bank(&postern, Preset::Fapi2MessageSigning, Key::rsa("k")).await;
    let phone = Phone::with_key(&postern, "bank");
    let key = site.key();
    let object = |alg: &str, changes: &Value| {
        let now = postern.clock.now().seconds();
        let mut claims = json!({ "iss": "bank", "aud": postern.issuer(), "nbf": now, "exp": now + 60 });
        for (name, value) in phone.parameters_with(&[("response_mode", "jwt")]) {
            claims[name] = json!(value);
        }
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        key.sign(
            &json!({ "alg": alg, "kid": "k", "typ": "oauth-authz-req+jwt" }),
            &claims,
        )
    };
    let push_object = async |object: String| ask(&site, &phone, "/par", &[("request", &object)]).await;
    let mut browser = postern.browser();

    // Unsigned requests are refused, pushed or not, and signed ones have to be pushed.
    refused(
        &push(&site, &phone, &[("response_mode", "jwt")]).await,
        400,
        "invalid_request",
    );
    let page = browser
        .open(&phone.authorize_url(&[("response_mode", "jwt")]))
        .await
        .page();
    assert_eq!(page.answer.status, 400);
    let unpushed = object("PS256", &json!({}));
    let unpushed = format!(
        "/authorize?{}",
        encode(&[("client_id", "bank"), ("request", &unpushed)])
    );
    let back = browser.open(&unpushed).await.app();
    let claims = read(&postern, "bank", &response(&back), "ES256").await;
    assert_eq!(claims["error"], "invalid_request", "the request has to be pushed");

    // PS256, ES256 or EdDSA; for a while; for this server; from this client.
    let now = postern.clock.now().seconds();
    for (alg, changes) in [
        ("RS256", json!({})),
        ("PS256", json!({ "exp": null })),
        ("PS256", json!({ "nbf": null })),
        ("PS256", json!({ "exp": now - 60, "nbf": now - 120 })),
        ("PS256", json!({ "exp": now + 3700 })),
        ("PS256", json!({ "nbf": now - 3700 })),
        ("PS256", json!({ "aud": "https://other.example" })),
        ("PS256", json!({ "iss": "notes" })),
        ("PS256", json!({ "client_id": "notes" })),
    ] {
        refused(
            &push_object(object(alg, &changes)).await,
            400,
            "invalid_request_object",
        );
    }
    // The answer has to be signed.
    for mode in [
        json!(null),
        json!("query"),
        json!("form_post"),
        json!("fragment.jwt"),
    ] {
        let object = object("PS256", &json!({ "response_mode": mode }));
        refused(&push_object(object).await, 400, "invalid_request");
    }

    // Alice says no, and then yes: both are signed, with everything inside.
    let page = browser
        .open(&url(&push_object(object("PS256", &json!({}))).await))
        .await
        .page();
    let page = browser.sign_in(&page, ALICE).await.page();
    let back = browser.press(&page, "deny").await.app();
    let claims = read(&postern, "bank", &response(&back), "ES256").await;
    assert_eq!(
        (&claims["error"], &claims["state"]),
        (&json!("access_denied"), &json!(phone.state))
    );

    let back = browser
        .allow(&url(&push_object(object("PS256", &json!({}))).await), ALICE)
        .await;
    let claims = read(&postern, "bank", &response(&back), "ES256").await;
    assert_eq!(claims["state"], phone.state);
    let code = claims["code"].as_str().expect("a code");
    let tokens = Tokens::of(&redeem(&site, &phone, code, &[]).await);
    assert_eq!(tokens.id_claims()["nonce"], phone.nonce);
    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
}
