//! Which pages of other sites may read what the server answers (CORS): those at origins that the client has named, where an
//! app in a browser needs it, and never with cookies.

use axum::{body::Body, http::Request};
use postern::domain::client::ClientKind;

use crate::harness::{ALICE, Answer, Postern, encode};

const OWN: &str = "https://app.example";
const OTHERS: &str = "https://other.example";
const EVIL: &str = "https://evil.example";

/// `spa` has pages at one origin, `shop` at another, `notes` has none.
async fn world() -> Postern {
    let postern = Postern::start().await;
    for (id, origin) in [("spa", OWN), ("shop", OTHERS)] {
        postern
            .add_client(id, |settings| {
                settings.kind = ClientKind::Web;
                settings.allowed_origins = vec![origin.parse().expect("an origin")];
            })
            .await;
    }
    postern
}

async fn ask(
    postern: &Postern,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    form: &[(&str, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !form.is_empty() {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    postern
        .send(request.body(Body::from(encode(form))).expect("a request"))
        .await
}

async fn preflight(postern: &Postern, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,dpop",
        ),
    ];
    ask(postern, "OPTIONS", path, &headers, &[]).await
}

/// Whose pages may read the answer.
fn readers(answer: &Answer) -> &str {
    assert!(
        !answer.headers.contains_key("access-control-allow-credentials"),
        "never with cookies"
    );
    answer.header("access-control-allow-origin")
}

const CALLED: [&str; 5] = ["/token", "/par", "/revoke", "/device_authorization", "/userinfo"];

#[tokio::test]
async fn a_page_asks_first_and_is_told_what_it_may_send() {
    let postern = world().await;
    for path in CALLED {
        let answer = preflight(&postern, path, OWN).await;
        assert_eq!((answer.status.as_u16(), readers(&answer)), (204, OWN), "{path}");
        assert_eq!(
            answer.header("access-control-allow-headers"),
            "authorization, content-type, dpop"
        );
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        assert_eq!(answer.header("vary"), "Origin");
        assert!(answer.headers.get("set-cookie").is_none() && answer.body.is_empty());
    }
}

#[tokio::test]
async fn an_origin_that_no_client_has_named_letter_for_letter_is_told_nothing() {
    let postern = world().await;
    for origin in [
        EVIL,
        "null",
        "*",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "http://app.example",
        "https://APP.example",
        "https://app.example/",
        "https://evil.example, https://app.example",
        "https://sub.app.example",
    ] {
        for path in CALLED {
            let answer = preflight(&postern, path, origin).await;
            assert_eq!(
                (answer.status.as_u16(), readers(&answer)),
                (204, ""),
                "{origin} {path}"
            );
            assert!(answer.headers.get("access-control-allow-headers").is_none());
            assert_eq!(answer.header("vary"), "Origin");
            let answer = ask(
                &postern,
                "POST",
                path,
                &[("origin", origin)],
                &[("client_id", "spa")],
            )
            .await;
            assert_eq!(readers(&answer), "", "{origin} {path}");
        }
    }
    let twice = [("origin", OWN), ("origin", OWN)];
    assert_eq!(
        readers(&ask(&postern, "POST", "/token", &twice, &[("client_id", "spa")]).await),
        ""
    );
}

#[tokio::test]
async fn a_pages_own_client_is_answered_readably_and_another_client_is_not() {
    let postern = world().await;
    let phone = postern.phone_of("spa");
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    let form = phone.redemption(&code);
    let answer = ask(&postern, "POST", "/token", &[("origin", OWN)], &form).await;
    assert_eq!((answer.status.as_u16(), readers(&answer)), (200, OWN));
    let exposed = answer.header("access-control-expose-headers");
    for name in ["DPoP-Nonce", "WWW-Authenticate", "Retry-After"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    assert_eq!(answer.header("vary"), "Origin");
    let tokens = crate::harness::Tokens::of(&answer);

    // The same from a page of somebody else's: done, and not readable. That another client has named it does not help.
    let refreshing = phone.refreshing(&tokens.refresh);
    for origin in [OTHERS, EVIL] {
        let answer = ask(&postern, "POST", "/token", &[("origin", origin)], &refreshing).await;
        assert_eq!((answer.status.as_u16(), readers(&answer)), (200, ""), "{origin}");
        assert_eq!(answer.header("vary"), "Origin");
    }
    let bearer = format!("Bearer {}", tokens.access);
    for (origin, reader) in [(OWN, OWN), (OTHERS, ""), (EVIL, "")] {
        let headers = [("origin", origin), ("authorization", bearer.as_str())];
        for method in ["GET", "POST"] {
            let answer = ask(&postern, method, "/userinfo", &headers, &[]).await;
            assert_eq!(
                (answer.status.as_u16(), readers(&answer)),
                (200, reader),
                "{method} {origin}"
            );
        }
        let form = [("access_token", tokens.access.as_str())];
        let answer = ask(&postern, "POST", "/userinfo", &[("origin", origin)], &form).await;
        assert_eq!(
            (answer.status.as_u16(), readers(&answer)),
            (200, reader),
            "{origin}"
        );
    }
    // A client that has named none has no pages.
    let app = postern.phone();
    let code = app.allowed_code(&mut postern.browser(), ALICE).await;
    let answer = ask(
        &postern,
        "POST",
        "/token",
        &[("origin", OWN)],
        &app.redemption(&code),
    )
    .await;
    assert_eq!((answer.status.as_u16(), readers(&answer)), (200, ""));
}

#[tokio::test]
async fn a_refusal_can_be_read_where_nobody_knows_the_client_but_not_by_strangers() {
    let postern = world().await;
    for (origin, reader) in [(OWN, OWN), (EVIL, "")] {
        let unknown = ask(
            &postern,
            "POST",
            "/token",
            &[("origin", origin)],
            &[("client_id", "nobody")],
        )
        .await;
        assert_eq!((unknown.status.as_u16(), readers(&unknown)), (401, reader));
        let headers = [("origin", origin), ("authorization", "Bearer x.y.z")];
        let expired = ask(&postern, "GET", "/userinfo", &headers, &[]).await;
        assert_eq!((expired.status.as_u16(), readers(&expired)), (401, reader));
    }
    // A known client's refusal is for its own pages.
    let form = [
        ("client_id", "spa"),
        ("grant_type", "authorization_code"),
        ("code", "x"),
    ];
    for (origin, reader) in [(OWN, OWN), (OTHERS, "")] {
        let refused = ask(&postern, "POST", "/token", &[("origin", origin)], &form).await;
        assert_eq!((refused.status.as_u16(), readers(&refused)), (400, reader));
    }
}

#[tokio::test]
async fn everybody_reads_what_is_public_and_nobody_the_rest() {
    let postern = world().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/jwks.json",
    ] {
        let answer = ask(&postern, "GET", path, &[("origin", EVIL)], &[]).await;
        assert_eq!((answer.status.as_u16(), readers(&answer)), (200, "*"), "{path}");
        assert_eq!(readers(&preflight(&postern, path, EVIL).await), "*");
    }
    for path in [
        "/authorize",
        "/introspect",
        "/register",
        "/logout",
        "/account",
        "/sign-in",
        "/consent",
        "/device",
        "/",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let headers = [("origin", OWN), ("access-control-request-method", "POST")];
            let answer = ask(&postern, method, path, &headers, &[]).await;
            assert_eq!(readers(&answer), "", "{method} {path}");
        }
    }
    // Without a page nothing is different.
    let plain = ask(&postern, "OPTIONS", "/token", &[], &[]).await;
    assert_eq!((plain.status.as_u16(), readers(&plain)), (405, ""));
}

#[tokio::test]
async fn a_removed_client_takes_its_origins_along() {
    let postern = world().await;
    assert_eq!(readers(&preflight(&postern, "/token", OWN).await), OWN);
    let id = "spa".parse().expect("a client id");
    postern::flows::clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");
    assert_eq!(readers(&preflight(&postern, "/token", OWN).await), "");
}
