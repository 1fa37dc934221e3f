//! Bad requests to `/token` and `/revoke`: the right error, nothing lost, nothing told.

use axum::{
    body::Body,
    http::{Method, Request},
};

use super::{FORM, code, number, raw_post, refused, signed_in};
use crate::harness::{Answer, Postern, Tokens};

/// A form's text with one parameter changed.
fn form(pairs: &[(&str, &str)], change: impl Fn(&str, &str) -> String) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| change(name, value)).collect();
    pairs.join("&")
}

fn same(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// Every single parameter spoiled in every way; what each spoiling must give.
async fn spoil(postern: &Postern, path: &str, pairs: &[(&str, &str)]) {
    let post = |body: String| postern.send(raw_post(path, FORM, body));
    for &(spoiled, value) in pairs {
        let with = |text: String| {
            form(pairs, |name, value| {
                if name == spoiled {
                    text.clone()
                } else {
                    same(name, value)
                }
            })
        };
        // redirect_uri, scope, resource and the hint may be absent.
        if !["redirect_uri", "scope", "resource", "token_type_hint"].contains(&spoiled) {
            refused(&post(with(String::new())).await, 400, "invalid_request");
            refused(&post(with(format!("{spoiled}="))).await, 400, "invalid_request");
            refused(&post(with(spoiled.to_owned())).await, 400, "invalid_request");
        }
        let doubled = post(with(format!("{spoiled}={value}&{spoiled}={value}"))).await;
        let error = if spoiled == "resource" {
            "invalid_target"
        } else {
            "invalid_request"
        };
        refused(&doubled, 400, error);
        for broken in ["%", "%4", "%zz", "%ff", "%00", "%c3%28", "a%0d%0ab", "%ed%a0%80"] {
            refused(
                &post(with(format!("{spoiled}={broken}"))).await,
                400,
                "invalid_request",
            );
        }
        if spoiled == "token_type_hint" {
            continue; // Whatever it says, the token counts: see revoke.rs.
        }
        let long = post(with(format!("{spoiled}={}", "a".repeat(20_000)))).await;
        if spoiled == "token" {
            assert_eq!(
                (path, long.status.as_u16()),
                ("/revoke", 200),
                "an unknown token is nothing"
            );
        } else {
            let (status, error) = match spoiled {
                "client_id" => (401, "invalid_client"),
                "grant_type" => (400, "unsupported_grant_type"),
                "scope" => (400, "invalid_scope"),
                "resource" => (400, "invalid_target"),
                _ => (400, "invalid_grant"),
            };
            refused(&long, status, error);
        }
    }
}

async fn roomy() -> Postern {
    Postern::start_with(|config| config.limits.token_failures.burst = 10_000).await
}

#[tokio::test]
async fn a_spoiled_redemption_is_refused_and_the_code_stays_good() {
    let postern = roomy().await;
    let (phone, code) = code(&postern).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", "notes"),
        ("code", code.as_str()),
        ("code_verifier", &phone.verifier),
        ("redirect_uri", &phone.redirect_uri),
    ];
    spoil(&postern, "/token", &pairs).await;
    assert_eq!(
        number(
            &postern,
            "SELECT COUNT(*) FROM device_sessions WHERE state = 'granted'"
        )
        .await,
        1
    );
    Tokens::of(&phone.redeem(&code).await);
}

#[tokio::test]
async fn a_spoiled_refresh_is_refused_and_the_token_stays_good() {
    let postern = roomy().await;
    postern
        .add_client("api", |settings| {
            settings.resource = Some("https://api.example".parse().expect("valid"));
        })
        .await;
    let (phone, first) = signed_in(&postern, "api").await;
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", "api"),
        ("refresh_token", first.refresh.as_str()),
        ("scope", "openid"),
        ("resource", "https://api.example"),
    ];
    spoil(&postern, "/token", &pairs).await;
    let row = super::row(&postern, &first).await;
    assert_eq!(
        (row.state.as_str(), row.generation, row.retries),
        ("active", 1, 0)
    );
    Tokens::of(&phone.refresh(&first.refresh).await);
}

#[tokio::test]
async fn a_spoiled_revocation_is_refused_and_the_session_lives() {
    let postern = roomy().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let pairs = [
        ("client_id", "notes"),
        ("token", first.refresh.as_str()),
        ("token_type_hint", "refresh_token"),
    ];
    spoil(&postern, "/revoke", &pairs).await;
    assert_eq!(postern.count_events("session.ended").await, 0);
    Tokens::of(&phone.refresh(&first.refresh).await);
}

#[tokio::test]
async fn only_forms_are_read() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let json = format!(
        r#"{{"grant_type":"refresh_token","client_id":"notes","refresh_token":"{}"}}"#,
        first.refresh
    );
    let form = format!(
        "grant_type=refresh_token&client_id=notes&refresh_token={}",
        first.refresh
    );
    for path in ["/token", "/revoke"] {
        for kind in [
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
            "",
            "application/x-www-form",
        ] {
            refused(
                &postern.send(raw_post(path, kind, json.clone())).await,
                415,
                "invalid_request",
            );
            refused(
                &postern.send(raw_post(path, kind, form.clone())).await,
                415,
                "invalid_request",
            );
        }
        let untyped = Request::post(path)
            .body(Body::from(form.clone()))
            .expect("a request");
        refused(&postern.send(untyped).await, 415, "invalid_request");
        refused(
            &postern.send(raw_post(path, FORM, json.clone())).await,
            400,
            "invalid_request",
        );
        refused(
            &postern.send(raw_post(path, FORM, vec![0xff, 0xfe, b'='])).await,
            400,
            "invalid_request",
        );
        refused(
            &postern.send(raw_post(path, FORM, "a=1&".repeat(65))).await,
            400,
            "invalid_request",
        );
        refused(
            &postern.send(raw_post(path, FORM, "")).await,
            400,
            "invalid_request",
        );
        // Parameters in the query are none (RFC 6749 section 2.3.1).
        let query = format!("{path}?{form}&token={}", first.refresh);
        refused(
            &postern.send(raw_post(&query, FORM, "")).await,
            400,
            "invalid_request",
        );
    }
    let with_charset = format!("{FORM}; charset=UTF-8");
    let answer = postern.send(raw_post("/token", &with_charset, form)).await;
    let second = Tokens::of(&answer);
    Tokens::of(&phone.refresh(&second.refresh).await);
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let postern = Postern::start().await;
    for path in ["/token", "/revoke"] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .expect("a request");
            let answer = postern.send(request).await;
            assert_eq!(answer.status, 405);
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn a_body_over_32_kib_is_too_large() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let body = format!(
        "grant_type=refresh_token&client_id=notes&refresh_token={}&padding={}",
        first.refresh,
        "a".repeat(32 * 1024)
    );
    for path in ["/token", "/revoke"] {
        refused(
            &postern.send(raw_post(path, FORM, body.clone())).await,
            413,
            "invalid_request",
        );
        // As it comes over a connection, with its length told before.
        let mut told = raw_post(path, FORM, body.clone());
        told.headers_mut().insert("content-length", body.len().into());
        refused(&postern.send(told).await, 413, "invalid_request");
    }
    let fitting = format!(
        "{}&padding={}",
        &body[..body.find("&padding").expect("there")],
        "a".repeat(30_000)
    );
    let second = Tokens::of(&postern.send(raw_post("/token", FORM, fitting)).await);
    Tokens::of(&phone.refresh(&second.refresh).await);
}

#[tokio::test]
async fn a_public_client_that_sends_a_credential_is_refused() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    for (name, value) in [("client_secret", "pst_cs_x"), ("client_assertion", "a.b.c")] {
        refused(
            &phone.refresh_with(&first.refresh, &[(name, value)]).await,
            401,
            "invalid_client",
        );
    }
    let form = format!(
        "grant_type=refresh_token&client_id=notes&refresh_token={}&token={0}",
        first.refresh
    );
    for path in ["/token", "/revoke"] {
        for credential in ["Basic bm90ZXM6eA==", "Basic", "Bearer x", "Basic !!!"] {
            let mut request = raw_post(path, FORM, form.clone());
            request
                .headers_mut()
                .insert("authorization", credential.parse().expect("a header"));
            let answer = postern.send(request).await;
            refused(&answer, 401, "invalid_client");
            // RFC 6749 section 5.2: who came with a header is told the scheme.
            assert!(
                answer.header("www-authenticate").starts_with("Basic"),
                "{answer:?}"
            );
        }
    }
    Tokens::of(&phone.refresh(&first.refresh).await);
}

#[tokio::test]
async fn unknown_clients_and_grants_have_their_own_errors() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    for unknown in ["nobody", "NOTES", "notes ", "usr_1", "a\u{e9}", "%"] {
        refused(
            &phone
                .refresh_with(&first.refresh, &[("client_id", unknown)])
                .await,
            401,
            "invalid_client",
        );
    }
    for grant in ["password", "implicit", "REFRESH_TOKEN", "refresh_token ", "x"] {
        let answer = phone.refresh_with(&first.refresh, &[("grant_type", grant)]).await;
        refused(&answer, 400, "unsupported_grant_type");
    }
    let answer = phone
        .refresh_with(&first.refresh, &[("grant_type", "client_credentials")])
        .await;
    refused(&answer, 400, "unauthorized_client");
    let unknown = postern
        .post("/revoke", &[("client_id", "nobody"), ("token", &first.refresh)])
        .await;
    refused(&unknown, 401, "invalid_client");
    Tokens::of(&phone.refresh(&first.refresh).await);
}

#[tokio::test]
async fn a_changed_refresh_token_is_refused_and_the_right_one_lives() {
    let postern = roomy().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let token = &first.refresh;
    for at in 0..token.len() {
        let mut flipped = token.clone().into_bytes();
        flipped[at] ^= 1;
        let flipped = String::from_utf8(flipped).expect("ASCII");
        refused(&phone.refresh(&flipped).await, 400, "invalid_grant");
        if at > 0 {
            refused(&phone.refresh(&token[..at]).await, 400, "invalid_grant");
        }
    }
    for other in [
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        first.access.clone(),
    ] {
        refused(&phone.refresh(&other).await, 400, "invalid_grant");
    }
    Tokens::of(&phone.refresh(token).await);
}

#[tokio::test]
async fn failures_are_limited_by_address_and_successes_are_not() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 5).await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let from = async |address: u8, token: &str| -> Answer {
        let body = format!("grant_type=refresh_token&client_id=notes&refresh_token={token}");
        postern
            .send_from([198, 51, 100, address], raw_post("/token", FORM, body))
            .await
    };

    let mut newest = first.refresh.clone();
    for _ in 0..50 {
        newest = Tokens::of(&from(1, &newest).await).refresh;
    }
    // A token of ours that is no good any more is no guess: it does not count.
    let (_, ended) = signed_in(&postern, "notes").await;
    phone.revoke(&ended.refresh).await;
    for _ in 0..20 {
        refused(&from(1, &ended.refresh).await, 400, "invalid_grant");
    }
    for _ in 0..5 {
        refused(&from(1, "pst_rt_invented").await, 400, "invalid_grant");
    }
    let answer = from(1, "pst_rt_invented").await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("cache-control"), "no-store");
    // Everybody behind a proxy may have one address: who is right never waits for who is not.
    let next = Tokens::of(&from(1, &newest).await).refresh;
    let next = Tokens::of(&from(2, &next).await).refresh;
    assert_eq!(from(1, "pst_rt_invented").await.status, 429);
    postern.advance("1s");
    refused(&from(1, "pst_rt_invented").await, 400, "invalid_grant");
    assert_eq!(
        from(1, "pst_rt_invented").await.status,
        429,
        "one try came back, and was used"
    );

    // The same for who fails to be a client, at both endpoints, and for invented codes.
    for _ in 0..5 {
        let body = "client_id=nobody&token=x";
        let answer = postern
            .send_from([198, 51, 100, 3], raw_post("/revoke", FORM, body))
            .await;
        refused(&answer, 401, "invalid_client");
    }
    assert_eq!(from(3, "pst_rt_invented").await.status, 429);
    let next = Tokens::of(&from(3, &next).await).refresh;
    let invented = format!("pst_ac_{}", "A".repeat(43));
    let body = format!(
        "grant_type=authorization_code&client_id=notes&code={invented}&code_verifier={}",
        phone.verifier
    );
    for _ in 0..5 {
        let answer = postern
            .send_from([198, 51, 100, 4], raw_post("/token", FORM, body.clone()))
            .await;
        refused(&answer, 400, "invalid_grant");
    }
    assert_eq!(from(4, "pst_rt_invented").await.status, 429);
    Tokens::of(&from(4, &next).await);
    Tokens::of(&from(5, &next).await);
}
