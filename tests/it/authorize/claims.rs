//! `claims` (OpenID Connect Core section 5.5): what an app asks for by name comes from where it asked for it, is allowed by
//! the person, and is in nothing else.

use postern::{
    base::{json::is_within, text::Email},
    domain::{claims::ClaimsParameter, password::Password},
    flows::account,
};
use proptest::{
    prelude::any,
    strategy::{Just, Strategy},
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use url::Url;

use crate::harness::{ALICE, PASSWORD, Page, Phone, Postern, Tokens};

const CAROL: &str = "carol@example.com";

/// A server with Carol, who has a name.
async fn with_carol() -> Postern {
    let postern = Postern::start().await;
    let email: Email = CAROL.parse().expect("an address");
    let password = Password::chosen(PASSWORD.to_owned(), &email).expect("a good password");
    let name = Some("Carol Danvers".parse().expect("a name"));
    account::add(postern.provider(), email, name, password)
        .await
        .expect("a new address");
    postern
}

/// What Carol sees after she has signed in to an app that sends these claims.
async fn asked(phone: &Phone<'_>, postern: &Postern, claims: &Value) -> (Page, Tokens) {
    let mut browser = postern.browser();
    browser.account(CAROL).await;
    let url = phone.authorize_url(&[("claims", &claims.to_string())]);
    let page = browser.open(&url).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let tokens = Tokens::of(&phone.redeem(&code).await);
    (page, tokens)
}

fn error(back: &Url) -> String {
    let found = back.query_pairs().find(|(name, _)| name == "error");
    found.map_or_else(|| panic!("no error in {back}"), |(_, value)| value.into_owned())
}

#[tokio::test]
async fn an_essential_name_from_userinfo_is_there_and_not_in_the_id_token() {
    let postern = with_carol().await;
    let mut phone = postern.phone();
    phone.scope = "openid";
    let claims = json!({ "userinfo": { "name": { "essential": true } } });
    let (page, tokens) = asked(&phone, &postern, &claims).await;

    assert!(
        page.text().contains("See your name"),
        "the person is asked: {}",
        page.text()
    );
    assert!(!page.text().contains("See your email"), "and for nothing else");
    let userinfo = phone.userinfo(&tokens.access).await.json();
    assert_eq!(userinfo["name"], "Carol Danvers");
    let names: Vec<&String> = userinfo.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["name", "sub"], "what was asked for and nothing else");
    assert_eq!(tokens.id_claims().get("name"), None);
    assert_eq!(tokens.answer["scope"], "openid", "asking makes no scope");
    assert_eq!(tokens.claims()["scope"], "openid");
}

#[tokio::test]
async fn every_claim_in_every_form_comes_from_where_it_was_asked_for() {
    let postern = with_carol().await;
    let mut phone = postern.phone();
    phone.scope = "openid";
    let person = ["name", "updated_at", "email", "email_verified"];
    let sign_in = ["auth_time", "acr", "amr", "sub"];
    for form in [
        Value::Null,
        json!({}),
        json!({ "essential": true }),
        json!({ "essential": false, "purpose": "x" }),
    ] {
        for name in person.into_iter().chain(sign_in) {
            let (_, tokens) = asked(&phone, &postern, &json!({ "userinfo": { name: form } })).await;
            let userinfo = phone.userinfo(&tokens.access).await.json();
            assert!(!userinfo[name].is_null(), "{name} as {form}: {userinfo}");
            let in_id_token = tokens.id_claims().get(name).is_some();
            assert_eq!(in_id_token, sign_in.contains(&name), "{name} as {form}");

            let (_, tokens) = asked(&phone, &postern, &json!({ "id_token": { name: form } })).await;
            let (id_token, userinfo) = (tokens.id_claims(), phone.userinfo(&tokens.access).await.json());
            assert!(!id_token[name].is_null(), "{name} as {form}: {id_token}");
            assert_eq!(userinfo.get(name).is_some(), name == "sub", "{name} as {form}");
            for other in person.iter().filter(|other| **other != name) {
                assert_eq!(id_token.get(other), None, "{other} was not asked for");
            }
        }
    }
    let (_, tokens) = asked(
        &phone,
        &postern,
        &json!({ "id_token": { "email": null, "email_verified": null } }),
    )
    .await;
    assert_eq!(tokens.id_claims()["email"], CAROL);
    assert_eq!(tokens.id_claims()["email_verified"], false);
    let whole = json!({ "userinfo": { "updated_at": null, "amr": null } });
    let (_, tokens) = asked(&phone, &postern, &whole).await;
    let userinfo = phone.userinfo(&tokens.access).await.json();
    assert!(userinfo["updated_at"].is_i64(), "seconds: {userinfo}");
    assert_eq!(userinfo["amr"], json!(["pwd"]));
}

#[tokio::test]
async fn an_id_token_has_nothing_that_nobody_asked_for() {
    let postern = with_carol().await;
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut postern.browser(), CAROL).await;
    assert!(
        tokens.answer["scope"]
            .as_str()
            .is_some_and(|scope| scope.contains("profile"))
    );
    let claims = tokens.id_claims();
    let names: Vec<&String> = claims.as_object().expect("an object").keys().collect();
    let always = [
        "acr",
        "amr",
        "at_hash",
        "aud",
        "auth_time",
        "exp",
        "iat",
        "iss",
        "nonce",
        "sid",
        "sub",
    ];
    assert_eq!(names, always);
}

#[tokio::test]
async fn what_the_app_is_not_registered_for_is_left_out() {
    let postern = with_carol().await;
    postern
        .add_client("small", |settings| {
            settings.scope = "openid profile".parse().expect("valid");
        })
        .await;
    let mut phone = postern.phone_of("small");
    phone.scope = "openid";
    let both = json!({ "email": { "essential": true }, "name": null });
    let (page, tokens) = asked(&phone, &postern, &json!({ "userinfo": both, "id_token": both })).await;
    assert!(!page.text().contains("email address"), "{}", page.text());
    let userinfo = phone.userinfo(&tokens.access).await.json();
    for claims in [&tokens.id_claims(), &userinfo] {
        assert_eq!(claims.get("email"), None, "{claims}");
        assert_eq!(claims["name"], "Carol Danvers");
    }
}

#[tokio::test]
async fn a_person_who_allowed_less_is_asked_again_and_one_who_allowed_it_is_not() {
    let postern = with_carol().await;
    let mut phone = postern.phone();
    phone.scope = "openid";
    let mut browser = postern.browser();
    phone.signed_in(&mut browser, CAROL).await;
    let claims = json!({ "id_token": { "email": null } }).to_string();
    let url = phone.authorize_url(&[("claims", &claims)]);
    let silent = phone.authorize_url(&[("claims", &claims), ("prompt", "none")]);
    assert_eq!(error(&browser.open(&silent).await.app()), "consent_required");
    let page = browser.open(&url).await.page();
    assert_eq!(page.heading(), "Allow Notes to use your account?");
    let code = phone.code(&browser.press(&page, "allow").await.app());
    assert_eq!(Tokens::of(&phone.redeem(&code).await).id_claims()["email"], CAROL);
    let page = browser.open(&url).await.page();
    assert_eq!(page.heading(), format!("Continue to Notes as {CAROL}"));
}

#[tokio::test]
async fn a_token_that_was_narrowed_tells_no_more_than_its_scope_says() {
    let postern = with_carol().await;
    let phone = postern.phone();
    let (_, tokens) = asked(
        &phone,
        &postern,
        &json!({ "userinfo": { "name": null, "acr": null } }),
    )
    .await;
    assert_eq!(phone.userinfo(&tokens.access).await.json()["acr"], "aal1");
    let narrow = Tokens::of(&phone.refresh_with(&tokens.refresh, &[("scope", "openid")]).await);
    let userinfo = phone.userinfo(&narrow.access).await.json();
    let names: Vec<&String> = userinfo.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["sub"]);
}

#[tokio::test]
async fn an_acr_that_is_demanded_is_given_or_the_request_is_refused() {
    let postern = with_carol().await;
    let phone = postern.phone();
    for fine in [
        json!({ "value": "aal1", "essential": true }),
        json!({ "values": ["aal9", "aal1"], "essential": true }),
        json!({ "essential": true }),
        Value::Null,
    ] {
        let (_, tokens) = asked(&phone, &postern, &json!({ "id_token": { "acr": fine } })).await;
        assert_eq!(tokens.id_claims()["acr"], "aal1");
        assert_eq!(tokens.claims()["acr"], "aal1");
    }
    let mut browser = postern.browser();
    browser.account(CAROL).await;
    for unmet in [
        json!({ "value": "aal9", "essential": true }),
        json!({ "value": "aal9" }),
        json!({ "values": ["aal8", 7], "essential": true }),
        json!({ "values": [], "essential": true }),
        json!({ "value": 1 }),
    ] {
        let claims = json!({ "id_token": { "acr": unmet } }).to_string();
        let back = browser
            .open(&phone.authorize_url(&[("claims", &claims)]))
            .await
            .app();
        assert_eq!(error(&back), "unmet_authentication_requirements", "{claims}");
    }
}

#[tokio::test]
async fn acr_values_are_a_wish() {
    let postern = with_carol().await;
    let phone = postern.phone();
    for wish in ["aal1", "aal9 aal1", "urn:nobody:has:this"] {
        let mut browser = postern.browser();
        browser.account(CAROL).await;
        let page = browser
            .open(&phone.authorize_url(&[("acr_values", wish)]))
            .await
            .page();
        let code = phone.code(&browser.press(&page, "allow").await.app());
        let tokens = Tokens::of(&phone.redeem(&code).await);
        assert_eq!(tokens.id_claims()["acr"], "aal1", "{wish}");
    }
}

#[tokio::test]
async fn without_openid_there_is_no_place_for_claims() {
    let postern = with_carol().await;
    let mut phone = postern.phone();
    phone.scope = "offline_access";
    let claims = json!({ "userinfo": { "name": null }, "id_token": { "email": null } });
    let (page, tokens) = asked(&phone, &postern, &claims).await;
    assert!(!page.text().contains("See your"), "{}", page.text());
    assert!(tokens.answer["id_token"].is_null());
}

#[tokio::test]
async fn the_persons_data_in_an_id_token_costs_one_statement_more() {
    let postern = with_carol().await;
    let phone = postern.phone();
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    for (claims, statements) in [
        (json!({ "id_token": { "email": null, "name": null } }), 3),
        (
            json!({ "id_token": { "acr": null }, "userinfo": { "name": null } }),
            2,
        ),
    ] {
        let url = phone.authorize_url(&[("claims", &claims.to_string())]);
        let page = browser.open(&url).await.page();
        let code = phone.code(&browser.press(&page, "allow").await.app());
        let (count, answer) = postern.statements(phone.redeem(&code)).await;
        let tokens = Tokens::of(&answer);
        assert_eq!(count, statements, "{claims}");
        assert_eq!(
            tokens.id_claims().get("name"),
            None,
            "Alice gave none, and null is no name"
        );
        let (count, _) = postern.statements(phone.userinfo(&tokens.access)).await;
        assert_eq!(count, 1, "{claims}");
    }
}

/// Text that looks like the parameter, and text that does not.
fn text() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\"id_token\"",
        "\"userinfo\"",
        "\"acr\"",
        "\"sub\"",
        "\"name\"",
        "\"value\"",
        "\"values\"",
        "null",
        "true",
        "7",
        "\"aal1\"",
        "\"\\u0000\"",
        "é",
        " ",
    ]);
    let like = proptest::collection::vec(word, 0..40).prop_map(|words| words.concat());
    let any_text = proptest::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter);
    proptest::strategy::Union::new([
        like.boxed(),
        any_text.boxed(),
        (1_usize..200).prop_map(|depth| "[".repeat(depth)).boxed(),
        Just(String::new()).boxed(),
    ])
}

#[test]
fn whatever_comes_as_claims_is_read_or_refused() {
    let mut runner = TestRunner::new(Config {
        cases: 4096,
        failure_persistence: None,
        ..Config::default()
    });
    let checked = runner.run(&text(), |text| {
        let Ok(parameter) = ClaimsParameter::parse(&text) else {
            return Ok(());
        };
        // What was read is JSON within the bounds, and reads the same when it is written again.
        assert!(
            serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object()),
            "{text}"
        );
        assert!(is_within(&text, 3072, 8), "{text}");
        if let Some(written) = parameter.asked.to_parameter(None) {
            let again = ClaimsParameter::parse(&written).expect("what we write reads");
            assert_eq!(again.asked, parameter.asked, "{text}");
        }
        Ok(())
    });
    checked.expect("no text does more");
}
