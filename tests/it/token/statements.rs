//! How many statements each endpoint takes: the budget of a database that does not get slower.

use postern::{
    domain::{
        ending::{Ending, Reason},
        event::Subject,
    },
    flows::end::end,
};

use super::{Prover, code, session, signed_in};
use crate::harness::{ALICE, Phone, Postern, Tokens};

#[tokio::test]
async fn a_redemption_takes_the_update_and_the_event() {
    let postern = Postern::start().await;
    let (phone, code) = code(&postern).await;

    let (count, answer) = postern.statements(phone.redeem(&code)).await;

    assert_eq!(answer.status, 200);
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_refresh_and_its_repetition_take_one() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    for _ in 0..3 {
        let (count, answer) = postern.statements(phone.refresh(&first.refresh)).await;
        assert_eq!((count, answer.status.as_u16()), (1, 200));
    }
    let bound = Prover::new(&postern, "the phone's key");
    let first = bound.signed_in().await;
    for _ in 0..2 {
        let (count, answer) = postern.statements(bound.refresh(&first.refresh)).await;
        assert!(answer.is_ok());
        assert_eq!(count, 1);
    }
}

#[tokio::test]
async fn a_proof_takes_no_statement_more_and_a_wrong_one_none() {
    let postern = Postern::start().await;
    let phone = Phone::with_key(&postern, "notes");
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;

    let stale = phone.draft("POST", "/token").claim("iat", 1).sign();
    let pairs = phone.redemption(&code);
    let (count, answer) = postern
        .statements(phone.post_with_proofs("/token", &pairs, &[&stale]))
        .await;
    assert_eq!((count, answer.error().as_str()), (0, "use_dpop_nonce"));
    let nonce = answer.header("dpop-nonce");

    let proof = phone
        .draft("POST", "/token")
        .claim("iat", 1)
        .claim("nonce", nonce)
        .sign();
    let (count, answer) = postern
        .statements(phone.post_with_proofs("/token", &pairs, &[&proof]))
        .await;
    assert_eq!(count, 2);
    let first = Tokens::of(&answer);
    for _ in 0..2 {
        let (count, answer) = postern.statements(phone.refresh(&first.refresh)).await;
        assert_eq!((count, answer.status.as_u16()), (1, 200));
    }
    let (count, answer) = postern.statements(phone.userinfo(&first.access)).await;
    assert_eq!((count, answer.status.as_u16()), (1, 200));
    let (count, answer) = postern
        .statements(phone.userinfo_with(&format!("DPoP {}", first.access), &[&proof]))
        .await;
    assert_eq!((count, answer.status.as_u16()), (0, 401));
}

#[tokio::test]
async fn an_invented_token_takes_none() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;
    let mut changed = first.refresh.clone();
    changed.replace_range(60..61, if &changed[60..61] == "A" { "B" } else { "A" });
    for invented in ["pst_rt_x", &changed] {
        let (count, answer) = postern.statements(phone.refresh(invented)).await;
        assert_eq!((count, answer.status.as_u16()), (0, 400));
        let (count, answer) = postern.statements(phone.revoke(invented)).await;
        assert_eq!((count, answer.status.as_u16()), (0, 200));
        let (count, answer) = postern.statements(phone.userinfo(invented)).await;
        assert_eq!((count, answer.status.as_u16()), (0, 401));
    }
}

#[tokio::test]
async fn userinfo_takes_one() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;

    let (count, answer) = postern.statements(phone.userinfo(&first.access)).await;

    assert_eq!((count, answer.status.as_u16()), (1, 200));
}

#[tokio::test]
async fn a_revocation_takes_the_row_and_the_end() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;

    let (count, answer) = postern.statements(phone.revoke(&first.access)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(count, 4, "a single token: how long, listed, told, counted");

    let (count, answer) = postern.statements(phone.revoke(&first.refresh)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(count, 1 + 6, "a session: found, and its end");

    let (count, answer) = postern.statements(phone.revoke(&first.refresh)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(count, 1, "once more: it has ended");
}

#[tokio::test]
async fn an_end_takes_six_or_seven_however_much_it_ends() {
    let postern = Postern::start().await;
    let (_, first) = signed_in(&postern, "notes").await;
    for _ in 0..20 {
        signed_in(&postern, "notes").await;
    }
    let (provider, user) = (postern.provider(), postern.user(ALICE).await.id);
    let ends = |ending| end(provider, ending, Reason::EndedByOperator, Subject::default());

    let id = session(&first);
    let (count, ended) = postern.statements(ends(Ending::Device { id })).await;
    let ended = ended.expect("the database answers");
    assert_eq!((ended.devices, ended.browsers), (1, 0));
    assert_eq!(
        count, 6,
        "it, what hangs under it, how long, listed, told, an event"
    );

    let everything = Ending::User { id: user, keep: None };
    let (count, ended) = postern.statements(ends(everything)).await;
    let ended = ended.expect("the database answers");
    assert_eq!((ended.devices, ended.browsers), (20, 21));
    assert_eq!(
        count, 7,
        "browsers, devices, what hangs under them, how long, listed, told, an event"
    );
}

#[tokio::test]
async fn a_deny_after_an_allow_takes_the_row_and_the_event() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    phone.allowed_code(&mut browser, ALICE).await;
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    phone.code(&browser.press(&page, "allow").await.app());

    let (count, went) = postern.statements(browser.press(&page, "deny")).await;
    assert!(went.app().as_str().contains("error=access_denied"));
    assert_eq!(count, 1 + 2, "the browser session; nothing had tokens");
}

#[tokio::test]
async fn the_authorize_page_takes_three_and_allow_four() {
    let postern = Postern::start().await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    phone.signed_in(&mut browser, ALICE).await;

    // The consent is remembered and the same browser comes back.
    let (count, went) = postern.statements(browser.open(&phone.authorize_url(&[]))).await;
    let page = went.page();
    assert!(count <= 3, "the page: {count}");
    let (count, went) = postern.statements(browser.press(&page, "allow")).await;
    phone.code(&went.app());
    assert!(count <= 4, "Continue: {count}");

    // A consent that is new is written too.
    postern.add_client("other", |_| {}).await;
    let phone = postern.phone_of("other");
    let (count, went) = postern.statements(browser.open(&phone.authorize_url(&[]))).await;
    let page = went.page();
    assert!(count <= 3, "the page of a new app: {count}");
    let (count, went) = postern.statements(browser.press(&page, "allow")).await;
    let code = phone.code(&went.app());
    assert!(count <= 4, "Allow: {count}");
    Tokens::of(&phone.redeem(&code).await);
}

#[tokio::test]
async fn keys_and_discovery_take_none() {
    let postern = Postern::start().await;
    for path in [
        "/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/health/live",
    ] {
        let (count, answer) = postern.statements(postern.get(path)).await;
        assert_eq!((count, answer.status.as_u16()), (0, 200), "{path}");
    }
}
