//! What must not be registered, and who must not see or change what is.

use axum::{body::Body, http::Request};
use serde_json::json;

use super::{Mine, app, clients, open_server, refused, register, send, site, token_server, tokens, with};
use crate::harness::{ALICE, Phone};

#[tokio::test]
async fn redirect_uris_that_lead_astray_are_refused() {
    let postern = open_server().await;
    let before = clients(&postern).await;
    for uri in [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "http://site.example/cb",
        "http://localhost.evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "https://user@site.example/cb",
        "https://site.example/cb#fragment",
        "https://site.example/a/../cb",
        "https://site.example\\@evil.example/cb",
        "https://*.site.example/cb",
        "sketches:/callback",
        "blob:https://site.example/x",
        "//site.example/cb",
        "/cb",
        "about:blank",
    ] {
        for members in [app(), site()] {
            let members = with(members, json!({ "redirect_uris": [uri] }));
            let answer = register(&postern, None, &members).await;
            assert_eq!(answer.status, 400, "{uri}: {}", answer.body);
            refused(&answer, 400, "invalid_redirect_uri");
        }
    }
    // One that is good does not vouch for the next, and a web server has no scheme of its own.
    let mixed = with(
        site(),
        json!({ "redirect_uris": ["https://site.example/cb", "data:,x"] }),
    );
    refused(
        &register(&postern, None, &mixed).await,
        400,
        "invalid_redirect_uri",
    );
    let own_scheme = with(site(), json!({ "redirect_uris": ["com.example.app:/cb"] }));
    refused(
        &register(&postern, None, &own_scheme).await,
        400,
        "invalid_redirect_uri",
    );
    refused(
        &register(&postern, None, &json!({})).await,
        400,
        "invalid_redirect_uri",
    );
    assert_eq!(clients(&postern).await, before);
}

#[tokio::test]
async fn members_that_contradict_each_other_or_ask_for_too_much_are_refused_by_name() {
    let postern = open_server().await;
    let keys = json!({ "keys": [crate::client_auth::Key::es256("k").public()] });
    for (member, others) in [
        ("scope", json!({ "scope": "openid admin" })),
        ("scope", json!({ "scope": "a\"b" })),
        ("grant_types", json!({ "grant_types": ["implicit"] })),
        ("grant_types", json!({ "grant_types": ["password"] })),
        ("grant_types", json!({ "grant_types": ["refresh_token"] })),
        (
            "grant_types",
            json!({ "grant_types": ["client_credentials"], "redirect_uris": null }),
        ),
        ("response_types", json!({ "response_types": ["token"] })),
        (
            "response_types",
            json!({ "response_types": ["code", "id_token"] }),
        ),
        ("response_types", json!({ "response_types": [] })),
        ("application_type", json!({ "application_type": "daemon" })),
        (
            "token_endpoint_auth_method",
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        ),
        (
            "token_endpoint_auth_method",
            json!({ "application_type": "native", "token_endpoint_auth_method": "client_secret_post" }),
        ),
        ("jwks", json!({ "token_endpoint_auth_method": "private_key_jwt" })),
        (
            "jwks_uri",
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "jwks_uri": "https://a.example/k" }),
        ),
        ("jwks_uri", json!({ "jwks_uri": "http://169.254.169.254/" })),
        (
            "jwks",
            json!({ "jwks": { "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] } }),
        ),
        (
            "id_token_signed_response_alg",
            json!({ "id_token_signed_response_alg": "none" }),
        ),
        (
            "id_token_signed_response_alg",
            json!({ "id_token_signed_response_alg": "HS256" }),
        ),
        (
            "token_endpoint_auth_signing_alg",
            json!({ "token_endpoint_auth_signing_alg": "none" }),
        ),
        (
            "userinfo_signed_response_alg",
            json!({ "userinfo_signed_response_alg": "none" }),
        ),
        (
            "id_token_encrypted_response_alg",
            json!({ "id_token_encrypted_response_alg": "RSA-OAEP" }),
        ),
        ("subject_type", json!({ "subject_type": "pairwise" })),
        (
            "sector_identifier_uri",
            json!({ "sector_identifier_uri": "https://127.0.0.1/x" }),
        ),
        ("logo_uri", json!({ "logo_uri": "javascript:alert(1)" })),
        ("client_uri", json!({ "client_uri": "http://site.example/" })),
        ("tos_uri", json!({ "tos_uri": "data:text/html,x" })),
        ("client_name", json!({ "client_name": "Not\u{202e}es" })),
        ("client_name", json!({ "client_name": "x".repeat(81) })),
        ("client_name", json!({ "client_name": 5 })),
        ("contacts", json!({ "contacts": "ops@site.example" })),
        ("contacts", json!({ "contacts": ["a\u{0}b"] })),
        ("contacts", json!({ "contacts": vec!["a"; 33] })),
        (
            "dpop_bound_access_tokens",
            json!({ "dpop_bound_access_tokens": "true" }),
        ),
        (
            "tls_client_certificate_bound_access_tokens",
            json!({ "tls_client_certificate_bound_access_tokens": true }),
        ),
        (
            "post_logout_redirect_uris",
            json!({ "post_logout_redirect_uris": ["javascript:x"] }),
        ),
        (
            "allowed_origins",
            json!({ "allowed_origins": ["https://site.example/"] }),
        ),
        ("allowed_origins", json!({ "allowed_origins": ["*"] })),
        ("allowed_origins", json!({ "allowed_origins": ["null"] })),
    ] {
        let answer = register(&postern, None, &with(site(), others.clone())).await;
        assert_eq!(answer.status, 400, "{others}: {}", answer.body);
        refused(&answer, 400, "invalid_client_metadata");
        let hint = answer.json()["error_description"]
            .as_str()
            .expect("text")
            .to_owned();
        assert!(hint.starts_with(&format!("{member}: ")), "{others}: {hint}");
    }
    assert_eq!(clients(&postern).await, 1);
}

#[tokio::test]
async fn a_huge_deep_or_doubled_body_is_refused_before_it_means_anything() {
    let postern = open_server().await;
    let good = app().to_string();
    let doubled = good.replacen('{', r#"{"redirect_uris":["https://evil.example/"],"#, 1);
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(20_000 / 2), "]".repeat(20_000 / 2));
    for body in [
        doubled,
        deep,
        format!("[{good}]"),
        "null".to_owned(),
        String::new(),
        "{".to_owned(),
        good.replace("Sketches", "Sketches\u{0}"),
        format!("{good} {good}"),
    ] {
        let answer = send(&postern, "POST", "/register", None, Some(body.clone())).await;
        assert_eq!(
            answer.status,
            400,
            "{}: {}",
            &body[..body.len().min(80)],
            answer.body
        );
        refused(&answer, 400, "invalid_client_metadata");
    }
    let huge = format!(r#"{{"x":"{}"}}"#, "x".repeat(33 * 1024));
    refused(
        &send(&postern, "POST", "/register", None, Some(huge)).await,
        413,
        "invalid_request",
    );
    let form = Request::post("/register")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(good))
        .expect("a request");
    refused(&postern.send(form).await, 415, "invalid_request");
    assert_eq!(clients(&postern).await, 1);
}

#[tokio::test]
async fn a_registration_token_is_for_its_own_client_and_for_nothing_else() {
    let postern = open_server().await;
    let mine = Mine::of(&register(&postern, None, &app()).await);
    let other = Mine::of(&register(&postern, None, &site()).await);
    let secret = other.text("client_secret");
    for (path, token) in [
        (other.path(&postern), Some(mine.token())),
        ("/register/notes".to_owned(), Some(mine.token())),
        ("/register/nobody".to_owned(), Some(mine.token())),
        ("/register/..%2Fnotes".to_owned(), Some(mine.token())),
        (other.path(&postern), Some(secret)),
        (other.path(&postern), Some("pst_ra_")),
        (other.path(&postern), None),
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let body = (method == "PUT").then(|| with(app(), json!({ "client_id": other.id() })).to_string());
            let answer = send(&postern, method, &path, token, body).await;
            let error = if token.is_some() {
                "invalid_token"
            } else {
                "invalid_request"
            };
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
            refused(&answer, 401, error);
        }
    }
    // It neither registers, nor is it an access token.
    refused(
        &register(&postern, Some(mine.token()), &app()).await,
        401,
        "invalid_token",
    );
    let userinfo = send(&postern, "GET", "/userinfo", Some(mine.token()), None).await;
    assert_eq!(userinfo.status, 401);
    assert_eq!(
        other.ask(&postern, "GET", None).await.status,
        200,
        "nothing was changed"
    );
    assert_eq!(clients(&postern).await, 3);
}

#[tokio::test]
async fn who_guesses_at_tokens_is_counted_by_address() {
    let postern = open_server().await;
    let mine = Mine::of(&register(&postern, None, &app()).await);
    let mut last = 0;
    for _ in 0..70 {
        last = send(&postern, "GET", &mine.path(&postern), Some("pst_ra_guess"), None)
            .await
            .status
            .as_u16();
    }
    assert_eq!(last, 429);
    assert_eq!(
        mine.ask(&postern, "GET", None).await.status,
        200,
        "who is right never waits"
    );
}

#[tokio::test]
async fn a_client_that_nobody_has_checked_sends_no_stranger_on() {
    let postern = open_server().await;
    let mine = Mine::of(&register(&postern, None, &app()).await);
    let phone = Phone::new(&postern, mine.id().to_owned().leak());
    let mut browser = postern.browser();
    let (wrong, silent) = ([("response_type", "x")], [("prompt", "none")]);
    for changes in [&wrong, &silent] {
        let page = browser.open(&phone.authorize_url(changes)).await.page();
        assert!(page.forms("/sign-in").is_empty());
    }
    // Who has allowed it something knows where it leads.
    phone.signed_in(&mut browser, ALICE).await;
    for changes in [&wrong, &silent] {
        let back = browser.open(&phone.authorize_url(changes)).await.app();
        assert!(back.query().expect("an answer").contains("error="), "{back}");
    }
}

#[tokio::test]
async fn who_was_let_in_for_little_does_not_help_itself_to_more() {
    let postern = token_server().await;
    let few = "openid".parse().expect("scopes");
    let let_in = tokens::add(
        postern.provider(),
        None,
        None,
        Some(few),
        postern::domain::actor::Actor::Operator,
    )
    .await;
    let let_in = let_in.expect("made").token.expose().to_owned();
    let members = with(site(), json!({ "scope": "openid" }));
    let mine = Mine::of(&register(&postern, Some(&let_in), &members).await);
    let more = with(site(), json!({ "client_id": mine.id(), "scope": "openid email" }));
    refused(
        &mine.ask(&postern, "PUT", Some(&more)).await,
        400,
        "invalid_client_metadata",
    );
}
