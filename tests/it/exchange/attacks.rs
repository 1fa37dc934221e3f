//! Who tries to sign in by an app that is none of theirs, or with what is not their own.

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::domain::client::{ClientKind, ClientSettings, GrantType};

use super::{
    ACCESS_TOKEN,
    apps::{DEVICE_SECRET, ID_TOKEN, Shared, lets_in, mail, sign_in_by, signed_in, signs_in, start},
    claims, refused,
};
use crate::harness::{ALICE, BOB};

const ALIVE: &str = "SELECT COUNT(*) FROM device_sessions WHERE state = 'active'";

#[tokio::test]
async fn only_apps_of_one_group_sign_in_by_each_other() {
    let postern = start().await;
    let (_, shared) = signed_in(&postern).await;
    postern
        .add_client("evil", |settings| {
            signs_in(settings);
            settings.sso_group = Some("evil".parse().expect("a name"));
        })
        .await;
    // Of another group, of none, and one that is registered for no exchange.
    let evil = postern.phone_of("evil");
    refused(
        &sign_in_by(&postern, &evil, &shared, &[]).await,
        "unauthorized_client",
    );
    refused(
        &sign_in_by(&postern, &postern.phone(), &shared, &[]).await,
        "unauthorized_client",
    );
    refused(
        &sign_in_by(&postern, &mail(&postern), &shared, &[]).await,
        "unauthorized_client",
    );
    // The other way round: its own sign-in is none of theirs, under whatever name it comes.
    postern
        .add_client("evil-too", |settings| {
            lets_in(settings);
            settings.sso_group = Some("evil".parse().expect("a name"));
        })
        .await;
    let mut lure = postern.phone_of("evil-too");
    lure.scope = "openid device_sso";
    let lure = Shared::of(&lure.signed_in(&mut postern.browser(), BOB).await);
    let chat = postern.phone_of("chat");
    refused(
        &sign_in_by(&postern, &chat, &lure, &[]).await,
        "unauthorized_client",
    );
    let mixed = Shared {
        id_token: lure.id_token,
        ..shared
    };
    refused(&sign_in_by(&postern, &chat, &mixed, &[]).await, "invalid_grant");
    assert_eq!(postern.number(ALIVE).await, 2, "nothing was opened");
}

#[tokio::test]
async fn the_id_token_and_the_secret_are_of_one_session() {
    let postern = start().await;
    let (_, alices) = signed_in(&postern).await;
    let (_, again) = signed_in(&postern).await;
    let bobs = mail(&postern).signed_in(&mut postern.browser(), BOB).await;
    let bobs = Shared::of(&bobs);
    let chat = postern.phone_of("chat");
    for (id_token, secret) in [
        (&alices.id_token, &bobs.secret),
        (&bobs.id_token, &alices.secret),
        (&alices.id_token, &again.secret),
        (&again.id_token, &alices.secret),
    ] {
        let mixed = Shared {
            id_token: id_token.clone(),
            secret: secret.clone(),
        };
        refused(&sign_in_by(&postern, &chat, &mixed, &[]).await, "invalid_grant");
    }
    // An ID token that names no secret, of the same session or of another app of the group.
    let plain = postern
        .phone_of("chat")
        .signed_in(&mut postern.browser(), ALICE)
        .await;
    let plain = plain.answer["id_token"].as_str().expect("an ID token").to_owned();
    let mixed = Shared {
        id_token: plain,
        ..alices
    };
    refused(&sign_in_by(&postern, &chat, &mixed, &[]).await, "invalid_grant");
    assert_eq!(postern.number(ALIVE).await, 4, "nothing was opened");
}

#[tokio::test]
async fn what_is_changed_or_invented_is_refused_and_costs_nothing() {
    let postern = start().await;
    let (tokens, shared) = signed_in(&postern).await;
    let chat = postern.phone_of("chat");
    // The same ID token with the hash of a secret that the thief has made.
    let forged = {
        let mut said = claims(&shared.id_token);
        let secret = postern::domain::device_secret::DeviceSecret::new(&postern.provider().entropy);
        said["ds_hash"] = secret.ds_hash().into();
        let parts: Vec<&str> = shared.id_token.split('.').collect();
        let said = Base64UrlUnpadded::encode_string(said.to_string().as_bytes());
        Shared {
            id_token: format!("{}.{said}.{}", parts[0], parts[2]),
            secret: secret.expose().expose().clone(),
        }
    };
    let unsigned = {
        let none = Base64UrlUnpadded::encode_string(br#"{"alg":"none","typ":"JWT","kid":"x"}"#);
        let said = shared.id_token.split('.').nth(1).expect("claims");
        format!("{none}.{said}.")
    };
    let with = |id_token: &str, secret: &str| Shared {
        id_token: id_token.to_owned(),
        secret: secret.to_owned(),
    };
    for attempt in [
        forged,
        with(&unsigned, &shared.secret),
        // An access token, a refresh token, a secret in the place of the ID token.
        with(&tokens.access, &shared.secret),
        with(&tokens.refresh, &shared.secret),
        with(&shared.secret, &shared.secret),
        with(&shared.id_token, &tokens.refresh),
        with(&shared.id_token, &shared.id_token),
        with(&shared.id_token, "pst_ds_"),
        with(&shared.id_token, &shared.secret[..shared.secret.len() - 1]),
        with(&shared.id_token, &format!("{}A", shared.secret)),
        with("a.b.c", "x"),
    ] {
        let (statements, answer) = postern
            .statements(sign_in_by(&postern, &chat, &attempt, &[]))
            .await;
        refused(&answer, "invalid_grant");
        assert_eq!(statements, 0, "{attempt:?}");
    }
    assert_eq!(postern.number(ALIVE).await, 1, "nothing was opened");
    assert_eq!(
        postern.count_events("session.ended").await,
        0,
        "and nothing ended"
    );
}

#[tokio::test]
async fn guesses_are_counted_by_address() {
    let postern = start().await;
    let (_, shared) = signed_in(&postern).await;
    let chat = postern.phone_of("chat");
    let mut guess = shared.clone();
    let mut seen = Vec::new();
    for n in 0..200 {
        let place = guess.secret.len() - 3;
        guess.secret.replace_range(place.., &format!("{n:03}"));
        let status = sign_in_by(&postern, &chat, &guess, &[]).await.status.as_u16();
        seen.push(status);
        if status == 429 {
            break;
        }
    }
    assert_eq!(seen.last(), Some(&429), "{}", seen.len());
}

#[tokio::test]
async fn everything_is_what_it_is_said_to_be() {
    let postern = start().await;
    let (tokens, shared) = signed_in(&postern).await;
    let chat = postern.phone_of("chat");
    let other = format!("{}x", postern.issuer());
    for changes in [
        // An app exchanges no access token, not even its own.
        &[
            ("subject_token", tokens.access.as_str()),
            ("subject_token_type", ACCESS_TOKEN),
        ][..],
        &[("subject_token_type", ACCESS_TOKEN)],
        &[("actor_token_type", ACCESS_TOKEN)],
        &[("actor_token_type", ID_TOKEN)],
        &[("subject_token_type", DEVICE_SECRET)],
        &[("actor_token", ""), ("actor_token_type", "")],
        &[("actor_token", "")],
        &[("subject_token", "")],
        &[("audience", "")],
        &[("audience", &other)],
        &[("audience", postern.issuer()), ("audience", postern.issuer())],
        &[(
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:refresh_token",
        )],
    ] {
        refused(
            &sign_in_by(&postern, &chat, &shared, changes).await,
            "invalid_request",
        );
    }
    assert_eq!(postern.number(ALIVE).await, 1, "nothing was opened");
}

#[tokio::test]
async fn who_is_disabled_and_what_is_removed_opens_nothing() {
    let postern = start().await;
    let chat = postern.phone_of("chat");
    let (_, shared) = signed_in(&postern).await;
    // The rows say that they live: only the person and the apps are looked at.
    let alive = "UPDATE device_sessions SET state = 'active', ended_at = NULL";
    for (change, back) in [
        (
            "UPDATE users SET disabled_at = 1 WHERE email_key = 'alice@example.com'",
            "UPDATE users SET disabled_at = NULL",
        ),
        (
            "UPDATE clients SET disabled_at = 1 WHERE id = 'mail'",
            "UPDATE clients SET disabled_at = NULL",
        ),
        (
            "UPDATE clients SET disabled_at = 1 WHERE id = 'chat'",
            "UPDATE clients SET disabled_at = NULL",
        ),
    ] {
        postern.tamper(change).await;
        refused(&sign_in_by(&postern, &chat, &shared, &[]).await, "invalid_grant");
        postern.tamper(back).await;
    }
    assert_eq!(sign_in_by(&postern, &chat, &shared, &[]).await.status, 200);
    let id = "mail".parse().expect("an id");
    postern::flows::clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");
    postern.tamper(alive).await;
    refused(
        &sign_in_by(&postern, &chat, &shared, &[]).await,
        "unauthorized_client",
    );
}

#[test]
fn settings_that_let_the_wrong_ones_in_are_refused() {
    let issuer = "https://id.example.com".parse().expect("valid");
    let rules = |settings: &ClientSettings| {
        let broken = settings.contradictions(&issuer);
        broken
            .into_iter()
            .map(|broken| broken.setting)
            .collect::<Vec<_>>()
    };
    let mut app = ClientSettings::new(ClientKind::Native);
    app.redirect_uris = vec!["http://127.0.0.1/callback".parse().expect("valid")];
    app.scope = "openid device_sso".parse().expect("valid");
    assert_eq!(rules(&app), ["scope"], "no group");
    app.grant_types.insert(GrantType::TokenExchange);
    assert_eq!(rules(&app), ["grant_types", "scope"]);
    app.sso_group = Some("acme".parse().expect("a name"));
    assert_eq!(rules(&app), [""; 0]);
    app.scope = "device_sso".parse().expect("valid");
    assert_eq!(
        rules(&app),
        ["scope"],
        "without an ID token there is nothing to show"
    );
    let mut site = ClientSettings::new(ClientKind::Web);
    site.redirect_uris = vec!["https://site.example/callback".parse().expect("valid")];
    site.sso_group = app.sso_group;
    assert_eq!(rules(&site), ["sso_group"]);
}
