//! The harness tested on itself: it must see what it is there to see, and miss nothing it is asked for.

use axum::{
    Router,
    extract::{Form, State},
    http::{
        StatusCode,
        header::{CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE},
    },
    response::{Html, IntoResponse},
    routing::get,
};
use serde::Deserialize;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

use super::{Browser, Callback, ColorScheme, Size, TlsProxy};

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head><title>Sign in</title><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Sign in</h1>
<form method="post"><label for="name">Name</label> <input id="name" name="name" value="old">
<button>Continue</button></form></main></body>
</html>"#;

const FAULTY_PAGE: &str =
    r#"<!doctype html><html><title></title><input name="unnamed"><img src="data:,"></html>"#;

/// A page whose form ends at the redirect URI, under a policy that says where forms may go.
struct Site {
    redirect_uri: String,
    form_action: String,
}

#[derive(Deserialize)]
struct Posted {
    name: String,
}

async fn page(State(site): State<Arc<Site>>) -> impl IntoResponse {
    let policy = format!("default-src 'none'; form-action {}", site.form_action);
    let cookie = "__Host-flow=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600";
    (
        [(CONTENT_SECURITY_POLICY, policy), (SET_COOKIE, cookie.to_owned())],
        Html(PAGE),
    )
}

async fn post(State(site): State<Arc<Site>>, Form(posted): Form<Posted>) -> impl IntoResponse {
    (
        StatusCode::SEE_OTHER,
        [(LOCATION, format!("{}?code={}", site.redirect_uri, posted.name))],
    )
}

async fn serve(redirect_uri: &str, form_action: &str) -> SocketAddr {
    let site = Site {
        redirect_uri: redirect_uri.to_owned(),
        form_action: form_action.to_owned(),
    };
    let app = Router::new()
        .route("/", get(page).post(post))
        .route("/faulty", get(async || Html(FAULTY_PAGE)))
        .with_state(Arc::new(site));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn fill_in(browser: &Browser, url: &str) {
    browser.goto(url).await;
    browser.fill("#name", "new").await;
    browser.click("button").await;
}

#[tokio::test]
async fn a_form_post_is_followed_to_each_kind_of_callback() {
    for callback in [
        Callback::ipv4().await,
        Callback::ipv6().await,
        Callback::https().await,
    ] {
        let Some(browser) = Browser::open(Size::Desktop).await else {
            return;
        };
        let scheme = callback.redirect_uri().split_once("//").expect("a scheme").0;
        let site = serve(callback.redirect_uri(), &format!("'self' {scheme}")).await;
        fill_in(&browser, &format!("http://{site}/")).await;

        let redirect = callback.received().await;
        assert_eq!(redirect.request_line, "GET /callback?code=new");
        assert_eq!(redirect.param("code").as_deref(), Some("new"));
        browser.wait_for_url(callback.redirect_uri()).await;
        assert_eq!(
            browser.current_url().await,
            format!("{}?code=new", callback.redirect_uri())
        );
        assert_eq!(browser.text().await, "Back in the app");
        assert_eq!(browser.csp_violations().await, Vec::<String>::new());
        assert!(callback.stays_quiet().await);

        browser.back().await;
        browser.wait_for("#name").await;
    }
}

#[tokio::test]
async fn a_policy_that_stops_the_redirect_is_seen() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let callback = Callback::ipv4().await;
    let site = serve(callback.redirect_uri(), "'self'").await;
    fill_in(&browser, &format!("http://{site}/")).await;

    let violation = browser.wait_for_csp_violation().await;
    assert!(violation.contains("form-action"), "{violation}");
    assert_eq!(browser.csp_violations().await, [violation], "it stays known");
    assert!(callback.stays_quiet().await);
}

#[tokio::test]
async fn a_navigation_to_a_private_scheme_is_seen() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = serve("com.example.app:/cb", "'self' com.example.app:").await;
    assert_eq!(
        browser.navigation_requests("com.example.app").await,
        Vec::<String>::new()
    );
    fill_in(&browser, &format!("http://{site}/")).await;

    assert_eq!(
        browser.wait_for_navigation("com.example.app").await,
        "com.example.app:/cb?code=new"
    );
    assert_eq!(
        browser.navigation_requests("com.example.app").await,
        ["com.example.app:/cb?code=new"]
    );
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
    assert!(browser.exists("#name").await, "the form stays");
}

#[tokio::test]
async fn a_private_scheme_that_the_policy_forbids_is_a_violation() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = serve("com.example.app:/cb", "'self'").await;
    fill_in(&browser, &format!("http://{site}/")).await;
    let violation = browser.wait_for_csp_violation().await;
    assert!(violation.contains("form-action"), "{violation}");
    assert_eq!(
        browser.navigation_requests("com.example.app").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn behind_the_tls_proxy_cookies_are_the_production_ones() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let proxy = TlsProxy::bind().await;
    let url = proxy.url();
    proxy.forward_to(serve("https://localhost/", "'self'").await);
    browser.goto(&url).await;
    assert!(browser.source().await.contains("<h1>Sign in</h1>"));

    let cookies = browser.cookies().await;
    let [cookie] = cookies.as_slice() else {
        panic!("{cookies:?}")
    };
    assert_eq!(
        (cookie.name.as_str(), cookie.value.as_str(), cookie.path.as_str()),
        ("__Host-flow", "1", "/")
    );
    assert!(
        cookie.secure && cookie.http_only && cookie.expiry.is_some(),
        "{cookie:?}"
    );
    assert_eq!(cookie.same_site.as_deref(), Some("Lax"));
    browser.clear_cookies().await;
    assert!(browser.cookies().await.is_empty());
}

#[tokio::test]
async fn what_a_person_would_see_can_be_set_and_checked() {
    for (size, width, height) in [(Size::Phone, 390, 844), (Size::Desktop, 1280, 900)] {
        let Some(browser) = Browser::open(size).await else {
            return;
        };
        let site = serve("/", "'self'").await;
        browser.goto(&format!("http://{site}/")).await;
        assert_eq!(browser.execute("return innerWidth").await, width);
        assert_eq!(browser.execute("return innerHeight").await, height);
        for (scheme, dark) in [(ColorScheme::Dark, true), (ColorScheme::Light, false)] {
            browser.set_color_scheme(scheme).await;
            let seen = browser
                .execute("return matchMedia('(prefers-color-scheme: dark)').matches")
                .await;
            assert_eq!(seen, dark);
        }
        let picture = tempfile::tempdir().expect("a folder");
        let picture = picture.path().join("pictures/page.png");
        browser.screenshot(&picture).await;
        assert!(
            std::fs::read(&picture)
                .expect("a picture")
                .starts_with(b"\x89PNG")
        );
    }
}

#[tokio::test]
async fn accessibility_faults_are_named() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = serve("/", "'self'").await;
    browser.goto(&format!("http://{site}/")).await;
    assert_eq!(browser.axe().await, Vec::<String>::new());

    browser.goto(&format!("http://{site}/faulty")).await;
    let faults = browser.axe().await;
    for rule in [
        "label (critical)",
        "image-alt (critical)",
        "html-has-lang (serious)",
        "document-title (serious)",
    ] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(rule)),
            "{rule} in {faults:#?}"
        );
    }
}
