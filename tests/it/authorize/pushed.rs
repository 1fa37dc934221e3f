//! Pushed authorization requests (RFC 9126).

use axum::{
    body::Body,
    http::{Method, Request},
};

use postern::domain::client::ClientSettings;

use crate::harness::{ALICE, Answer, Phone, Postern, ProofKey, Tokens, borrowed, encode};

/// Pushes the phone's request, with changes.
async fn push(postern: &Postern, phone: &Phone<'_>, changes: &[(&str, &str)]) -> Answer {
    let pairs = phone.parameters_with(changes);
    postern.post("/par", &borrowed(&pairs)).await
}

async fn pushed(postern: &Postern, phone: &Phone<'_>) -> String {
    let answer = push(postern, phone, &[]).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["request_uri"].as_str().expect("text").to_owned()
}

fn url(client: &str, request_uri: &str) -> String {
    format!(
        "/authorize?{}",
        encode(&[("client_id", client), ("request_uri", request_uri)])
    )
}

#[tokio::test]
async fn a_pushed_request_signs_in_and_nothing_is_stored_before_that() {
    for postern in Postern::on_each().await {
        let phone = postern.phone();
        let before = postern.rows().await;
        let answer = push(&postern, &phone, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("cache-control")),
            (201, "no-store")
        );
        assert_eq!(answer.json()["expires_in"], 600);
        assert_eq!(postern.rows().await, before);

        let request_uri = pushed(&postern, &phone).await;
        let mut browser = postern.browser();
        // Loading it twice before anybody has decided must work: browsers do that.
        browser.open(&url("notes", &request_uri)).await.page();
        let back = browser.allow(&url("notes", &request_uri), ALICE).await;
        let tokens = Tokens::of(&phone.redeem(&phone.code(&back)).await);
        assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
    }
}

#[tokio::test]
async fn a_request_uri_opens_one_session() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let url = url("notes", &pushed(&postern, &phone).await);
    let mut browser = postern.browser();
    let page = browser.open(&url).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    let first = phone.code(&browser.press(&page, "allow").await.app());
    let again = phone.code(&browser.press(&page, "allow").await.app());
    assert_eq!(first, again, "the same row may be pressed again");
    // Another page of the same request_uri would open another.
    let back = browser.allow(&url, ALICE).await;
    let query: Vec<_> = back.query_pairs().into_owned().collect();
    assert!(
        query.contains(&("error".to_owned(), "invalid_request_uri".to_owned())),
        "{back}"
    );
    assert!(query.iter().any(|(name, _)| name == "iss"), "{back}");
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_sessions").await, 1);
    assert_eq!(phone.redeem(&first).await.status, 200);
}

#[tokio::test]
async fn what_stands_beside_it_in_the_url_is_ignored() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let url = url("notes", &pushed(&postern, &phone).await);
    let url = format!(
        "{url}&redirect_uri=https%3A%2F%2Fevil.example&state=other&scope=admin&prompt=none&request=x"
    );
    let back = postern.browser().allow(&url, ALICE).await;
    // `code` compares the redirect URI and the state with those that were pushed.
    assert_eq!(phone.redeem(&phone.code(&back)).await.status, 200);
}

#[tokio::test]
async fn it_is_good_for_its_client_and_its_time_and_as_it_was_made() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let phone = postern.phone();
    let request_uri = pushed(&postern, &phone).await;
    let mut bent = request_uri.clone();
    let last = bent.len() - 3;
    bent.replace_range(last..=last, if bent[last..=last] == *"A" { "B" } else { "A" });
    for (client, request_uri) in [
        ("other", request_uri.as_str()),
        ("notes", &bent),
        ("notes", "urn:ietf:params:oauth:request_uri:"),
        ("notes", "urn:ietf:params:oauth:request_uri:x"),
    ] {
        let page = postern.browser().open(&url(client, request_uri)).await.page();
        assert_eq!(page.answer.status, 400);
        assert!(page.text().contains("invalid_request_uri"), "{}", page.text());
    }
    postern.advance("599s");
    let mut browser = postern.browser();
    let page = browser.open(&url("notes", &request_uri)).await.page();
    assert_eq!(page.heading(), "Sign in");
    postern.advance("1s");
    let late = postern.browser().open(&url("notes", &request_uri)).await.page();
    assert!(late.text().contains("expired"), "{}", late.text());
    // Its time is judged when it is first loaded.
    let page = browser.sign_in(&page, ALICE).await.page();
    assert_eq!(page.heading(), "Allow Notes to use your account?");
}

#[tokio::test]
async fn a_request_is_checked_when_it_is_pushed() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let long = "x".repeat(1500);
    for (name, value, error) in [
        (
            "request_uri",
            "urn:ietf:params:oauth:request_uri:x",
            "invalid_request",
        ),
        ("redirect_uri", "https://evil.example/", "invalid_request"),
        ("redirect_uri", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "admin", "invalid_scope"),
        ("request", "x", "request_not_supported"),
        ("client_id", "nobody", "invalid_client"),
        ("state", &long, "invalid_request"),
    ] {
        let answer = push(&postern, &phone, &[(name, value)]).await;
        assert_eq!(answer.error(), error, "{name}={value}");
        assert!(
            answer.status == 400 || error == "invalid_client",
            "{name}={value}"
        );
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(&method).uri("/par").body(Body::empty());
        assert_eq!(
            postern.send(request.expect("a request")).await.status,
            405,
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_client_that_may_do_less_by_now_gets_no_page() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let url = url("notes", &pushed(&postern, &phone).await);
    let id = "notes".parse().expect("a client id");
    postern::flows::clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");
    let page = postern.browser().open(&url).await.page();
    assert_eq!(page.answer.status, 400);
}

#[tokio::test]
async fn an_app_that_has_to_push_is_told_so() {
    let postern = Postern::start().await;
    let pushing = |settings: &mut ClientSettings| settings.require_pushed_authorization_requests = true;
    postern.add_client("other", pushing).await;
    let phone = postern.phone_of("other");
    let back = postern.browser().open(&phone.authorize_url(&[])).await.app();
    let query: Vec<_> = back.query_pairs().into_owned().collect();
    assert!(
        query.contains(&("error".to_owned(), "invalid_request".to_owned())),
        "{back}"
    );
    assert!(
        query
            .iter()
            .any(|(name, value)| name == "state" && *value == phone.state),
        "{back}"
    );
    let url = url("other", &pushed(&postern, &phone).await);
    let back = postern.browser().allow(&url, ALICE).await;
    assert_eq!(phone.redeem(&phone.code(&back)).await.status, 200);
}

/// A page that is opened in another browser may start the request again from its parameters; who has to push may not.
#[tokio::test]
async fn a_client_that_has_to_push_is_not_sent_into_a_dead_end() {
    let postern = Postern::start().await;
    let must = |settings: &mut ClientSettings| settings.require_pushed_authorization_requests = true;
    postern.add_client("must", must).await;
    for (client, starts_again) in [("notes", true), ("must", false)] {
        let phone = postern.phone_of(client);
        let url = url(client, &pushed(&postern, &phone).await);
        let page = postern.browser().open(&url).await.page();
        let request = page.form("/sign-in").field("request").to_owned();
        let elsewhere = format!("/continue?request={request}");
        let page = postern.browser().open(&elsewhere).await.page();
        assert_eq!(page.answer.status, 409);
        assert_eq!(!page.forms("/authorize").is_empty(), starts_again, "{client}");
        let says = page.text().contains("Go back to Notes and sign in from there");
        assert_eq!(says, !starts_again, "{}", page.text());
    }
}

/// RFC 9449 section 10.1: the proof of a pushed request, `dpop_jkt`, or both bind the code.
#[tokio::test]
async fn a_pushed_request_binds_its_code_to_the_key_that_was_proved() {
    let postern = Postern::start().await;
    let phone = Phone::with_key(&postern, "notes");
    let thief = phone.proving(Some(ProofKey::new()));
    let pairs = phone.parameters();
    let mut pairs = borrowed(&pairs);
    let proof = phone.draft("POST", "/par").sign();
    let answer = phone.post_with_proofs("/par", &pairs, &[&proof]).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(!answer.header("dpop-nonce").is_empty(), "a nonce for the next");
    let request_uri = answer.json()["request_uri"].as_str().expect("text").to_owned();
    let back = postern.browser().allow(&url("notes", &request_uri), ALICE).await;
    let code = phone.code(&back);
    assert_eq!(thief.redeem(&code).await.status, 400);
    assert_eq!(phone.proving(None).redeem(&code).await.status, 400);
    assert_eq!(phone.redeem(&code).await.status, 200);

    // Both have to name the same key.
    let other = ProofKey::new().jkt();
    pairs.push(("dpop_jkt", &other));
    let proof = phone.draft("POST", "/par").sign();
    let answer = phone.post_with_proofs("/par", &pairs, &[&proof]).await;
    assert_eq!(answer.error(), "invalid_dpop_proof");
}
