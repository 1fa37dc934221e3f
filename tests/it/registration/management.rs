//! A client looks at its registration, changes and removes it (RFC 7592).

use serde_json::{Value, json};

use super::{Mine, app, clients, open_server, open_server_with, refused, register, site, with};
use crate::{
    client_auth::{Key, basic, post},
    harness::{ALICE, Phone, Postern},
};

/// What a client sends to keep what it has: all that it was told but what only the server says.
fn kept(mine: &Mine) -> Value {
    let mut members = mine.answer.clone();
    let members = members.as_object_mut().expect("an object");
    for ours in [
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
        "client_secret",
    ] {
        members.remove(ours);
    }
    Value::Object(members.clone())
}

#[tokio::test]
async fn what_a_client_is_told_it_may_send_back_and_nothing_changes() {
    let postern = open_server().await;
    for members in [app(), site()] {
        let mine = Mine::of(&register(&postern, None, &members).await);
        let read = mine.ask(&postern, "GET", None).await;
        assert_eq!(read.status, 200);
        let put = mine.ask(&postern, "PUT", Some(&kept(&mine))).await;
        assert_eq!((put.status.as_u16(), put.json()), (200, read.json()));
        // The token stays what it was.
        assert_eq!(put.json()["registration_access_token"], mine.token());
    }
}

#[tokio::test]
async fn an_update_replaces_all_and_is_judged_like_a_registration() {
    let postern = open_server().await;
    let said = json!({ "tos_uri": "https://site.example/terms", "post_logout_redirect_uris": ["https://site.example/bye"] });
    let mine = Mine::of(&register(&postern, None, &with(site(), said)).await);
    let id = json!({ "client_id": mine.id() });
    let new = with(
        with(site(), id.clone()),
        json!({ "client_name": "Place", "redirect_uris": ["https://place.example/cb"] }),
    );
    let put = mine.ask(&postern, "PUT", Some(&new)).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(
        (&put.json()["client_name"], &put.json()["redirect_uris"]),
        (&new["client_name"], &new["redirect_uris"])
    );
    assert!(put.json().get("tos_uri").is_none() && put.json().get("post_logout_redirect_uris").is_none());
    let client = postern.provider().clients.find(mine.id()).expect("there");
    assert!(
        client.allows_redirect("https://place.example/cb")
            && !client.allows_redirect("https://site.example/cb")
    );
    assert_eq!(postern.count_events("client.updated").await, 1);

    for (others, error) in [
        (json!({ "redirect_uris": ["data:,x"] }), "invalid_redirect_uri"),
        (json!({ "scope": "admin" }), "invalid_client_metadata"),
        (
            json!({ "grant_types": ["client_credentials"], "redirect_uris": null }),
            "invalid_client_metadata",
        ),
        (json!({ "client_id": "notes" }), "invalid_request"),
        (json!({ "client_id": null }), "invalid_request"),
        (json!({ "client_secret": "mine" }), "invalid_request"),
        (
            json!({ "registration_access_token": mine.token() }),
            "invalid_request",
        ),
        (json!({ "client_secret_expires_at": 0 }), "invalid_request"),
    ] {
        let answer = mine.ask(&postern, "PUT", Some(&with(new.clone(), others))).await;
        refused(&answer, 400, error);
    }
    let own = json!({ "client_secret": mine.text("client_secret") });
    assert_eq!(
        mine.ask(&postern, "PUT", Some(&with(new, own))).await.status,
        200,
        "its own secret may be sent"
    );
    assert_eq!(
        mine.ask(&postern, "GET", None).await.json()["client_name"],
        "Place"
    );
}

#[tokio::test]
async fn who_authenticates_in_another_way_loses_its_secret_or_gets_one() {
    let postern = open_server().await;
    let mine = Mine::of(&register(&postern, None, &site()).await);
    let secret = mine.text("client_secret").to_owned();
    let key = Key::es256("k");
    let by_key = with(
        with(site(), json!({ "client_id": mine.id() })),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.public()] } }),
    );
    let put = mine.ask(&postern, "PUT", Some(&by_key)).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert!(put.json().get("client_secret_expires_at").is_none());
    assert_eq!(postern.number("SELECT COUNT(*) FROM client_secrets").await, 0);
    let again = with(site(), json!({ "client_id": mine.id() }));
    let put = mine.ask(&postern, "PUT", Some(&again)).await.json();
    let new = put["client_secret"].as_str().expect("a new secret");
    assert_ne!(new, secret);
    let form = [("grant_type", "authorization_code"), ("code", "x")];
    for (secret, error) in [(new, "invalid_grant"), (secret.as_str(), "invalid_client")] {
        let answer = post(&postern, "/token", Some(&basic(mine.id(), secret)), &form).await;
        assert_eq!(answer.error(), error);
    }
    assert_eq!(postern.count_events("client.secret_removed").await, 1);
}

#[tokio::test]
async fn a_client_removes_itself_with_its_sessions() {
    let postern = open_server().await;
    let mine = Mine::of(&register(&postern, None, &app()).await);
    let phone = Phone::new(&postern, mine.id().to_owned().leak());
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    let removed = mine.ask(&postern, "DELETE", None).await;
    assert_eq!((removed.status.as_u16(), removed.body.as_str()), (204, ""));
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_client");
    assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
    assert_eq!(postern.revocations().await.len(), 1);
    for method in ["GET", "DELETE"] {
        refused(&mine.ask(&postern, method, None).await, 401, "invalid_token");
    }
    assert_eq!(clients(&postern).await, 1);
    assert_eq!(postern.number("SELECT COUNT(*) FROM registrations").await, 0);
}

#[tokio::test]
async fn a_client_that_the_operator_removes_or_disables_is_not_there_any_more() {
    let postern = open_server().await;
    let mine = Mine::of(&register(&postern, None, &app()).await);
    let id = mine.id().parse().expect("a client id");
    postern::flows::clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");
    refused(&mine.ask(&postern, "GET", None).await, 401, "invalid_token");
    assert_eq!(postern.number("SELECT COUNT(*) FROM registrations").await, 0);
}

#[tokio::test]
async fn another_node_knows_the_client_with_its_next_poll() {
    let postern = open_server().await;
    let beside: Postern = postern.beside().await;
    let mine = Mine::of(&register(&postern, None, &app()).await);
    beside.poll().await;
    assert_eq!(mine.ask(&beside, "GET", None).await.status, 200);
    assert_eq!(mine.ask(&beside, "DELETE", None).await.status, 204);
    postern.poll().await;
    refused(&mine.ask(&postern, "GET", None).await, 401, "invalid_token");
}

#[tokio::test]
async fn a_site_says_where_it_is_told_of_ends_and_may_change_its_mind() {
    let postern = open_server().await;
    let hears = with(
        site(),
        json!({
            "backchannel_logout_uri": "https://site.example/logged-out",
            "backchannel_logout_session_required": true,
        }),
    );
    let mine = Mine::of(&register(&postern, None, &hears).await);
    assert_eq!(
        mine.answer["backchannel_logout_uri"],
        "https://site.example/logged-out"
    );
    assert_eq!(mine.answer["backchannel_logout_session_required"], true);
    let hear = "SELECT COUNT(*) FROM clients WHERE hears_logout = 1";
    assert_eq!(postern.number(hear).await, 1);
    let quiet = with(site(), json!({ "client_id": mine.id() }));
    let answer = mine.ask(&postern, "PUT", Some(&quiet)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.json().get("backchannel_logout_uri").is_none());
    assert_eq!(postern.number(hear).await, 0);
    let plain = with(
        site(),
        json!({ "backchannel_logout_uri": "http://site.example/logged-out" }),
    );
    refused(
        &register(&postern, None, &plain).await,
        400,
        "invalid_client_metadata",
    );
}

#[tokio::test]
async fn a_client_that_registered_openly_changes_itself_only_so_often() {
    let postern = open_server_with(|config| config.limits.registrations.burst = 5).await;
    let mine = Mine::of(&register(&postern, None, &site()).await);
    let new = with(site(), json!({ "client_id": mine.id() }));
    let mut refused = None;
    for _ in 0..100 {
        let answer = mine.ask(&postern, "PUT", Some(&new)).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("every node reads every change");
    assert_eq!(refused.status, 429);
    assert!(!refused.header("retry-after").is_empty());
}
