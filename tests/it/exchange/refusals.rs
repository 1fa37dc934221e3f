//! Who exchanges nothing, and what is exchanged for nothing.

use postern::domain::client::{ClientKind, ClientSettings, GrantType};

use super::{ACCESS_TOKEN, Api, GRANT_TYPE, ORDERS, STOCK, refused, world};
use crate::harness::{ALICE, Postern};

#[tokio::test]
async fn an_api_exchanges_the_tokens_that_are_for_it_and_nobody_else_any() {
    let postern = Postern::start().await;
    let (phone, tokens, orders) = world(&postern).await;
    let stock = Api::register(&postern, "stock", (STOCK, &[ORDERS]), |_| {}).await;
    let for_stock = orders.exchanged(&tokens.access, &[]).await;
    let for_issuer = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    refused(&stock.exchange(&tokens.access, &[]).await, "invalid_request");
    for foreign in [&for_stock, &for_issuer.access] {
        refused(&orders.exchange(foreign, &[]).await, "invalid_request");
    }

    // Not registered for it; registered for it and no API.
    let plain = Api::register(&postern, "plain", (ORDERS, &[STOCK]), |settings| {
        settings.grant_types.remove(&GrantType::TokenExchange);
    })
    .await;
    refused(&plain.exchange(&tokens.access, &[]).await, "unauthorized_client");
    let no_api = Api::register(&postern, "no-api", (ORDERS, &[STOCK]), |_| {}).await;
    postern
        .set_client("no-api", |settings| settings.audience = None)
        .await;
    refused(&no_api.exchange(&tokens.access, &[]).await, "unauthorized_client");
    let form = [
        ("grant_type", GRANT_TYPE),
        ("client_id", phone.client),
        ("subject_token", &tokens.access),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    refused(&postern.post("/token", &form).await, "unauthorized_client");
    postern
        .set_client("shop", |settings| {
            settings.grant_types.insert(GrantType::TokenExchange);
            settings.audience = Some(ORDERS.parse().expect("valid"));
        })
        .await;
    refused(&postern.post("/token", &form).await, "unauthorized_client");
}

#[tokio::test]
async fn what_is_no_access_token_in_force_is_exchanged_for_nothing() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    let cut = &tokens.access[..tokens.access.len() - 3];
    let huge = format!("{}.{}", "a".repeat(9000), tokens.access);
    for token in [
        id_token,
        &tokens.refresh,
        cut,
        &huge,
        "pst_ac_x",
        "x",
        "a.b.c",
        &orders.secret,
    ] {
        let (statements, answer) = postern.statements(orders.exchange(token, &[])).await;
        refused(&answer, "invalid_request");
        assert_eq!(statements, 0, "an invented token asks nobody");
    }
    // A program is no person.
    let caller = Api::register(&postern, "caller", ("https://caller.example", &[ORDERS]), |_| {}).await;
    let programs = caller.own_token().await;
    refused(&orders.exchange(&programs, &[]).await, "invalid_request");
}

#[tokio::test]
async fn what_is_asked_for_is_an_access_token() {
    let postern = Postern::start().await;
    let (_, tokens, orders) = world(&postern).await;
    let kind = |name: &str| format!("urn:ietf:params:oauth:token-type:{name}");
    let ask = async |form: &[(&str, &str)]| orders.exchange(&tokens.access, form).await;
    assert_eq!(ask(&[("requested_token_type", ACCESS_TOKEN)]).await.status, 200);
    assert_eq!(ask(&[("subject_token_type", &kind("jwt"))]).await.status, 200);
    for other in ["refresh_token", "id_token", "jwt", "saml2", "saml1"] {
        refused(
            &ask(&[("requested_token_type", &kind(other))]).await,
            "invalid_request",
        );
    }
    for other in ["refresh_token", "id_token", "saml2", ""] {
        refused(
            &ask(&[("subject_token_type", &kind(other))]).await,
            "invalid_request",
        );
    }
    let secret = "urn:openid:params:token-type:device-secret";
    for form in [
        &[("subject_token", "")][..],
        &[("subject_token_type", "")],
        &[("subject_token_type", "access_token")],
        &[("actor_token", "x")],
        &[("actor_token_type", ACCESS_TOKEN)],
        &[("actor_token", "pst_ds_x"), ("actor_token_type", secret)],
        &[
            ("requested_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
        ],
        &[("subject_token", "a"), ("subject_token", "b")],
    ] {
        refused(&ask(form).await, "invalid_request");
    }
}

#[test]
fn settings_that_exchange_nothing_are_refused() {
    let issuer = "https://id.example.com".parse().expect("valid");
    let rules = |settings: &ClientSettings| {
        let broken = settings.contradictions(&issuer);
        broken
            .into_iter()
            .map(|broken| broken.setting)
            .collect::<Vec<_>>()
    };
    let mut service = ClientSettings::new(ClientKind::Service);
    service.grant_types.insert(GrantType::TokenExchange);
    assert_eq!(rules(&service), ["grant_types"]);
    service.audience = Some(ORDERS.parse().expect("valid"));
    assert_eq!(rules(&service), [""; 0]);
}
