//! Before a person has proved something, nothing is stored.

use axum::{
    body::Body,
    http::{Request, header},
};

use crate::harness::{ALICE, Postern, borrowed, encode};

#[tokio::test]
async fn first_pages_write_nothing_and_ask_the_database_nothing() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let before = postern.rows().await;
    let (statements, ()) = postern
        .statements(async {
            let mut browser = postern.browser();
            let page = browser.open(&phone.authorize_url(&[])).await.page();
            assert_eq!(page.heading(), "Sign in");
            browser
                .open(&phone.authorize_url(&[("prompt", "none")]))
                .await
                .app();
            browser
                .open(&phone.authorize_url(&[("scope", "admin")]))
                .await
                .app();
            browser
                .open(&phone.authorize_url(&[("client_id", "nobody")]))
                .await
                .page();
            browser.open("/account").await.page();
            browser.open("/continue?request=x").await.page();
            let form = page.form("/sign-in");
            let mut consent = form.clone().with("decision", "allow");
            "/consent".clone_into(&mut consent.action);
            assert_eq!(browser.submit(&consent).await.page().heading(), "Sign in");
            let no_address = browser
                .submit(&form.with("email", "x").with("password", "y"))
                .await
                .page();
            assert_eq!(no_address.answer.status, 422);
        })
        .await;
    assert_eq!(postern.rows().await, before);
    assert_eq!(statements, 0);
}

#[tokio::test]
async fn a_request_posted_from_another_site_stores_nothing_sets_nothing_and_behaves_like_a_link() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let before = postern.rows().await;
    let parameters = phone.parameters();
    let pairs = borrowed(&parameters);
    // A Lax cookie does not come with it, so the browser here has none yet.
    let request = Request::post("/authorize")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, "https://app.example")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(encode(&pairs)))
        .expect("a request");
    let mut browser = postern.browser();
    let (statements, answer) = postern.statements(browser.send(request)).await;
    assert_eq!((answer.status.as_u16(), statements), (303, 0));
    assert!(browser.cookies.is_empty());
    assert_eq!(postern.rows().await, before);

    let page = browser.open(answer.location()).await.page();
    assert!(!browser.cookies.is_empty(), "the GET makes the pending request");
    let page = browser.sign_in(&page, ALICE).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());
    assert_eq!(phone.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn the_page_of_a_signed_in_person_takes_three_statements_and_an_allow_four() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    browser.account(ALICE).await;
    let before = postern.rows().await;
    let (statements, page) = postern.statements(browser.open(&phone.authorize_url(&[]))).await;
    assert!(statements <= 3, "{statements}");
    assert_eq!(
        postern.rows().await,
        before,
        "a page that is only looked at stores nothing"
    );
    let page = page.page();
    let (first, _) = postern.statements(browser.press(&page, "allow")).await;
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let (remembered, _) = postern.statements(browser.press(&page, "allow")).await;
    assert!(remembered <= 4, "{remembered}");
    assert_eq!(
        first,
        remembered + 2,
        "the first time the consent is written too, with its event"
    );
}
