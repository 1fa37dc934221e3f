//! A client registers itself, and works.

use postern::domain::client::Preset;
use serde_json::{Value, json};

use super::{
    Mine, app, clients, open_server, open_server_with, refused, register, send, site, token, token_server,
    with,
};
use crate::{
    client_auth::{Key, basic, post},
    harness::{ALICE, Phone, Postern, Tokens},
};

#[tokio::test]
async fn where_registration_is_off_nothing_is_there() {
    let postern = Postern::start().await;
    let made = token(&postern, None).await;
    for (method, path) in [
        ("POST", "/register"),
        ("GET", "/register/notes"),
        ("PUT", "/register/notes"),
        ("DELETE", "/register/notes"),
    ] {
        let answer = send(&postern, method, path, Some(&made), Some(app().to_string())).await;
        let nothing = send(&postern, method, "/nothing", None, None).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body),
            (404, &nothing.body),
            "{method} {path}"
        );
    }
    let document = postern.get("/.well-known/openid-configuration").await.json();
    assert!(document.get("registration_endpoint").is_none());
    assert_eq!(clients(&postern).await, 1);
}

#[tokio::test]
async fn an_app_registers_and_a_person_signs_in_with_it() {
    let postern = open_server().await;
    let document = postern.get("/.well-known/openid-configuration").await.json();
    assert_eq!(
        document["registration_endpoint"],
        postern.provider().issuer.at("/register")
    );
    let mine = Mine::of(&register(&postern, None, &app()).await);
    for (member, value) in [
        ("client_name", json!("Sketches")),
        ("application_type", json!("native")),
        ("redirect_uris", app()["redirect_uris"].clone()),
        ("response_types", json!(["code"])),
        ("grant_types", json!(["authorization_code", "refresh_token"])),
        ("token_endpoint_auth_method", json!("none")),
        ("id_token_signed_response_alg", json!("RS256")),
        ("client_id_issued_at", json!(postern.clock.now().seconds())),
    ] {
        assert_eq!(mine.answer[member], value, "{member}");
    }
    assert!(
        mine.answer.get("client_secret").is_none() && mine.answer.get("client_secret_expires_at").is_none()
    );
    assert!(
        mine.id().starts_with("dyn_") && mine.id().len() == 26,
        "{}",
        mine.id()
    );
    assert!(mine.token().starts_with("pst_ra_"));

    // Nobody has checked its name, and the person is told so.
    let phone = Phone::new(&postern, mine.id().to_owned().leak());
    let mut browser = postern.browser();
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    assert!(
        page.text().contains("has checked who made this app"),
        "{}",
        page.text()
    );
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let tokens = Tokens::of(&phone.redeem(&code).await);
    let header = tokens.answer["id_token"]
        .as_str()
        .and_then(|jwt| jwt.split('.').next())
        .expect("an ID token");
    let header: Value = {
        use base64ct::{Base64UrlUnpadded, Encoding};
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).expect("base64url")).expect("JSON")
    };
    assert_eq!(
        header["alg"], "RS256",
        "what an OpenID client gets that does not say"
    );
    assert_eq!(tokens.id_claims()["aud"], mine.id());
    assert_eq!(postern.count_events("client.registered").await, 1);

    // An app of the operator's own is not spoken of like this.
    let own = postern
        .browser()
        .open(&postern.phone().authorize_url(&[]))
        .await
        .page();
    assert!(!own.text().contains("has checked"));
}

#[tokio::test]
async fn a_site_gets_a_secret_that_is_shown_once() {
    let postern = token_server().await;
    let let_in = token(&postern, None).await;
    let mine = Mine::of(&register(&postern, Some(&let_in), &site()).await);
    // RFC 7591 section 2: what is not said has these values.
    assert_eq!(mine.answer["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(mine.answer["grant_types"], json!(["authorization_code"]));
    assert_eq!(mine.answer["client_secret_expires_at"], 0);
    let secret = mine.text("client_secret");
    assert!(secret.starts_with("pst_cs_"));
    let again = mine.ask(&postern, "GET", None).await;
    assert_eq!(again.status, 200);
    assert!(again.json().get("client_secret").is_none(), "{}", again.body);

    let form = [("grant_type", "authorization_code"), ("code", "x")];
    let known = post(&postern, "/token", Some(&basic(mine.id(), secret)), &form).await;
    assert_eq!(known.error(), "invalid_grant", "authenticated");
    let unknown = post(&postern, "/token", Some(&basic(mine.id(), "pst_cs_x")), &form).await;
    assert_eq!(unknown.error(), "invalid_client");
    // Nothing is kept that could be shown again.
    let kept = postern.texts("SELECT metadata FROM registrations").await.concat();
    let settings = postern.texts("SELECT settings FROM clients").await.concat();
    for text in [kept, settings] {
        assert!(!text.contains("pst_"), "{text}");
    }
}

#[tokio::test]
async fn a_service_registers_with_its_own_key() {
    let postern = token_server().await;
    let let_in = token(&postern, None).await;
    let key = Key::es256("k");
    let members = json!({
        "client_name": "Worker", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.public()] },
    });
    let mine = Mine::of(&register(&postern, Some(&let_in), &members).await);
    assert_eq!(mine.answer["jwks"], members["jwks"]);
    let assertion = key.assertion(&postern, mine.id());
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", kind),
    ];
    assert_eq!(postern.post("/token", &form).await.status, 200);
}

#[tokio::test]
async fn what_is_said_and_not_used_is_told_again_and_what_is_unknown_is_ignored() {
    let postern = open_server().await;
    let said = json!({
        "contacts": ["ops@site.example"], "client_uri": "https://site.example/", "logo_uri": "https://site.example/logo.png",
        "policy_uri": "https://site.example/privacy", "tos_uri": "https://site.example/terms",
        "software_id": "4NRB1-0XZABZI9E6-5SM3R", "software_version": "2.1",
        "post_logout_redirect_uris": ["https://site.example/bye"], "scope": "openid",
        "require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true,
        "userinfo_signed_response_alg": "ES256", "id_token_signed_response_alg": "ES256",
    });
    let unknown = json!({ "client_name#de": "Seite", "favourite_colour": { "a": [1] }, "tos_version": null });
    let mine = Mine::of(&register(&postern, None, &with(with(site(), said.clone()), unknown)).await);
    for (member, value) in said.as_object().expect("an object") {
        assert_eq!(&mine.answer[member], value, "{member}");
    }
    assert!(mine.answer.get("favourite_colour").is_none() && mine.answer.get("client_name#de").is_none());
    // Without a name it is called by where it is at home.
    let nameless = json!({ "redirect_uris": ["https://site.example/cb"] });
    let mine = Mine::of(&register(&postern, None, &nameless).await);
    assert_eq!(mine.answer["client_name"], "site.example");
    // Plain OAuth knows no application_type.
    let plain = json!({ "redirect_uris": ["com.example.app:/cb"], "token_endpoint_auth_method": "none" });
    let mine = Mine::of(&register(&postern, None, &plain).await);
    assert_eq!(mine.answer["application_type"], "native");
}

#[tokio::test]
async fn an_initial_access_token_lets_in_as_many_as_it_says_and_what_is_refused_costs_no_use() {
    let postern = token_server().await;
    refused(&register(&postern, None, &app()).await, 401, "invalid_request");
    for bad in ["pst_it_x", "pst_ra_x", "x"] {
        refused(&register(&postern, Some(bad), &app()).await, 401, "invalid_token");
    }
    let let_in = token(&postern, Some(2)).await;
    let broken = with(app(), json!({ "scope": "admin" }));
    refused(
        &register(&postern, Some(&let_in), &broken).await,
        400,
        "invalid_client_metadata",
    );
    for _ in 0..2 {
        Mine::of(&register(&postern, Some(&let_in), &app()).await);
    }
    refused(
        &register(&postern, Some(&let_in), &app()).await,
        401,
        "invalid_token",
    );
    let short = token(&postern, None).await;
    postern.advance("7d");
    refused(
        &register(&postern, Some(&short), &app()).await,
        401,
        "invalid_token",
    );
    assert_eq!(clients(&postern).await, 3);
}

#[tokio::test]
async fn sixty_four_at_once_share_the_uses_of_one_token() {
    for postern in Postern::on_each().await {
        // The mode is a setting; what counts here is beneath it.
        let let_in = token(&postern, Some(5)).await;
        let beside = postern
            .beside_with(|config| config.registration.mode = postern::domain::client::RegistrationMode::Token)
            .await;
        let members = app();
        let answers =
            futures_util::future::join_all((0..64).map(|_| register(&beside, Some(&let_in), &members))).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, 5);
        // Who is refused often is told to wait, and a machine that is busy may say so; nobody else gets in.
        let other = answers
            .iter()
            .find(|answer| ![201, 401, 429, 503].contains(&answer.status.as_u16()));
        assert!(other.is_none(), "{other:?}");
        assert_eq!(clients(&beside).await, 6);
    }
}

#[tokio::test]
async fn a_preset_gives_registered_clients_what_they_cannot_say() {
    let postern = open_server_with(|config| config.registration.preset = Some(Preset::OidcBasic)).await;
    let mine = Mine::of(&register(&postern, None, &site()).await);
    let client = postern.provider().clients.find(mine.id()).expect("registered");
    let basic = Preset::OidcBasic.settings();
    assert_eq!(
        (client.settings.pkce, client.settings.assertion_audience),
        (basic.pkce, basic.assertion_audience)
    );
    let mine = Mine::of(&register(&postern, None, &app()).await);
    let client = postern.provider().clients.find(mine.id()).expect("registered");
    assert!(client.needs_pkce(true), "a public client always does");

    let strict = open_server_with(|config| config.registration.preset = Some(Preset::Fapi2)).await;
    refused(
        &register(&strict, None, &site()).await,
        400,
        "invalid_client_metadata",
    );
    refused(
        &register(&strict, None, &app()).await,
        400,
        "invalid_client_metadata",
    );
    let members = json!({
        "redirect_uris": ["https://bank.example/cb"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": { "keys": [Key::es256("k").public()] },
    });
    let mine = Mine::of(&register(&strict, None, &members).await);
    assert_eq!(mine.answer["id_token_signed_response_alg"], "ES256");
    assert_eq!(mine.answer["require_pushed_authorization_requests"], true);
    assert_eq!(mine.answer["dpop_bound_access_tokens"], true);
}
