//! The pending request travels sealed: it belongs to one browser, one person and one hour.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::domain::code::Code;

use crate::harness::{ALICE, BOB, Browser, Page, Phone, Postern};

const CONSENT: &str = "Allow Notes to use your account?";
const START_AGAIN: &str = "Start this sign-in again";

/// The consent page of somebody who has just signed in.
async fn consent_page(browser: &mut Browser<'_>, phone: &Phone<'_>, email: &str) -> Page {
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let page = browser.sign_in(&page, email).await.page();
    assert_eq!(page.heading(), CONSENT);
    page
}

async fn sessions(postern: &Postern) -> i64 {
    postern.number("SELECT COUNT(*) FROM device_sessions").await
}

fn session_of(code: &str) -> String {
    Code::parse(code).expect("a code").session.to_string()
}

#[tokio::test]
async fn a_request_of_another_browser_is_not_continued_but_can_be_started_again() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let (mut alices, mut bobs) = (postern.browser(), postern.browser());
    bobs.account(BOB).await;
    let consent = consent_page(&mut alices, &phone, ALICE).await;

    // As a link, as a posted form, and in a browser that has never been here.
    let linked = bobs.open(&consent.path).await.page();
    let posted = bobs.press(&consent, "allow").await.page();
    let mut signing_in = consent
        .form("/consent")
        .with("email", BOB)
        .with("password", crate::harness::PASSWORD);
    "/sign-in".clone_into(&mut signing_in.action);
    let signed = bobs.submit(&signing_in).await.page();
    let new = postern.browser().open(&consent.path).await.page();
    for page in [&linked, &posted, &signed, &new] {
        assert_eq!(
            (page.answer.status.as_u16(), page.heading()),
            (409, START_AGAIN.to_owned())
        );
        assert!(
            !page.text().contains(ALICE),
            "nobody learns whose it is: {}",
            page.text()
        );
    }
    assert_eq!(sessions(&postern).await, 0);

    // It starts the same request anew, for whoever is here.
    let page = bobs.submit(&linked.form("/authorize")).await.page();
    assert_eq!(page.heading(), CONSENT);
    let back = bobs.press(&page, "allow").await.app();
    let code = phone.code(&back);
    assert_eq!(phone.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn starting_again_keeps_every_parameter() {
    let postern = Postern::start().await;
    let api = "https://api.example";
    postern
        .add_client("shop", |settings| {
            settings.resource = Some(api.parse().expect("valid"));
        })
        .await;
    let mut phone = postern.phone_of("shop");
    phone.scope = "email offline_access openid profile";
    let alice = postern.user(ALICE).await.id;
    let claims =
        format!(r#"{{"id_token":{{"name":null,"sub":{{"value":"{alice}"}}}},"userinfo":{{"email":null}}}}"#);
    let url = phone.authorize_url(&[
        ("prompt", "login consent"),
        ("max_age", "60"),
        ("login_hint", BOB),
        ("resource", api),
        ("response_mode", "form_post"),
        ("claims", &claims),
    ]);
    let page = postern.browser().open(&url).await.page();
    let request = page.form("/sign-in").field("request").to_owned();
    let elsewhere = postern
        .browser()
        .open(&format!("/continue?request={request}"))
        .await
        .page();
    let mut again = elsewhere.form("/authorize").fields;
    let mut sent: Vec<(String, String)> = url::Url::parse(&format!("http://x{url}"))
        .expect("a URL")
        .query_pairs()
        .into_owned()
        .collect();
    again.sort();
    sent.sort();
    assert_eq!(again, sent);
}

#[tokio::test]
async fn a_page_without_the_flow_cookie_is_not_continued() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let consent = consent_page(&mut browser, &phone, ALICE).await;
    browser.cookies.remove("postern-flow-dev").expect("a flow cookie");
    let page = browser.press(&consent, "allow").await.page();
    assert_eq!(page.heading(), START_AGAIN);
    for value in [
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        browser
            .cookies
            .insert("postern-flow-dev".to_owned(), value.to_owned());
        let page = browser.press(&consent, "allow").await.page();
        assert_eq!(page.heading(), START_AGAIN, "{value}");
    }
    assert_eq!(sessions(&postern).await, 0);
}

#[tokio::test]
async fn a_request_lives_an_hour_and_sealing_it_anew_does_not_prolong_that() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    postern.advance("40m");
    let page = browser
        .sign_in_with(&page, ALICE, "not the password")
        .await
        .page();
    let consent = browser.sign_in(&page, ALICE).await.page();
    postern.advance("19m");
    let consent = browser
        .submit(&consent.form("/consent").with("decision", "?"))
        .await
        .page();
    assert_eq!(consent.heading(), CONSENT, "shown again, sealed again");
    postern.advance("59s");
    let back = browser.press(&consent, "allow").await.app();
    assert_eq!(phone.redeem(&phone.code(&back)).await.status, 200);

    let consent = {
        let mut other = postern.browser();
        let page = other.open(&phone.authorize_url(&[])).await.page();
        postern.advance("40m");
        let page = other.sign_in(&page, BOB).await.page();
        postern.advance("20m");
        other.press(&page, "allow").await.page()
    };
    assert_eq!(consent.answer.status, 409);
    assert!(
        consent.text().contains("waited for too long"),
        "{}",
        consent.text()
    );
    assert_eq!(sessions(&postern).await, 1);
}

#[tokio::test]
async fn a_page_of_alice_posted_with_bobs_session_is_shown_again_for_bob_and_never_executed() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let alices = consent_page(&mut browser, &phone, ALICE).await;
    let code_of_alice = phone.code(&browser.press(&alices, "allow").await.app());

    // Bob signs in in the same browser, while Alice's page is still open in a tab.
    let other = browser
        .open(&phone.authorize_url(&[("prompt", "login")]))
        .await
        .page();
    let switched = {
        let mut switch = other.form("/sign-in").with("decision", "switch");
        "/consent".clone_into(&mut switch.action);
        browser.submit(&switch).await.page()
    };
    assert_eq!(
        switched.heading(),
        "Confirm it’s you",
        "first the proof that is due"
    );
    let account = browser.open("/account").await.page();
    browser.submit(&account.form("/sign-out")).await.page();
    browser.account(BOB).await;

    let rows = sessions(&postern).await;
    for decision in ["allow", "deny"] {
        let shown = browser.press(&alices, decision).await.page();
        assert_eq!(shown.heading(), CONSENT, "{decision}");
        assert!(shown.text().contains(BOB) && !shown.text().contains(ALICE));
    }
    assert_eq!(sessions(&postern).await, rows);

    let bobs = browser.press(&alices, "allow").await.page();
    let code_of_bob = phone.code(&browser.press(&bobs, "allow").await.app());
    assert_ne!(session_of(&code_of_alice), session_of(&code_of_bob), "drawn anew");
    let tokens = crate::harness::Tokens::of(&phone.redeem(&code_of_bob).await);
    assert_eq!(tokens.claims()["sub"], postern.user(BOB).await.id.to_string());
}

#[tokio::test]
async fn another_person_has_not_proved_what_the_first_one_proved() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let page = browser
        .open(&phone.authorize_url(&[("prompt", "login")]))
        .await
        .page();
    let alices = browser.sign_in(&page, ALICE).await.page();
    assert_eq!(alices.heading(), CONSENT);
    let account = browser.open("/account").await.page();
    browser.submit(&account.form("/sign-out")).await.page();
    browser.account(BOB).await;
    let shown = browser.press(&alices, "allow").await.page();
    assert_eq!(shown.heading(), "Confirm it’s you");
    assert!(shown.text().contains(BOB));
}

#[tokio::test]
async fn another_account_can_be_chosen_on_the_page_and_nothing_of_the_first_stays() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let consent = consent_page(&mut browser, &phone, ALICE).await;
    let page = browser.press(&consent, "switch").await.page();
    assert_eq!(
        (page.heading().as_str(), page.form("/sign-in").field("email")),
        ("Sign in", "")
    );
    let bobs = browser.sign_in(&page, BOB).await.page();
    assert!(bobs.text().contains(BOB));
    let code = phone.code(&browser.press(&bobs, "allow").await.app());
    let tokens = crate::harness::Tokens::of(&phone.redeem(&code).await);
    assert_eq!(tokens.claims()["sub"], postern.user(BOB).await.id.to_string());
    assert_eq!(
        postern
            .texts("SELECT end_reason FROM browser_sessions WHERE ended_at IS NOT NULL")
            .await,
        ["another_person"]
    );
}

/// Values that are not a pending request of this server, or not any more.
fn damaged(sealed: &str) -> Vec<String> {
    let bytes = Base64UrlUnpadded::decode_vec(sealed).expect("base64url");
    let mut all = vec![
        String::new(),
        "x".to_owned(),
        "=".repeat(40),
        format!("{sealed}A"),
        format!("{sealed}="),
        sealed.to_lowercase(),
        sealed.repeat(2),
        "A".repeat(7000),
    ];
    for length in [1, 9, 21, bytes.len() / 2, bytes.len() - 1] {
        all.push(Base64UrlUnpadded::encode_string(&bytes[..length]));
    }
    for at in (0..bytes.len()).step_by(11) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        all.push(Base64UrlUnpadded::encode_string(&flipped));
    }
    all
}

#[tokio::test]
async fn a_damaged_request_is_refused_everywhere_and_does_nothing() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let consent = consent_page(&mut browser, &phone, ALICE).await;
    let form = consent.form("/consent").with("decision", "allow");
    let rows = postern.rows().await;
    for request in damaged(form.field("request")) {
        let page = browser
            .submit(&form.clone().with("request", &request))
            .await
            .page();
        assert_eq!(
            (page.answer.status.as_u16(), page.heading()),
            (409, START_AGAIN.to_owned()),
            "{request}"
        );
        assert!(page.forms("/authorize").is_empty(), "nothing to start again from");
    }
    for request in ["", "x", "%"] {
        let page = browser.open(&format!("/continue?request={request}")).await.page();
        assert!(page.answer.status.is_client_error(), "{request}");
    }
    assert_eq!(postern.rows().await, rows);
    assert_eq!(
        browser.press(&consent, "allow").await.app().host_str(),
        Some("127.0.0.1"),
        "the right one still works"
    );
}

#[tokio::test]
async fn what_was_sealed_for_another_purpose_is_no_request() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let consent = consent_page(&mut browser, &phone, ALICE).await;
    let account = browser.open("/account").await.page();
    let form = consent.form("/consent").with("decision", "allow");
    let csrf = account.form("/sign-out").field("csrf").to_owned();
    let page = browser.submit(&form.clone().with("request", &csrf)).await.page();
    assert_eq!(page.heading(), START_AGAIN);

    let request = form.field("request").to_owned();
    let page = browser
        .submit(&account.form("/sign-out").with("csrf", &request))
        .await
        .page();
    assert_eq!(page.answer.status, 403);
    let posted = browser.open(&format!("/authorize?posted={request}")).await.page();
    assert_eq!(posted.answer.status, 400);
    assert_eq!(
        postern
            .number("SELECT COUNT(*) FROM browser_sessions WHERE ended_at IS NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn a_request_sealed_by_another_server_is_refused() {
    let (here, there) = (Postern::start().await, Postern::start_with(|_| {}).await);
    let mut browser = here.browser();
    let page = browser.open(&here.phone().authorize_url(&[])).await.page();
    let foreign = there
        .browser()
        .open(&there.phone().authorize_url(&[]))
        .await
        .page();
    // Both were seeded alike, so their keys are too: what keeps them apart then is the issuer.
    let same_keys = browser
        .submit(
            &page
                .form("/sign-in")
                .with("request", foreign.form("/sign-in").field("request")),
        )
        .await
        .page();
    assert!(same_keys.answer.status.is_client_error());
    let elsewhere = Postern::start_with(|config| {
        config.server.public_url = "http://localhost:9090".parse().expect("valid");
    })
    .await;
    let foreign = elsewhere
        .browser()
        .open(&elsewhere.phone().authorize_url(&[]))
        .await
        .page();
    let form = page
        .form("/sign-in")
        .with("request", foreign.form("/sign-in").field("request"));
    let refused = browser
        .submit(
            &form
                .with("email", ALICE)
                .with("password", crate::harness::PASSWORD),
        )
        .await
        .page();
    assert_eq!(refused.heading(), START_AGAIN);
    assert_eq!(here.number("SELECT COUNT(*) FROM browser_sessions").await, 0);
}
