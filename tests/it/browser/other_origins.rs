//! An app in a browser, at another origin than the server: what its scripts may read (CORS).

use postern::domain::client::{ClientKind, ClientSettings};
use serde_json::json;

use super::{Browser, Size, elsewhere::Elsewhere, site::Site};
use crate::harness::ALICE;

/// What a page's script gets of a request: the status and a header, or that the browser does not let it read.
async fn fetched(browser: &Browser, url: &str, options: &str) -> serde_json::Value {
    let script = format!(
        "return fetch({url:?}, {options}).then(async answer => [answer.status, answer.headers.get('dpop-nonce') !== null, \
         await answer.json()], () => 'not readable')"
    );
    browser.execute(&script).await
}

#[tokio::test]
async fn a_page_reads_the_answers_of_its_own_client_and_of_no_other() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    let page = Elsewhere::serve("<h1>Notes</h1>").await;
    let own = page.same_site();
    let settings = |redirect: &str, origin: &str| ClientSettings {
        redirect_uris: vec![redirect.parse().expect("a redirect URI")],
        scope: "openid profile email offline_access".parse().expect("valid"),
        allowed_origins: vec![origin.trim_end_matches('/').parse().expect("an origin")],
        token_endpoint_auth_method: postern::domain::client::AuthMethod::None,
        ..ClientSettings::new(ClientKind::Web)
    };
    let provider = site.postern.provider();
    let (id, name) = ("spa".parse().expect("an id"), "Spa".parse().expect("a name"));
    let registered = settings("http://127.0.0.1/callback", &own);
    postern::flows::clients::add(provider, id, name, registered)
        .await
        .expect("a new client");
    let phone = site.postern.phone_of("spa");
    let tokens = phone.signed_in(&mut site.postern.browser(), ALICE).await;

    let refresh = |client: &str, token: &str| {
        let form = crate::harness::encode(&[
            ("grant_type", "refresh_token"),
            ("client_id", client),
            ("refresh_token", token),
        ]);
        json!({ "method": "POST", "headers": { "Content-Type": "application/x-www-form-urlencoded", "DPoP": "x" }, "body": form })
            .to_string()
    };
    let who = json!({ "headers": { "Authorization": format!("Bearer {}", tokens.access) } }).to_string();
    let (token, userinfo) = (site.url("/token"), site.url("/userinfo"));

    browser.goto(&own).await;
    browser.wait_for_heading("Notes").await;
    // With a proof, which makes the browser ask first; the proof is no good, and the page reads why, and the nonce.
    let answer = fetched(&browser, &token, &refresh("spa", &tokens.refresh)).await;
    assert_eq!(
        (&answer[0], &answer[1], &answer[2]["error"]),
        (&json!(400), &json!(true), &json!("invalid_dpop_proof"))
    );
    let plain = refresh("spa", &tokens.refresh)
        .replace(r#","DPoP":"x""#, "")
        .replace(r#""DPoP":"x","#, "");
    let answer = fetched(&browser, &token, &plain).await;
    assert_eq!(answer[0], 200, "{answer}");
    assert!(answer[2]["refresh_token"].is_string());
    let answer = fetched(&browser, &userinfo, &who).await;
    assert_eq!((&answer[0], &answer[2]["email"]), (&json!(200), &json!(ALICE)));
    // Cookies change nothing: an answer to a request with them is nobody's to read.
    let with_cookies = who.replacen('{', r#"{"credentials":"include","#, 1);
    assert_eq!(fetched(&browser, &userinfo, &with_cookies).await, "not readable");
    // Another client of the same server has not named this page.
    let notes = site
        .postern
        .phone()
        .signed_in(&mut site.postern.browser(), ALICE)
        .await;
    let others = refresh("notes", &notes.refresh)
        .replace(r#","DPoP":"x""#, "")
        .replace(r#""DPoP":"x","#, "");
    assert_eq!(fetched(&browser, &token, &others).await, "not readable");

    // The same page at an origin that nobody has named.
    browser.goto(&page.cross_site()).await;
    browser.wait_for_heading("Notes").await;
    for options in [refresh("spa", &tokens.refresh), plain] {
        assert_eq!(fetched(&browser, &token, &options).await, "not readable");
    }
    assert_eq!(fetched(&browser, &userinfo, &who).await, "not readable");
    let metadata = fetched(&browser, &site.url("/.well-known/openid-configuration"), "{}").await;
    assert_eq!(metadata[2]["issuer"], site.postern.issuer());
    assert_eq!(fetched(&browser, &site.url("/jwks.json"), "{}").await[0], 200);
}
