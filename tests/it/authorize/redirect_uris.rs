//! Redirect URIs of every near-miss kind get a page, never a redirect (RFC 9700 section 2.1).

use postern::{domain::client::ClientSettings, flows::clients};

use crate::harness::{ALICE, Phone, Postern};

/// The request with this redirect URI is answered here.
async fn stays_here(postern: &Postern, phone: &Phone<'_>, uri: &str) {
    let answer = postern.get(&phone.authorize_url(&[("redirect_uri", uri)])).await;
    assert_eq!(answer.status, 400, "{uri}");
    assert!(answer.location().is_empty(), "{uri}");
    assert!(answer.header("refresh").is_empty());
    assert!(!answer.body.contains("http-equiv"), "{}", answer.body);
    assert!(
        answer
            .body
            .contains("<code id=\"error-code\">invalid_request</code>"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("<a "), "no link to follow: {}", answer.body);
    assert!(
        answer
            .header("content-security-policy")
            .contains("form-action 'self';"),
        "an unverified redirect URI opens nothing"
    );
}

async fn phone<'a>(postern: &'a Postern, client: &'static str, uri: &str) -> Phone<'a> {
    postern
        .add_client(client, |settings| {
            settings.redirect_uris = vec![uri.parse().expect("valid")];
        })
        .await;
    let mut phone = postern.phone_of(client);
    uri.clone_into(&mut phone.redirect_uri);
    let answer = postern.get(&phone.authorize_url(&[])).await;
    assert_eq!(answer.status, 200, "the registered one is right: {}", answer.body);
    phone
}

#[tokio::test]
async fn a_loopback_uri_may_change_its_port_and_nothing_else() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    for fine in [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
    ] {
        let answer = postern.get(&phone.authorize_url(&[("redirect_uri", fine)])).await;
        assert_eq!(answer.status, 200, "{fine}");
    }
    for near in [
        "http://127.0.0.1:49152/",
        "http://127.0.0.1:49152/callback/",
        "http://127.0.0.1:49152//callback",
        "http://127.0.0.1:49152/callback2",
        "http://127.0.0.1:49152/a/../callback",
        "http://127.0.0.1:49152/callback?x=1",
        "http://127.0.0.1:49152/callback?",
        "http://127.0.0.1:49152/callback#x",
        "http://127.0.0.1:49152/callback#",
        "http://127.0.0.1:49152/Callback",
        "http://127.0.0.1:49152/c%61llback",
        "http://127.0.0.1:49152/callback%20",
        " http://127.0.0.1:49152/callback",
        "http://127.0.0.1:49152/callback ",
        "HTTP://127.0.0.1:49152/callback",
        "https://127.0.0.1:49152/callback",
        "http://me@127.0.0.1:49152/callback",
        "http://127.0.0.1:49152@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:080/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:-1/callback",
        "http://127.1:49152/callback",
        "http://2130706433:49152/callback",
        "http://0x7f.0.0.1:49152/callback",
        "http://127.0.0.2:49152/callback",
        "http://[::1]:49152/callback",
        "http://[::ffff:127.0.0.1]:49152/callback",
        "http://localhost:49152/callback",
        "http:\\\\127.0.0.1:49152\\callback",
        "http:/127.0.0.1:49152/callback",
        "//127.0.0.1:49152/callback",
        "/callback",
        "javascript:alert(1)",
        "data:text/html,x",
    ] {
        stays_here(&postern, &phone, near).await;
    }
}

#[tokio::test]
async fn a_loopback_uri_of_one_family_is_not_one_of_the_other() {
    let postern = Postern::start().await;
    let phone = phone(&postern, "six", "http://[::1]/callback").await;
    let answer = postern
        .get(&phone.authorize_url(&[("redirect_uri", "http://[::1]:49152/callback")]))
        .await;
    assert_eq!(answer.status, 200);
    for near in [
        "http://127.0.0.1:49152/callback",
        "http://[0:0:0:0:0:0:0:1]:49152/callback",
        "http://[::1%25eth0]:49152/callback",
        "http://[::2]:49152/callback",
        "http://[::1]:49152/callback/",
        "http://[::1]:49152]/callback",
        "http://localhost/callback",
    ] {
        stays_here(&postern, &phone, near).await;
    }
}

#[tokio::test]
async fn an_https_uri_is_compared_character_by_character() {
    let postern = Postern::start().await;
    let phone = phone(&postern, "site", "https://app.example/cb?tenant=1").await;
    for near in [
        "https://app.example:443/cb?tenant=1",
        "https://app.example:8443/cb?tenant=1",
        "https://app.example/cb",
        "https://app.example/cb?tenant=2",
        "https://app.example/cb?tenant=1&x=1",
        "https://app.example/cb?tenant=%31",
        "https://app.example/cb/?tenant=1",
        "https://app.example/cb?tenant=1#",
        "https://app.example/CB?tenant=1",
        "https://APP.example/cb?tenant=1",
        "https://app.example./cb?tenant=1",
        "https://www.app.example/cb?tenant=1",
        "https://app.example.evil.example/cb?tenant=1",
        "https://app.example@evil.example/cb?tenant=1",
        "https://me:pw@app.example/cb?tenant=1",
        "https://app.example\\@evil.example/cb?tenant=1",
        "https://app.example%2f@evil.example/cb?tenant=1",
        "http://app.example/cb?tenant=1",
        "Https://app.example/cb?tenant=1",
        "https:app.example/cb?tenant=1",
    ] {
        stays_here(&postern, &phone, near).await;
    }
}

#[tokio::test]
async fn a_private_scheme_is_compared_character_by_character() {
    let postern = Postern::start().await;
    let phone = phone(&postern, "app", "com.example.notes:/callback").await;
    for near in [
        "com.example.notes://callback",
        "com.example.notes:///callback",
        "com.example.notes:callback",
        "com.example.notes:/callback/",
        "com.example.notes:/callback?x=1",
        "com.example.notes:/callback#x",
        "com.example.notes:/Callback",
        "com.example.notes:/c%61llback",
        "Com.example.notes:/callback",
        "com.example.note:/callback",
        "com.example.notes.evil:/callback",
        "com.example.notes%3A/callback",
        "https://com.example.notes/callback",
    ] {
        stays_here(&postern, &phone, near).await;
    }
}

#[tokio::test]
async fn what_another_client_registered_is_not_this_ones() {
    let postern = Postern::start().await;
    let other = phone(&postern, "site", "https://app.example/cb").await;
    stays_here(&postern, &postern.phone(), &other.redirect_uri).await;
}

#[tokio::test]
async fn a_client_that_is_gone_gets_a_page_at_every_step() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let consent = browser.sign_in(&page, ALICE).await.page();
    clients::remove(postern.provider(), "notes".parse().expect("an id"), None)
        .await
        .expect("removed");
    for answer in [
        postern.get(&phone.authorize_url(&[])).await,
        postern.get(&phone.authorize_url(&[("prompt", "none")])).await,
        browser.press(&consent, "allow").await.page().answer,
        browser.press(&consent, "deny").await.page().answer,
    ] {
        assert_eq!(answer.status, 400);
        assert!(answer.location().is_empty());
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_sessions").await, 0);
}

#[tokio::test]
async fn a_client_that_was_disabled_elsewhere_is_gone_with_the_next_poll() {
    let postern = Postern::start().await;
    postern
        .tamper("UPDATE clients SET disabled_at = 1 WHERE id = 'notes'")
        .await;
    postern
        .tamper("UPDATE versions SET value = value + 1 WHERE name = 'clients'")
        .await;
    postern
        .provider()
        .clients
        .reload(&postern.provider().db)
        .await
        .expect("read again");
    let answer = postern.get(&postern.phone().authorize_url(&[])).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .body
            .contains("<code id=\"error-code\">invalid_client</code>")
    );
}

#[tokio::test]
async fn a_redirect_uri_or_scope_that_was_taken_away_meanwhile_gets_no_code() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let mut alice = postern.browser();
    let page = alice.open(&phone.authorize_url(&[])).await.page();
    let page = alice.sign_in(&page, ALICE).await.page();
    let replace = async |uri: &str, scope: &str| {
        let id = "notes".parse().expect("a client id");
        clients::remove(postern.provider(), id, None)
            .await
            .expect("removed");
        let (uri, scope) = (uri.parse().expect("valid"), scope.parse().expect("valid"));
        let change =
            |settings: &mut ClientSettings| (settings.redirect_uris, settings.scope) = (vec![uri], scope);
        postern.add_client("notes", change).await;
    };
    for (uri, scope) in [
        ("https://new.example/callback", phone.scope),
        ("http://127.0.0.1/callback", "openid"),
    ] {
        replace(uri, scope).await;
        let refused = alice.press(&page, "allow").await.page();
        assert_eq!(refused.answer.status, 400);
        assert_eq!(refused.heading(), "This sign-in link does not work");
    }
    replace("http://127.0.0.1/callback", phone.scope).await;
    phone.code(&alice.press(&page, "allow").await.app());
}
