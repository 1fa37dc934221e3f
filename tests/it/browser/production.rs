//! One whole journey as in production: an https public URL, behind a proxy that ends TLS.

use super::{
    Browser, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD};

const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn behind_tls_the_cookies_and_headers_are_the_production_ones() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start_behind_tls().await;
    assert!(site.postern.issuer().starts_with("https://localhost:"));
    let (phone, callback) = site.notes().await;

    site.authorize(&browser, &phone, &[]).await;
    browser.wait_for_heading("Sign in").await;
    let names: Vec<String> = browser
        .cookies()
        .await
        .into_iter()
        .map(|cookie| cookie.name)
        .collect();
    assert_eq!(
        names,
        ["__Host-postern-flow"],
        "no session before somebody has proved something"
    );
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for("#allow").await;

    let mut cookies = browser.cookies().await;
    cookies.sort_by(|a, b| a.name.cmp(&b.name));
    let now = browser.execute("return Math.floor(Date.now() / 1000)").await;
    let now = now.as_u64().expect("a time");
    let lives = [
        ("__Host-postern", 29 * DAY, 31 * DAY),
        ("__Host-postern-flow", 1, 3600),
        ("__Host-postern-known", 364 * DAY, 366 * DAY),
    ];
    assert_eq!(cookies.len(), lives.len(), "{cookies:?}");
    for (cookie, (name, least, most)) in cookies.iter().zip(lives) {
        assert_eq!((cookie.name.as_str(), cookie.path.as_str()), (name, "/"));
        assert!(cookie.secure && cookie.http_only, "{cookie:?}");
        assert_eq!(cookie.same_site.as_deref(), Some("Lax"));
        let life = cookie
            .expiry
            .expect("persistent: iOS does not share session cookies")
            .saturating_sub(now);
        assert!((least..=most).contains(&life), "{name} lives for {life} s");
    }

    browser.click("#allow").await;
    let code = site.code(&browser, &phone, &callback).await;
    let tokens = site.redeem(&phone, &code).await;
    assert_eq!(tokens.claims()["iss"], site.postern.issuer());

    browser.goto(&site.url("/account")).await;
    browser.wait_for("#sign-out").await;
    let pages = browser.pages_received(site.postern.issuer()).await;
    assert!(pages.len() >= 3, "sign-in, consent, account: {pages:?}");
    for headers in pages {
        let header = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(header("strict-transport-security"), Some("max-age=31536000"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("referrer-policy"), Some("same-origin"));
    }
    browser.click("#sign-out").await;
    browser.wait_for_heading("You’re signed out").await;
    let left = browser.cookies().await;
    assert!(
        left.iter().all(|cookie| cookie.name != "__Host-postern"),
        "{left:?}"
    );
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}
