//! `authorization_details` (RFC 9396): asked for by type, shown to the person in every value, and in the token as allowed.

use postern::domain::client::{ClientKind, ClientSettings, ConsentPolicy, GrantType};
use serde_json::{Value, json};
use url::Url;

use super::{Site, refused};
use crate::harness::{ALICE, Answer, Browser, Page, Phone, Postern, Tokens, borrowed};

const BANK: &str = "https://bank.example/api";
const OTHER: &str = "https://other.example/api";

/// A bank's API with its types, an app that may ask for one of them, and another that may not.
async fn world(postern: &Postern) -> Site<'_> {
    let api = Site::with_secret(postern, "bank-api", ClientKind::Service, |settings| {
        settings.audience = Some(BANK.parse().expect("valid"));
        settings.audience_authorization_types = ["payment=amount,creditor,locations", "account=actions"]
            .map(|text| text.parse().expect("a type"))
            .to_vec();
    })
    .await;
    let app = |settings: &mut ClientSettings| {
        settings.resource = Some(BANK.parse().expect("valid"));
        settings.resources = vec![OTHER.parse().expect("valid")];
        settings.authorization_details_types = ["payment".to_owned()].into();
        settings.grant_types.insert(GrantType::DeviceCode);
    };
    postern.add_client("shop", app).await;
    postern
        .add_client("own", |settings| {
            app(settings);
            settings.consent = ConsentPolicy::Never;
        })
        .await;
    api
}

fn payment(value: i64, creditor: &str) -> Value {
    json!({ "type": "payment", "amount": { "currency": "EUR", "value": value }, "creditor": creditor })
}

async fn push(postern: &Postern, phone: &Phone<'_>, details: &str) -> Answer {
    let pairs = phone.parameters_with(&[("authorization_details", details)]);
    postern.post("/par", &borrowed(&pairs)).await
}

async fn asked(browser: &mut Browser<'_>, phone: &Phone<'_>, details: &Value) -> Page {
    browser.account(ALICE).await;
    let url = phone.authorize_url(&[("authorization_details", &details.to_string())]);
    browser.open(&url).await.page()
}

#[tokio::test]
async fn what_the_person_allowed_is_in_the_token_and_told_to_its_api() {
    for postern in Postern::on_each().await {
        let api = world(&postern).await;
        let phone = postern.phone_of("shop");
        let mut browser = postern.browser();
        let details = json!([payment(45, "Alma's Books"), payment(7, "The Baker")]);
        let page = asked(&mut browser, &phone, &details).await;
        for text in [
            "payment",
            "amount.value",
            "45",
            "amount.currency",
            "EUR",
            "Alma's Books",
            "The Baker",
        ] {
            assert!(page.text().contains(text), "{text} in {}", page.text());
        }
        let code = phone.code(&browser.press(&page, "allow").await.app());
        let first = Tokens::of(&phone.redeem(&code).await);
        assert_eq!(first.answer["authorization_details"], details);
        assert_eq!(first.claims()["authorization_details"], details);
        assert_eq!(
            api.introspect(&first.access).await["authorization_details"],
            details
        );
        // Fewer, for one access token only.
        let one = json!([payment(7, "The Baker")]);
        let answer = phone
            .refresh_with(&first.refresh, &[("authorization_details", &one.to_string())])
            .await;
        let narrow = Tokens::of(&answer);
        assert_eq!(narrow.claims()["authorization_details"], one);
        assert_eq!(narrow.answer["authorization_details"], one);
        let whole = Tokens::of(&phone.refresh(&narrow.refresh).await);
        assert_eq!(whole.claims()["authorization_details"], details);
    }
}

#[tokio::test]
async fn more_than_was_allowed_costs_neither_the_code_nor_the_token() {
    let postern = Postern::start().await;
    world(&postern).await;
    let phone = postern.phone_of("shop");
    let mut browser = postern.browser();
    let details = json!([payment(45, "Alma's Books"), payment(7, "The Baker")]);
    let page = asked(&mut browser, &phone, &details).await;
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let more = [
        json!([payment(46, "Alma's Books")]),
        json!([payment(45, "Mallory")]),
        json!([{ "type": "payment" }]),
        json!([payment(7, "The Baker"), { "type": "account", "actions": ["read"] }]),
        json!([]),
        json!("x"),
    ];
    for more in &more {
        let more = more.to_string();
        let answer = phone
            .redeem_with(&code, &[("authorization_details", &more)])
            .await;
        refused(&answer, 400, "invalid_authorization_details");
    }
    let one = json!([payment(7, "The Baker")]).to_string();
    let tokens = Tokens::of(&phone.redeem_with(&code, &[("authorization_details", &one)]).await);
    assert_eq!(tokens.claims()["authorization_details"].to_string(), one);
    for more in &more {
        let more = more.to_string();
        let answer = phone
            .refresh_with(&tokens.refresh, &[("authorization_details", &more)])
            .await;
        refused(&answer, 400, "invalid_authorization_details");
    }
    Tokens::of(&phone.refresh(&tokens.refresh).await);
}

#[tokio::test]
async fn only_registered_types_with_their_fields_are_read() {
    let postern = Postern::start().await;
    world(&postern).await;
    let phone = postern.phone_of("shop");
    let deep = format!(
        r#"[{{"type":"payment","amount":{}{}}}]"#,
        "[".repeat(1000),
        "]".repeat(1000)
    );
    let huge = json!([payment(1, &"x".repeat(2000))]).to_string();
    let many = Value::Array(vec![json!({ "type": "payment" }); 9]).to_string();
    for bad in [
        "x",
        "{}",
        "[]",
        "[1]",
        r#"[{"amount":1}]"#,
        r#"[{"type":"unknown"}]"#,
        r#"[{"type":["payment"]}]"#,
        // The API has it; this app may not ask for it.
        r#"[{"type":"account","actions":["read"]}]"#,
        r#"[{"type":"payment","admin":true}]"#,
        r#"[{"type":"payment","locations":["https://evil.example"]}]"#,
        "[{\"type\":\"payment\",\"creditor\":\"Alma\u{202e}yrollaM\"}]",
        &deep,
        &huge,
        &many,
    ] {
        refused(
            &push(&postern, &phone, bad).await,
            400,
            "invalid_authorization_details",
        );
    }
    let doubled = phone.authorize_url(&[("authorization_details", "[]")]) + "&authorization_details=%5B%5D";
    let back = postern.browser().open(&doubled).await.app();
    assert!(back.as_str().contains("error=invalid_request"), "{back}");
    let answer = push(&postern, &postern.phone(), &json!([payment(1, "a")]).to_string()).await;
    refused(&answer, 400, "invalid_authorization_details");
    assert_eq!(
        push(&postern, &phone, &json!([payment(1, "a")]).to_string())
            .await
            .status,
        201
    );
}

/// What is done once is asked for each time, also by an app of one's own, and never without a page.
#[tokio::test]
async fn the_person_is_asked_every_time() {
    let postern = Postern::start().await;
    world(&postern).await;
    for client in ["shop", "own"] {
        let phone = postern.phone_of(client);
        let mut browser = postern.browser();
        for round in 0..2 {
            let page = asked(&mut browser, &phone, &json!([payment(45, "Alma's Books")])).await;
            assert!(
                page.heading().starts_with("Allow Notes to use"),
                "{client} {round}: {}",
                page.heading()
            );
            phone.code(&browser.press(&page, "allow").await.app());
        }
        let url = phone.authorize_url(&[
            (
                "authorization_details",
                &json!([payment(45, "Alma's Books")]).to_string(),
            ),
            ("prompt", "none"),
        ]);
        let back: Url = browser.open(&url).await.app();
        assert!(back.as_str().contains("error=consent_required"), "{back}");
    }
}

#[tokio::test]
async fn markup_in_a_detail_is_text() {
    let postern = Postern::start().await;
    world(&postern).await;
    let phone = postern.phone_of("shop");
    let mut browser = postern.browser();
    let script = "</span><script>alert(1)</script>";
    let page = asked(&mut browser, &phone, &json!([payment(1, script)])).await;
    assert!(
        !page.answer.body.contains("<script>alert"),
        "{}",
        page.answer.body
    );
    assert!(page.text().contains(script), "{}", page.text());
}

#[tokio::test]
async fn an_api_gets_the_details_that_are_for_it() {
    let postern = Postern::start().await;
    world(&postern).await;
    let phone = postern.phone_of("shop");
    let mut browser = postern.browser();
    let mut here = payment(1, "here");
    here["locations"] = json!([BANK]);
    let anywhere = payment(2, "anywhere");
    browser.account(ALICE).await;
    let url = phone.authorize_url(&[("authorization_details", &json!([here, anywhere]).to_string())]);
    let url = format!("{url}&resource={BANK}&resource={OTHER}");
    let page = browser.open(&url).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let tokens = Tokens::of(&phone.redeem(&code).await);
    assert_eq!(tokens.claims()["authorization_details"], json!([here, anywhere]));
    let other = Tokens::of(&phone.refresh_with(&tokens.refresh, &[("resource", OTHER)]).await);
    assert_eq!(other.claims()["authorization_details"], json!([anywhere]));
}

#[tokio::test]
async fn a_device_asks_for_them_too_and_discovery_names_the_types() {
    let postern = Postern::start().await;
    let document = async || postern.get("/.well-known/openid-configuration").await.json();
    assert!(
        document()
            .await
            .get("authorization_details_types_supported")
            .is_none()
    );
    world(&postern).await;
    assert_eq!(
        document().await["authorization_details_types_supported"],
        json!(["account", "payment"])
    );
    let details = json!([payment(45, "Alma's Books")]).to_string();
    let form = [
        ("client_id", "shop"),
        ("scope", "openid"),
        ("authorization_details", details.as_str()),
    ];
    let begun = postern.post("/device_authorization", &form).await.json();
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let complete = begun["verification_uri_complete"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let page = browser.open(&complete).await.page();
    let page = browser.submit(&page.form("/device")).await.page();
    assert!(page.text().contains("Alma's Books"), "{}", page.text());
    browser
        .submit(&page.form("/device/decide").with("decision", "allow"))
        .await;
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "shop"),
        ("device_code", begun["device_code"].as_str().expect("a code")),
    ];
    let tokens = Tokens::of(&postern.post("/token", &poll).await);
    assert_eq!(tokens.claims()["authorization_details"].to_string(), details);
    // Nobody is asked for a client that speaks for itself.
    let worker = Site::with_secret(&postern, "worker", ClientKind::Service, |_| {}).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("authorization_details", details.as_str()),
    ];
    refused(
        &worker.post("/token", &form).await,
        400,
        "invalid_authorization_details",
    );
}
