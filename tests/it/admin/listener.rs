//! Two listeners: what is on which, and who may ask.

use axum::{body::Body, http::Request};
use postern::web::private::operations;

use super::{private, problem, send, send_from, start};
use crate::harness::Postern;

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn who_is_not_on_the_list_is_refused_before_anything_is_looked_at() {
    let postern = start().await;
    let inside: [std::net::IpAddr; 5] = [
        [127, 0, 0, 1].into(),
        [127, 9, 9, 9].into(),
        [10, 1, 255, 1].into(),
        "::1".parse().expect("an address"),
        "::ffff:10.1.0.1".parse().expect("an address"),
    ];
    for address in inside {
        assert_eq!(
            send_from(&postern, address, get("/api/v1/openapi.json"))
                .await
                .status,
            200,
            "{address}"
        );
    }
    let outside: [std::net::IpAddr; 5] = [
        [10, 2, 0, 1].into(),
        [203, 0, 113, 7].into(),
        [0, 0, 0, 0].into(),
        "::2".parse().expect("an address"),
        "::ffff:10.2.0.1".parse().expect("an address"),
    ];
    for address in outside {
        for path in [
            "/",
            "/health",
            "/console",
            "/api/v1/users",
            "/api/v1/openapi.json",
            "/assets/postern.css",
            "/%ff?%",
        ] {
            let (statements, answer) = postern.statements(send_from(&postern, address, get(path))).await;
            assert_eq!((answer.status.as_u16(), statements), (403, 0), "{address} {path}");
            assert_eq!(problem(&answer), "address-not-allowed");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_trusted_passes_nothing_on() {
    let postern = start().await;
    for header in ["x-forwarded-for", "forwarded"] {
        let asked = Request::get("/api/v1/openapi.json").header(header, "127.0.0.1");
        let answer = send(&postern, asked.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, 403, "{header}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_client_has_to_be_on_the_list() {
    let postern = Postern::start_with(|config| {
        private(config);
        config.server.trusted_proxies = "192.0.2.1".parse().expect("networks");
    })
    .await;
    for (client, status) in [
        ("10.1.2.3", 200),
        ("203.0.113.7", 403),
        ("10.1.2.3, 203.0.113.7", 403),
        ("nonsense", 400),
        ("10.1.2.3, unknown", 400),
        (" , ", 400),
    ] {
        let asked = Request::get("/api/v1/openapi.json").header("x-forwarded-for", client);
        let asked = asked.body(Body::empty()).expect("a request");
        assert_eq!(
            send_from(&postern, [192, 0, 2, 1], asked).await.status,
            status,
            "{client}"
        );
    }
}

#[tokio::test]
async fn a_proxy_on_the_list_of_which_nobody_can_read_whom_it_heard_is_not_taken_for_its_client() {
    // The proxy is on the same machine, where admins may come from.
    let postern = Postern::start_with(|config| {
        private(config);
        config.server.trusted_proxies = "127.0.0.1".parse().expect("networks");
    })
    .await;
    let ask = async |lines: &[&str]| {
        let mut asked = Request::get("/api/v1/openapi.json");
        for line in lines {
            asked = asked.header("x-forwarded-for", *line);
        }
        let asked = asked.body(Body::empty()).expect("a request");
        send(&postern, asked).await.status.as_u16()
    };
    let many = ["127.0.0.1"; 17].join(", ");
    for lines in [
        &["unknown"][..],
        &[""],
        &["_hidden"],
        &["127.0.0.1", "x"],
        &[&many],
    ] {
        assert_eq!(ask(lines).await, 400, "{lines:?}");
    }
    assert_eq!(ask(&["203.0.113.7"]).await, 403);
    // Who says nothing of anybody else asks itself.
    assert_eq!(ask(&[]).await, 200);
}

#[tokio::test]
async fn nothing_of_admins_is_on_the_public_listener() {
    let postern = start().await;
    let routes = operations();
    let api = routes.iter().map(|route| {
        (
            route.method,
            format!("/api/v1{}", route.path.replace("{id}", "x")),
        )
    });
    let pages = [
        "/console",
        "/console/sign-in",
        "/console/confirm",
        "/console/callback",
        "/health",
        "/api/v1/openapi.json",
    ];
    let pages = pages.map(|path| ("GET", path.to_owned()));
    let posts = [("POST", "/console/sign-out".to_owned())];
    for (method, path) in api.chain(pages).chain(posts) {
        let asked = Request::builder().method(method).uri(&path).body(Body::empty());
        let answer = postern.send(asked.expect("a request")).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn nothing_of_the_protocol_is_on_the_private_listener() {
    let postern = start().await;
    for path in [
        "/authorize",
        "/token",
        "/par",
        "/revoke",
        "/introspect",
        "/userinfo",
        "/jwks.json",
        "/register",
        "/logout",
        "/sign-in",
        "/continue",
        "/consent",
        "/device",
        "/device_authorization",
        "/account",
        "/account/password",
        "/sign-out",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/health/ready",
    ] {
        for method in ["GET", "POST"] {
            let asked = Request::builder().method(method).uri(path).body(Body::empty());
            let answer = send(&postern, asked.expect("a request")).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    assert_eq!(send(&postern, get("/assets/postern.css")).await.status, 200);
}

#[tokio::test]
async fn there_is_none_unless_it_is_set() {
    assert!(Postern::start().await.app.private_router().is_none());
}

#[tokio::test]
async fn health_is_told_in_detail_without_secrets() {
    let postern = start().await;
    let before = send(&postern, get("/health")).await;
    assert_eq!(before.status, 503, "nothing was polled yet");
    assert_eq!(before.json()["database"]["poll_age_ms"], serde_json::Value::Null);
    postern.poll().await;
    postern.advance("250ms");
    let answer = send(&postern, get("/health")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["status"], "ready");
    assert!(body["database"]["poll_age_ms"].is_i64() && body["database"]["clock_offset_ms"].is_i64());
    assert_eq!(body["keys"].as_array().expect("keys").len(), 3, "{body}");
    assert_eq!(
        body["disk"]["free_bytes"].is_u64(),
        postern.database.is_none(),
        "{body}"
    );
    postern.advance("1m");
    let stale = send(&postern, get("/health")).await;
    assert_eq!(
        (stale.status.as_u16(), stale.json()["reason"].as_str()),
        (503, Some("the database does not answer"))
    );
}
