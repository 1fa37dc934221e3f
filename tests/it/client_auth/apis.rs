//! What an API says about the tokens that are for it (RFC 8707): the scopes that it understands, and how long they live.

use postern::{
    base::time::Lifetime,
    domain::client::{ClientKind, ClientSettings, GrantType},
};
use serde_json::json;

use super::{Site, refused};
use crate::harness::{ALICE, Phone, Postern, Tokens, borrowed, encode};

const NOTES: &str = "https://notes.example/api";
const PHOTOS: &str = "https://photos.example/api";
const UNSAID: &str = "https://unsaid.example/api";
const ALL: &str = "openid email offline_access notes:read notes:write photos:read admin";

fn api(name: &'static str, scope: &'static str, life: u32) -> impl FnOnce(&mut ClientSettings) {
    move |settings| {
        settings.audience = Some(name.parse().expect("valid"));
        settings.audience_scope = (!scope.is_empty()).then(|| scope.parse().expect("scopes"));
        settings.audience_access_token = (life > 0).then(|| Lifetime::from_secs(life.into()));
    }
}

/// Three APIs, of which one says nothing, and an app that may name them.
async fn world() -> Postern {
    let postern = Postern::start().await;
    Site::with_secret(
        &postern,
        "notes-api",
        ClientKind::Service,
        api(NOTES, "notes:read notes:write", 120),
    )
    .await;
    Site::with_secret(
        &postern,
        "photos-api",
        ClientKind::Service,
        api(PHOTOS, "photos:read", 0),
    )
    .await;
    Site::with_secret(&postern, "unsaid-api", ClientKind::Service, api(UNSAID, "", 0)).await;
    postern
        .add_client("desk", |settings| {
            settings.scope = ALL.parse().expect("scopes");
            settings.resource = Some(NOTES.parse().expect("valid"));
            settings.resources = vec![PHOTOS.parse().expect("valid"), UNSAID.parse().expect("valid")];
            settings.grant_types.insert(GrantType::DeviceCode);
        })
        .await;
    postern
}

fn desk(postern: &Postern) -> Phone<'_> {
    let mut phone = postern.phone_of("desk");
    phone.scope = "openid email offline_access notes:read photos:read";
    phone
}

async fn code(postern: &Postern, phone: &Phone<'_>, scope: &str, resources: &[&str]) -> String {
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let named: Vec<(&str, &str)> = resources.iter().map(|named| ("resource", *named)).collect();
    let url = format!("{}&{}", phone.authorize_url(&[("scope", scope)]), encode(&named));
    let page = browser.open(&url).await.page();
    phone.code(&browser.press(&page, "allow").await.app())
}

#[tokio::test]
async fn a_token_carries_what_its_api_understands_for_as_long_as_it_says() {
    let postern = world().await;
    let phone = desk(&postern);
    let code = code(&postern, &phone, ALL.trim_end_matches(" admin"), &[NOTES, PHOTOS]).await;
    let first = Tokens::of(&phone.redeem(&code).await);
    let mut refresh = first.refresh.clone();
    for (named, scope, life) in [
        ("", "email notes:read notes:write offline_access openid", 120),
        (PHOTOS, "email offline_access openid photos:read", 300),
        (NOTES, "email notes:read notes:write offline_access openid", 120),
    ] {
        let tokens = Tokens::of(&phone.refresh_with(&refresh, &[("resource", named)]).await);
        let claims = tokens.claims();
        assert_eq!(
            (&claims["scope"], &tokens.answer["scope"]),
            (&json!(scope), &json!(scope)),
            "{named}"
        );
        assert_eq!(tokens.answer["expires_in"], life, "{named}");
        assert_eq!(
            claims["exp"]
                .as_i64()
                .zip(claims["iat"].as_i64())
                .map(|(exp, iat)| exp - iat),
            Some(life)
        );
        // What is the issuer's stays: the token is for userinfo too.
        assert_eq!(phone.userinfo(&tokens.access).await.json()["email"], ALICE);
        refresh = tokens.refresh;
    }
    assert_eq!(first.answer["expires_in"], 120);
    // The grant is whole: narrowing touches the access token only.
    let narrow = phone
        .refresh_with(&refresh, &[("scope", "notes:read"), ("resource", NOTES)])
        .await;
    assert_eq!(Tokens::of(&narrow).claims()["scope"], "notes:read");
}

#[tokio::test]
async fn the_shorter_of_both_lives_counts() {
    let postern = world().await;
    postern
        .add_client("brief", |settings| {
            settings.resource = Some(PHOTOS.parse().expect("valid"));
            settings.lifetimes.access_token = Some(Lifetime::from_secs(150));
        })
        .await;
    let phone = postern.phone_of("brief");
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    assert_eq!(tokens.answer["expires_in"], 150);
}

#[tokio::test]
async fn a_scope_that_no_named_api_understands_is_refused() {
    let postern = world().await;
    let phone = desk(&postern);
    let ask = async |scope: &str, resources: &[&str]| {
        let named: Vec<(&str, &str)> = resources.iter().map(|named| ("resource", *named)).collect();
        let pairs = phone.parameters_with(&[("scope", scope)]);
        let form = [borrowed(&pairs), named].concat();
        postern.post("/par", &form).await
    };
    for (scope, resources) in [
        ("openid admin", &[][..]),
        ("photos:read", &[]),
        ("photos:read", &[NOTES]),
        ("notes:read photos:read admin", &[NOTES, PHOTOS]),
    ] {
        refused(&ask(scope, resources).await, 400, "invalid_scope");
    }
    for (scope, resources) in [
        ("openid notes:read", &[][..]),
        ("notes:read photos:read", &[NOTES, PHOTOS]),
        ("openid email", &[PHOTOS]),
        // Of this one nothing is known.
        ("admin", &[UNSAID]),
        ("admin", &[NOTES, UNSAID]),
        // Whoever does not say gets what there is.
        ("", &[PHOTOS]),
    ] {
        let answer = ask(scope, resources).await;
        assert_eq!(answer.status, 201, "{scope} {resources:?}: {}", answer.body);
    }
    refused(
        &ask("openid", &["https://other.example"]).await,
        400,
        "invalid_target",
    );
    // A device asks likewise.
    for (scope, error) in [("photos:read", Some("invalid_scope")), ("notes:read", None)] {
        let answer = postern
            .post(
                "/device_authorization",
                &[("client_id", "desk"), ("scope", scope)],
            )
            .await;
        assert_eq!(answer.json()["error"].as_str(), error, "{scope}");
    }
}

#[tokio::test]
async fn a_client_that_speaks_for_itself_is_held_to_it_too() {
    for postern in Postern::on_each().await {
        let beside = postern.beside().await;
        let worker = Site::with_secret(&postern, "worker", ClientKind::Service, |settings| {
            settings.scope = "notes:read admin".parse().expect("scopes");
            settings.resource = Some(NOTES.parse().expect("valid"));
        })
        .await;
        let whole = worker.own_token().await.json();
        assert_eq!(
            (&whole["scope"], &whole["expires_in"]),
            (&json!("admin notes:read"), &json!(300))
        );
        Site::with_secret(
            &postern,
            "notes-api",
            ClientKind::Service,
            api(NOTES, "notes:read", 120),
        )
        .await;
        beside.poll().await;
        let there = Site {
            postern: &beside,
            id: "worker",
            proof: super::Proof::Basic(worker.secret().to_owned()),
        };
        for site in [&worker, &there] {
            let own = site.own_token().await.json();
            assert_eq!(
                (&own["scope"], &own["expires_in"]),
                (&json!("notes:read"), &json!(120))
            );
            let asked = [("grant_type", "client_credentials"), ("scope", "admin")];
            refused(&site.post("/token", &asked).await, 400, "invalid_scope");
        }
    }
}
