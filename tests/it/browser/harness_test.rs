//! The harness tested on itself: faults that the journeys must not have are seen where there are some.

use axum::{
    Router,
    extract::{Form, State},
    http::{
        StatusCode,
        header::{CONTENT_SECURITY_POLICY, LOCATION},
    },
    response::{Html, IntoResponse},
    routing::get,
};
use serde::Deserialize;
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

use super::{Browser, Callback, Size};

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
    ([(CONTENT_SECURITY_POLICY, policy)], Html(PAGE))
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
