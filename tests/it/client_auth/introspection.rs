//! Introspection (RFC 7662): who may ask, what is told, and that asking changes nothing.

use postern::domain::client::{AuthMethod, ClientKind, ClientSettings};
use serde_json::{Value, json};

use super::{API, Key, Site, post, refused};
use crate::harness::{ALICE, Phone, Postern, Tokens};

fn is_api(settings: &mut ClientSettings) {
    settings.audience = Some(API.parse().expect("valid"));
}

fn calls_api(settings: &mut ClientSettings) {
    settings.resource = Some(API.parse().expect("valid"));
}

/// The API, another one, and an app whose tokens are for the first.
async fn world(postern: &Postern) -> (Site<'_>, Site<'_>, Phone<'_>) {
    let api = Site::with_secret(postern, "api", ClientKind::Service, is_api).await;
    let other = Site::with_secret(postern, "other-api", ClientKind::Service, |settings| {
        settings.audience = Some("https://other.example".parse().expect("valid"));
    })
    .await;
    postern.add_client("app", calls_api).await;
    (api, other, postern.phone_of("app"))
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[tokio::test]
async fn an_api_is_told_what_is_in_a_token_that_is_for_it() {
    let postern = Postern::start().await;
    let (api, _, phone) = world(&postern).await;
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let told = api.introspect(&tokens.access).await;
    assert_eq!(
        (&told["active"], &told["token_type"]),
        (&json!(true), &json!("Bearer"))
    );
    let claims = tokens.claims();
    for (name, value) in claims.as_object().expect("an object") {
        assert_eq!(&told[name], value, "{name}");
    }
    let members = claims.as_object().expect("an object").len() + 2;
    assert_eq!(told.as_object().expect("an object").len(), members, "{told}");
    // A hint never filters, and twice is once too many.
    for hint in ["access_token", "refresh_token", "nonsense"] {
        let form = [("token", tokens.access.as_str()), ("token_type_hint", hint)];
        assert_eq!(api.post("/introspect", &form).await.json()["active"], true);
    }
    let doubled = [("token", "x"), ("token_type_hint", "a"), ("token_type_hint", "b")];
    refused(&api.post("/introspect", &doubled).await, 400, "invalid_request");
    refused(&api.post("/introspect", &[]).await, 400, "invalid_request");
}

#[tokio::test]
async fn a_token_for_another_audience_is_nobodys_business() {
    let postern = Postern::start().await;
    let (api, other, phone) = world(&postern).await;
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let narrow = Tokens::of(&phone.refresh_with(&tokens.refresh, &[("scope", "email")]).await);
    let for_issuer = postern.phone().signed_in(&mut postern.browser(), ALICE).await;
    assert_eq!(
        api.introspect(&narrow.access).await["active"],
        true,
        "for the API alone"
    );
    assert_eq!(other.introspect(&narrow.access).await, inactive());
    assert_eq!(other.introspect(&tokens.access).await, inactive());
    // It is for the server itself, of which no service can say that it is it.
    assert_eq!(api.introspect(&for_issuer.access).await, inactive());
    // Another client's refresh token, an ID token, a code, something.
    let id_token = tokens.answer["id_token"].as_str().expect("an ID token");
    let cut = &tokens.access[..tokens.access.len() - 3];
    for token in [
        tokens.refresh.as_str(),
        id_token,
        cut,
        "pst_ac_x",
        "pst_rt_x",
        "x",
        "a.b.c",
        api.secret(),
    ] {
        assert_eq!(api.introspect(token).await, inactive(), "{token}");
    }
    // A web client is no API, also not of its own access tokens.
    let site = Site::with_secret(&postern, "site", ClientKind::Web, calls_api).await;
    let own = site.signed_in().await;
    assert_eq!(site.introspect(&own.access).await, inactive());
}

#[tokio::test]
async fn a_client_is_told_of_its_own_refresh_tokens() {
    let postern = Postern::start().await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, calls_api).await;
    let other = Site::with_secret(&postern, "other", ClientKind::Web, |_| {}).await;
    let first = site.signed_in().await;
    let told = site.introspect(&first.refresh).await;
    for (name, value) in [
        ("active", json!(true)),
        ("iss", json!(postern.issuer())),
        ("client_id", json!("site")),
        ("scope", first.answer["scope"].clone()),
        ("sub", first.claims()["sub"].clone()),
        ("sid", first.claims()["sid"].clone()),
        ("aud", json!(API)),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    let ends = postern.clock.now().seconds() + 90 * 86_400;
    assert_eq!(told["exp"], ends);
    assert_eq!(other.introspect(&first.refresh).await, inactive());

    // What would be taken is active: the predecessor for a minute, and nothing older.
    let second = Tokens::of(&site.refresh(&first.refresh).await);
    assert_eq!(site.introspect(&first.refresh).await["active"], true);
    postern.advance("61s");
    assert_eq!(site.introspect(&first.refresh).await, inactive());
    let third = Tokens::of(&site.refresh(&second.refresh).await);
    assert_eq!(site.introspect(&first.refresh).await, inactive());
    // To ask is no use: nothing ended, nothing moved.
    assert_eq!(postern.count_events("session.ended").await, 0);
    for _ in 0..3 {
        assert_eq!(site.introspect(&third.refresh).await["active"], true);
    }
    Tokens::of(&site.refresh(&third.refresh).await);
    postern.advance("91d");
    assert_eq!(site.introspect(&third.refresh).await, inactive());
}

#[tokio::test]
async fn who_does_not_authenticate_is_told_nothing() {
    let postern = Postern::start().await;
    let (_, _, phone) = world(&postern).await;
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    for token in [&tokens.access, &tokens.refresh] {
        // RFC 7662 section 2.1: a public client is nobody in particular.
        let form = [("client_id", "app"), ("token", token.as_str())];
        refused(&postern.post("/introspect", &form).await, 401, "invalid_client");
        let bare = [("client_id", "api"), ("token", token.as_str())];
        refused(&postern.post("/introspect", &bare).await, 401, "invalid_client");
        refused(
            &post(&postern, "/introspect", None, &bare[1..]).await,
            400,
            "invalid_request",
        );
        // An access token is no way to authenticate here.
        let bearer = format!("Bearer {}", tokens.access);
        refused(
            &post(&postern, "/introspect", Some(&bearer), &bare[1..]).await,
            401,
            "invalid_client",
        );
    }
    assert_eq!(postern.get("/introspect").await.status, 405);
}

#[tokio::test]
async fn every_way_to_authenticate_asks() {
    let postern = Postern::start().await;
    postern.add_client("app", calls_api).await;
    let tokens = postern
        .phone_of("app")
        .signed_in(&mut postern.browser(), ALICE)
        .await;
    let by_post = |settings: &mut ClientSettings| {
        is_api(settings);
        settings.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    };
    for api in [
        Site::with_secret(&postern, "basic", ClientKind::Service, is_api).await,
        Site::with_secret(&postern, "post", ClientKind::Service, by_post).await,
        Site::with_key(&postern, "key", ClientKind::Service, Key::es256("k"), is_api).await,
    ] {
        assert_eq!(api.introspect(&tokens.access).await["active"], true, "{}", api.id);
    }
}

#[tokio::test]
async fn what_has_ended_is_inactive_at_once_on_every_node() {
    let postern = Postern::start().await;
    let (api, _, phone) = world(&postern).await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, calls_api).await;
    let worker = Site::with_secret(&postern, "worker", ClientKind::Service, calls_api).await;
    let beside = postern.beside().await;
    beside.poll().await;
    let there = Site {
        postern: &beside,
        id: "api",
        proof: super::Proof::Basic(api.secret().to_owned()),
    };
    let both = async |token: &str| {
        beside.poll().await;
        (
            api.introspect(token).await["active"] == true,
            there.introspect(token).await["active"] == true,
        )
    };
    // A single token, of a session and of a client for itself.
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let newer = Tokens::of(&phone.refresh(&tokens.refresh).await);
    let own = worker.own_token().await.json()["access_token"]
        .as_str()
        .expect("text")
        .to_owned();
    assert_eq!(both(&own).await, (true, true));
    assert_eq!(phone.revoke(&tokens.access).await.status, 200);
    assert_eq!(worker.post("/revoke", &[("token", &own)]).await.status, 200);
    for gone in [&tokens.access, &own] {
        assert_eq!(both(gone).await, (false, false));
    }
    assert_eq!(postern.count_events("token.revoked").await, 2);
    assert_eq!(both(&newer.access).await, (true, true));
    // A session, then everything of a person.
    assert_eq!(phone.revoke(&newer.refresh).await.status, 200);
    assert_eq!(both(&newer.access).await, (false, false));
    let last = site.signed_in().await;
    assert_eq!(both(&last.access).await, (true, true));
    postern.end_everything_of(ALICE).await;
    assert_eq!(both(&last.access).await, (false, false));
    assert_eq!(site.introspect(&last.refresh).await, inactive());
    // And what is only too old.
    let own = worker.own_token().await.json()["access_token"]
        .as_str()
        .expect("text")
        .to_owned();
    postern.advance("6m");
    assert_eq!(api.introspect(&own).await, inactive());
}

#[tokio::test]
async fn a_database_that_went_back_revives_nothing_for_who_asks() {
    let postern = Postern::start().await;
    let (api, _, phone) = world(&postern).await;
    let site = Site::with_secret(&postern, "site", ClientKind::Web, calls_api).await;
    let (tokens, own) = (
        phone.signed_in(&mut postern.browser(), ALICE).await,
        site.signed_in().await,
    );
    postern.end_everything_of(ALICE).await;
    let back = "UPDATE device_sessions SET state = 'active', ended_at = NULL RETURNING state";
    let statement: postern::store::db::Statement<(), (String,)> = postern::store::db::Statement::new(back);
    postern
        .provider()
        .db
        .execute(statement, ())
        .await
        .expect("changed");
    assert_eq!(api.introspect(&tokens.access).await, inactive());
    assert_eq!(site.introspect(&own.refresh).await, inactive());
}

#[tokio::test]
async fn asking_takes_one_statement_and_inventing_none() {
    let postern = Postern::start().await;
    let (api, _, phone) = world(&postern).await;
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let worker = Site::with_secret(&postern, "worker", ClientKind::Service, calls_api).await;
    let own = worker.own_token().await.json()["access_token"]
        .as_str()
        .expect("text")
        .to_owned();
    api.introspect("x").await;
    for (token, statements) in [
        (tokens.access.as_str(), 1),
        (&own, 1),
        ("pst_rt_x", 0),
        ("a.b.c", 0),
    ] {
        let (count, _) = postern.statements(api.introspect(token)).await;
        assert_eq!(count, statements, "{token}");
    }
}
