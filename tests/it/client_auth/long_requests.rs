//! Pushed requests (RFC 9126) that are too large to travel in their `request_uri`.

use postern::{
    base::id::PushedRequestId,
    domain::client::{ClientKind, RegisteredBy},
    flows::sweep::sweep,
    store::{
        db::Statement,
        pushed_requests::{MANY, MANY_OF_CLIENT},
    },
};
use serde_json::json;

use super::{Key, Site, refused};
use crate::harness::{ALICE, Answer, Browser, Phone, Postern, Tokens, Went, encode};

const KEPT: &str = "SELECT COUNT(*) FROM pushed_requests";

/// The longest `state` and a long `nonce`: more than 2 KiB under a seal.
fn long(mut phone: Phone<'_>) -> Phone<'_> {
    phone.state = "s".repeat(1500);
    phone.nonce = "n".repeat(512);
    phone
}

async fn web(postern: &Postern) -> Site<'_> {
    Site::with_secret(postern, "shop", ClientKind::Web, |_| {}).await
}

async fn push(site: &Site<'_>, phone: &Phone<'_>) -> Answer {
    let pairs = phone.parameters();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .filter(|(name, _)| name != "client_id")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    site.post("/par", &pairs).await
}

fn pushed(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["request_uri"].as_str().expect("text").to_owned()
}

fn url(client: &str, request_uri: &str) -> String {
    format!(
        "/authorize?{}",
        encode(&[("client_id", client), ("request_uri", request_uri)])
    )
}

/// Opens a pushed request as Alice, who allows it.
async fn allowed(browser: &mut Browser<'_>, url: &str) -> Went {
    let mut page = browser.open(url).await.page();
    if !page.forms("/sign-in").is_empty() {
        page = browser.sign_in(&page, ALICE).await.page();
    }
    browser.press(&page, "allow").await
}

#[tokio::test]
async fn a_long_request_of_a_client_that_authenticates_goes_all_the_way_once() {
    for postern in Postern::on_each().await {
        let site = web(&postern).await;
        let phone = long(site.phone());
        let answer = push(&site, &phone).await;
        let request_uri = pushed(&answer);
        assert_eq!(answer.json()["expires_in"], 600);
        assert!(request_uri.len() < 300, "{request_uri}");
        assert_eq!(postern.number(KEPT).await, 1);

        let mut browser = postern.browser();
        let page = browser.open(&url("shop", &request_uri)).await.page();
        let page = browser.sign_in(&page, ALICE).await.page();
        let code = phone.code(&browser.press(&page, "allow").await.app());
        let again = phone.code(&browser.press(&page, "allow").await.app());
        assert_eq!(code, again, "the same page may be pressed again");
        let tokens = Tokens::of(&site.redeem(&phone, &code).await);
        assert_eq!(tokens.id_claims()["nonce"], phone.nonce.as_str());
        // RFC 9126 section 7.3: it opens one session.
        let back = browser.open(&url("shop", &request_uri)).await.app();
        let query: Vec<_> = back.query_pairs().into_owned().collect();
        assert!(
            query.contains(&("error".to_owned(), "invalid_request_uri".to_owned())),
            "{back}"
        );
        assert_eq!(postern.number("SELECT COUNT(*) FROM device_sessions").await, 1);
    }
}

#[tokio::test]
async fn a_long_request_object_is_kept_as_what_it_says() {
    let postern = Postern::start().await;
    let site = Site::with_key(&postern, "signs", ClientKind::Web, Key::es256("k"), |_| {}).await;
    let phone = long(site.phone());
    let now = postern.clock.now().seconds();
    let mut claims = json!({ "iss": site.id, "aud": postern.issuer(), "nbf": now, "exp": now + 300, "more": "x".repeat(2000) });
    for (name, value) in phone.parameters() {
        claims[name] = json!(value);
    }
    let header = json!({ "alg": site.key().algorithm(), "kid": "k", "typ": "oauth-authz-req+jwt" });
    let object = site.key().sign(&header, &claims);
    assert!(object.len() > 5000);
    let request_uri = pushed(&site.post("/par", &[("request", &object)]).await);
    let back = allowed(&mut postern.browser(), &url("signs", &request_uri)).await;
    let code = phone.code(&back.app());
    assert_eq!(site.redeem(&phone, &code).await.status, 200);
}

/// Who has proved nothing makes the server keep nothing.
#[tokio::test]
async fn a_long_request_of_an_app_or_a_stranger_is_refused() {
    let postern = Postern::start().await;
    let phone = long(postern.phone());
    let pairs = phone.parameters();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let of_app = postern.post("/par", &pairs).await;
    let stranger = Site::with_secret(&postern, "stranger", ClientKind::Web, |settings| {
        settings.registered_by = RegisteredBy::Itself;
    });
    let stranger = stranger.await;
    let of_stranger = push(&stranger, &long(stranger.phone())).await;
    for answer in [of_app, of_stranger] {
        refused(&answer, 400, "invalid_request");
        let hint = answer.json()["error_description"].to_string();
        assert!(hint.contains("about 1,400 characters"), "{hint}");
        assert!(hint.contains("a client that authenticates"), "{hint}");
    }
    // Nor does who only says that it is a client which could.
    let site = web(&postern).await;
    let secretless = [&pairs[..], &[("client_id", site.id)]].concat();
    let secretless: Vec<_> = secretless
        .into_iter()
        .filter(|(name, value)| *name != "client_id" || *value == site.id)
        .collect();
    refused(&postern.post("/par", &secretless).await, 401, "invalid_client");
    assert_eq!(postern.number(KEPT).await, 0);
}

#[tokio::test]
async fn a_kept_request_is_its_clients_and_nobody_makes_one_up() {
    let postern = Postern::start().await;
    let site = web(&postern).await;
    let other = Site::with_secret(&postern, "other", ClientKind::Web, |_| {}).await;
    let request_uri = pushed(&push(&site, &long(site.phone())).await);
    let row = Statement::<(), (PushedRequestId,)>::new("SELECT id FROM pushed_requests");
    let row = postern.provider().db.read(row, ()).await.expect("read");
    let (id,) = row.expect("it is kept");
    let mut bent = request_uri.clone();
    let last = bent.len() - 3;
    bent.replace_range(last..=last, if bent[last..=last] == *"A" { "B" } else { "A" });
    let named = format!("urn:ietf:params:oauth:request_uri:{id}");
    for (client, request_uri) in [
        (other.id, &request_uri),
        ("notes", &request_uri),
        (site.id, &bent),
        (site.id, &named),
    ] {
        let page = postern.browser().open(&url(client, request_uri)).await.page();
        assert_eq!(page.answer.status, 400);
        assert!(page.text().contains("invalid_request_uri"), "{}", page.text());
    }
}

/// The `request_uri` has its time, the pages that follow have theirs, and then it is forgotten.
#[tokio::test]
async fn a_kept_request_lives_as_long_as_somebody_may_be_signing_in_for_it() {
    for postern in Postern::on_each().await {
        let site = web(&postern).await;
        let phone = long(site.phone());
        let request_uri = pushed(&push(&site, &phone).await);
        postern.advance("599s");
        let mut browser = postern.browser();
        let page = browser.open(&url("shop", &request_uri)).await.page();
        assert_eq!(page.heading(), "Sign in");
        postern.advance("1s");
        let late = postern.browser().open(&url("shop", &request_uri)).await.page();
        assert!(late.text().contains("expired"), "{}", late.text());
        postern.advance("3590s");
        sweep(postern.provider()).await.expect("swept");
        let page = browser.sign_in(&page, ALICE).await.page();
        let code = phone.code(&browser.press(&page, "allow").await.app());
        assert_eq!(site.redeem(&phone, &code).await.status, 200);
        postern.advance("120s");
        sweep(postern.provider()).await.expect("swept");
        assert_eq!(postern.number(KEPT).await, 0);
    }
}

/// Rows of a client behind the server's back.
async fn fill(postern: &Postern, client: &str, rows: i64) {
    let sql = if postern.database.is_some() {
        "INSERT INTO pushed_requests (id, client_id, request, kept_until)
         SELECT gen_random_uuid(), $1, '', 9000000000000 FROM generate_series(1, $2)"
    } else {
        "INSERT INTO pushed_requests (id, client_id, request, kept_until)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2)
         SELECT randomblob(16), $1, '', 9000000000000 FROM numbers"
    };
    let filled = Statement::<(String, i64), ()>::new(sql);
    let _: Option<()> = postern
        .provider()
        .db
        .execute(filled, (client.to_owned(), rows))
        .await
        .expect("filled");
    assert!(postern.number(KEPT).await >= rows);
}

#[tokio::test]
async fn only_so_many_are_kept_of_a_client_and_in_all() {
    for postern in Postern::on_each().await {
        let (site, other) = (
            web(&postern).await,
            Site::with_secret(&postern, "other", ClientKind::Web, |_| {}).await,
        );
        fill(&postern, "shop", MANY_OF_CLIENT - 1).await;
        pushed(&push(&site, &long(site.phone())).await);
        let answer = push(&site, &long(site.phone())).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(!answer.header("retry-after").is_empty());
        // Short ones need no room, and neither does another client.
        pushed(&push(&site, &site.phone()).await);
        pushed(&push(&other, &long(other.phone())).await);

        postern.tamper("DELETE FROM pushed_requests").await;
        fill(&postern, "else", MANY).await;
        let answer = push(&other, &long(other.phone())).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(postern.number(KEPT).await, MANY);
    }
}
