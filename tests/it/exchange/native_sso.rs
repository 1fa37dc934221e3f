//! An app signs its person in by another app of its maker (OpenID Connect Native SSO for Mobile Apps 1.0).

use serde_json::json;

use super::{
    ACCESS_TOKEN,
    apps::{Shared, lets_in, mail, sign_in_by, signed_in, signs_in, start},
    refused,
};
use crate::harness::{ALICE, Phone, Postern, Tokens};

const ALIVE: &str = "SELECT COUNT(*) FROM device_sessions WHERE state = 'active'";

#[tokio::test]
async fn an_app_signs_in_by_another_of_its_maker() {
    let postern = start().await;
    let first = mail(&postern);
    let mut browser = postern.browser();
    let code = first.allowed_code(&mut browser, ALICE).await;
    let (statements, answer) = postern.statements(first.redeem(&code)).await;
    assert_eq!(statements, 2, "as without");
    let first = Tokens::of(&answer);
    let shared = Shared::of(&first);
    assert!(shared.secret.starts_with("pst_ds_") && shared.secret.len() > 40);
    assert!(
        first.id_claims()["ds_hash"]
            .as_str()
            .is_some_and(|hash| hash.len() == 22)
    );
    assert_eq!(first.id_claims()["sid"], first.sid());

    let chat = postern.phone_of("chat");
    let (statements, answer) = postern
        .statements(sign_in_by(&postern, &chat, &shared, &[]))
        .await;
    assert_eq!(
        statements, 6,
        "the first session, the consent, the new session, the new consent, an event of each"
    );
    let second = Tokens::of(&answer);
    let members: Vec<&String> = second.answer.as_object().expect("an object").keys().collect();
    let expected = "access_token expires_in id_token issued_token_type refresh_token scope token_type";
    assert_eq!(
        members,
        expected.split(' ').collect::<Vec<_>>(),
        "and no device_secret"
    );
    assert_eq!(second.answer["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(second.answer["scope"], "email offline_access openid profile");

    let (one, two) = (first.id_claims(), second.id_claims());
    for same in ["iss", "sub", "auth_time", "acr", "amr"] {
        assert_eq!(one[same], two[same], "{same}");
    }
    assert_eq!(two["aud"], "chat");
    assert_eq!((two.get("ds_hash"), two.get("nonce")), (None, None));
    assert_ne!(first.sid(), second.sid(), "a session of its own");
    assert_eq!(two["sid"], second.sid());
    assert_eq!(postern.count_events("session.opened").await, 2);
    assert_eq!(postern.count_events("consent.granted").await, 2);

    // It lives as every other does: it tells of its person, it is refreshed, and the person sees it.
    assert_eq!(chat.userinfo(&second.access).await.json()["email"], ALICE);
    let refreshed = Tokens::of(&chat.refresh(&second.refresh).await);
    assert_eq!(refreshed.answer.get("device_secret"), None);
    let account = browser.open("/account").await.page();
    for sid in [first.sid(), second.sid()] {
        assert!(account.answer.body.contains(&sid), "{sid}");
    }

    // Again, for an app that was put on the device anew: nothing new is allowed.
    let (statements, answer) = postern
        .statements(sign_in_by(&postern, &chat, &shared, &[]))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(statements, 4);
}

#[tokio::test]
async fn the_id_token_may_be_as_old_as_the_session() {
    let postern = start().await;
    let (mut tokens, shared) = signed_in(&postern).await;
    let first = mail(&postern);
    for _ in 0..2 {
        postern.advance("60d");
        tokens = Tokens::of(&first.refresh(&tokens.refresh).await);
        // Nothing is shown again, and nothing changes.
        assert_eq!(tokens.answer.get("device_secret"), None);
    }
    let chat = postern.phone_of("chat");
    let second = Tokens::of(&sign_in_by(&postern, &chat, &shared, &[]).await);
    let end = |sid: &str| {
        let id = sid.parse::<postern::base::id::DeviceSessionId>().expect("an id");
        postern::store::device_sessions::find(&postern.provider().db, id)
    };
    let ends = async |sid: String| {
        let found = end(&sid).await.expect("answered").expect("a session");
        found.session.expires_at
    };
    assert_eq!(
        ends(second.sid()).await,
        ends(tokens.sid()).await,
        "its absolute end is not later"
    );
    // Who was not there for too long opens nothing.
    postern.advance("91d");
    refused(&sign_in_by(&postern, &chat, &shared, &[]).await, "invalid_grant");
}

#[tokio::test]
async fn what_was_opened_ends_with_the_session_that_it_hangs_under_and_not_the_other_way_round() {
    let postern = start().await;
    let (first, shared) = signed_in(&postern).await;
    let chat = postern.phone_of("chat");
    let second = Tokens::of(&sign_in_by(&postern, &chat, &shared, &[]).await);
    let third = Tokens::of(&sign_in_by(&postern, &chat, &shared, &[]).await);

    assert_eq!(chat.revoke(&second.refresh).await.status, 200);
    assert_eq!(chat.refresh(&second.refresh).await.error(), "invalid_grant");
    assert_eq!(mail(&postern).userinfo(&first.access).await.status, 200);
    assert_eq!(chat.userinfo(&third.access).await.status, 200);

    assert_eq!(mail(&postern).revoke(&first.refresh).await.status, 200);
    assert_eq!(chat.refresh(&third.refresh).await.error(), "invalid_grant");
    assert_eq!(chat.userinfo(&third.access).await.status, 401);
    assert_eq!(postern.number(ALIVE).await, 0);
    // Shown again after that, by whom ever.
    refused(&sign_in_by(&postern, &chat, &shared, &[]).await, "invalid_grant");
    postern
        .tamper("UPDATE device_sessions SET state = 'active', ended_at = NULL WHERE parent_id IS NULL")
        .await;
    refused(&sign_in_by(&postern, &chat, &shared, &[]).await, "invalid_grant");
}

#[tokio::test]
async fn a_session_without_offline_access_takes_what_hangs_under_it_along_with_the_browsers() {
    let postern = start().await;
    let mut first = mail(&postern);
    first.scope = "openid device_sso";
    let mut browser = postern.browser();
    let tokens = first.signed_in(&mut browser, ALICE).await;
    let chat = postern.phone_of("chat");
    let second = Tokens::of(&sign_in_by(&postern, &chat, &Shared::of(&tokens), &[]).await);
    assert_eq!(second.answer["scope"], "email offline_access openid profile");
    let page = browser.open("/account").await.page();
    browser.submit(&page.form("/sign-out")).await.page();
    assert_eq!(chat.refresh(&second.refresh).await.error(), "invalid_grant");
    assert_eq!(postern.number(ALIVE).await, 0);
}

#[tokio::test]
async fn who_ends_all_others_keeps_what_came_from_here() {
    let postern = start().await;
    let chat = postern.phone_of("chat");
    let (mut here, mut there) = (postern.browser(), postern.browser());
    let mut opened = Vec::new();
    for browser in [&mut here, &mut there] {
        let first = mail(&postern).signed_in(browser, ALICE).await;
        opened.push(Tokens::of(
            &sign_in_by(&postern, &chat, &Shared::of(&first), &[]).await,
        ));
    }
    let page = here.open("/account").await.page();
    here.submit(&page.form("/account/end-others")).await.page();
    assert_eq!(chat.refresh(&opened[0].refresh).await.status, 200);
    assert_eq!(chat.refresh(&opened[1].refresh).await.error(), "invalid_grant");
    assert_eq!(postern.number(ALIVE).await, 2);
}

#[tokio::test]
async fn an_app_that_asks_has_asked_before() {
    let postern = start().await;
    postern
        .add_client("maps", |settings| {
            signs_in(settings);
            settings.consent = postern::domain::client::ConsentPolicy::Ask;
        })
        .await;
    let (_, shared) = signed_in(&postern).await;
    let maps = postern.phone_of("maps");
    refused(&sign_in_by(&postern, &maps, &shared, &[]).await, "invalid_scope");

    let mut narrow = maps.clone();
    narrow.scope = "openid email";
    let mut browser = postern.browser();
    let by_browser = narrow.signed_in(&mut browser, ALICE).await;
    refused(&sign_in_by(&postern, &maps, &shared, &[]).await, "invalid_scope");
    let by_mail = sign_in_by(&postern, &maps, &shared, &[("scope", "openid email")]).await;
    let by_mail = Tokens::of(&by_mail);

    // What the person takes back is gone, and is not had this way.
    let user = postern.user(ALICE).await.id;
    let ending = postern::domain::ending::Ending::Consent {
        user,
        client: "maps".parse().expect("an id"),
    };
    let reason = postern::domain::ending::Reason::EndedByUser;
    postern::flows::end::end(
        postern.provider(),
        ending,
        reason,
        postern::domain::event::Subject::default(),
    )
    .await
    .expect("ended");
    for tokens in [&by_browser, &by_mail] {
        assert_eq!(maps.refresh(&tokens.refresh).await.error(), "invalid_grant");
    }
    let again = sign_in_by(&postern, &maps, &shared, &[("scope", "openid email")]).await;
    refused(&again, "invalid_scope");
}

#[tokio::test]
async fn it_gets_what_it_is_registered_for_or_less() {
    let postern = start().await;
    let (_, shared) = signed_in(&postern).await;
    let chat = postern.phone_of("chat");
    let narrow = Tokens::of(&sign_in_by(&postern, &chat, &shared, &[("scope", "openid")]).await);
    assert_eq!(narrow.answer["scope"], "openid");
    for wide in ["openid admin", "device_sso", "admin", "\""] {
        let answer = sign_in_by(&postern, &chat, &shared, &[("scope", wide)]).await;
        refused(&answer, "invalid_scope");
    }
    let elsewhere = [("resource", "https://elsewhere.example")];
    refused(
        &sign_in_by(&postern, &chat, &shared, &elsewhere).await,
        "invalid_target",
    );
    // Who signed in by another lets nobody in, also when it may let others in that sign in with the browser.
    postern
        .add_client("calendar", |settings| {
            signs_in(settings);
            lets_in(settings);
        })
        .await;
    let calendar = postern.phone_of("calendar");
    let tokens =
        Tokens::of(&sign_in_by(&postern, &calendar, &shared, &[("scope", "openid device_sso")]).await);
    assert_eq!(tokens.answer["scope"], "openid");
    assert_eq!(tokens.answer.get("device_secret"), None);
    assert_eq!(tokens.id_claims().get("ds_hash"), None);
}

#[tokio::test]
async fn each_app_is_bound_to_its_own_key() {
    let postern = start().await;
    let mut first = Phone::with_key(&postern, "mail");
    first.scope = mail(&postern).scope;
    let tokens = first.signed_in(&mut postern.browser(), ALICE).await;
    let shared = Shared::of(&tokens);
    let chat = Phone::with_key(&postern, "chat");
    let second = Tokens::of(&sign_in_by(&postern, &chat, &shared, &[]).await);
    assert_eq!(second.answer["token_type"], "DPoP");
    let jkt = |phone: &Phone<'_>| phone.key.as_ref().expect("a key").jkt();
    assert_eq!(second.claims()["cnf"], json!({ "jkt": jkt(&chat) }));
    assert_ne!(jkt(&chat), jkt(&first));
    let stranger = chat.proving(Some(crate::harness::ProofKey::new()));
    for thief in [&stranger, &chat.proving(None)] {
        assert_eq!(thief.refresh(&second.refresh).await.error(), "invalid_grant");
    }
    assert_eq!(chat.refresh(&second.refresh).await.status, 200);
}

#[tokio::test]
async fn without_the_scope_there_is_no_secret() {
    let postern = start().await;
    let mut first = mail(&postern);
    for scope in ["openid offline_access", "offline_access device_sso"] {
        first.scope = scope;
        let tokens = first.signed_in(&mut postern.browser(), ALICE).await;
        assert_eq!(tokens.answer.get("device_secret"), None, "{scope}");
    }
    // Nobody else may ask for it.
    let other = postern.phone();
    let url = other.authorize_url(&[("scope", "openid device_sso")]);
    let back = postern.browser().open(&url).await.app();
    assert!(back.as_str().contains("error=invalid_scope"), "{back}");
}

#[tokio::test]
async fn the_server_says_so_where_there_is_an_app_for_it() {
    let postern = Postern::start().await;
    let document = async || postern.get("/.well-known/openid-configuration").await.json();
    let without = document().await;
    assert_eq!(without.get("native_sso_supported"), None);
    postern.add_client("mail", lets_in).await;
    let with = document().await;
    assert_eq!(with["native_sso_supported"], true);
    for (list, member) in [
        ("scopes_supported", "device_sso"),
        ("claims_supported", "ds_hash"),
    ] {
        let has = |document: &serde_json::Value| {
            let all = document[list].as_array().expect("a list");
            all.contains(&json!(member))
        };
        assert!(has(&with) && !has(&without), "{member}");
    }
}
