//! What ends on one node is refused by the others, whatever the database says later; and what ends here is remembered
//! before anybody is told.

use postern::{
    base::id::DeviceSessionId,
    domain::{
        client::ClientKind,
        ending::{Ending, Reason},
        event::Subject,
        password::Password,
    },
    flows::{account, clients, end::end, sweep::sweep},
    jobs,
    store::{ends, revocations::MAX_TOKENS_OF_A_SESSION},
};

use sqlx::AssertSqlSafe;

use super::{by_hand, connection, forget_ends, session, signed_in};
use crate::{
    client_auth::register,
    harness::{ALICE, Answer, Browser, PASSWORD, Postern, Tokens},
};

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(
        (answer.status.as_u16(), answer.error().as_str()),
        (400, "invalid_grant")
    );
}

#[tokio::test]
async fn another_node_refuses_at_once_and_remembers_after_one_round() {
    let here = Postern::start().await;
    let there = here.beside().await;
    let (browser, _, tokens) = signed_in(&here).await;
    let mut same_browser = Browser::new(&there);
    same_browser.cookies = browser.cookies.clone();
    assert!(
        same_browser
            .open("/account")
            .await
            .page()
            .forms("/sign-in")
            .is_empty()
    );
    assert_eq!(there.phone().userinfo(&tokens.access).await.status, 200);

    here.end_everything_of(ALICE).await;
    refused(&there.phone().refresh(&tokens.refresh).await);
    there.poll().await;

    forget_ends(&here).await;
    refused(&there.phone().refresh(&tokens.refresh).await);
    assert_eq!(there.phone().userinfo(&tokens.access).await.status, 401);
    let page = same_browser.open("/account").await.page();
    assert_eq!(page.forms("/sign-in").len(), 1, "{}", page.text());

    // A node that did not know would have believed the database.
    let stranger = here.beside().await;
    assert_eq!(stranger.phone().userinfo(&tokens.access).await.status, 200);
    let refreshed = stranger.phone().refresh(&tokens.refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
}

#[tokio::test]
async fn a_code_whose_session_ended_elsewhere_is_not_redeemed() {
    let here = Postern::start().await;
    let there = here.beside().await;
    let phone = here.phone();
    let code = phone.allowed_code(&mut here.browser(), ALICE).await;
    here.end_everything_of(ALICE).await;
    there.poll().await;
    forget_ends(&here).await;

    let mut same_app = there.phone();
    same_app.verifier.clone_from(&phone.verifier);
    refused(&same_app.redeem(&code).await);
    // It was not the code: a node that did not know redeems it.
    let stranger = here.beside().await;
    let mut same_app = stranger.phone();
    same_app.verifier.clone_from(&phone.verifier);
    assert_eq!(same_app.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn a_single_token_that_was_revoked_elsewhere_stays_refused() {
    let here = Postern::start().await;
    let there = here.beside().await;
    let (_, phone, tokens) = signed_in(&here).await;
    assert_eq!(phone.revoke(&tokens.access).await.status, 200);
    there.poll().await;
    by_hand(&here, "DELETE FROM revocations").await;

    for node in [&here, &there] {
        assert_eq!(node.phone().userinfo(&tokens.access).await.status, 401);
        let next = node.phone().refresh(&tokens.refresh).await;
        assert_eq!(next.status, 200, "its session lives: {}", next.body);
    }
}

#[tokio::test]
async fn a_client_is_known_and_unknown_to_the_others_after_one_round() {
    let here = Postern::start().await;
    let there = here.beside().await;
    here.add_client("newcomer", |_| {}).await;
    let known = |node: &Postern| node.provider().clients.find("newcomer").is_some();
    assert!(!known(&there));
    there.poll().await;
    assert!(known(&there));
    let id = "newcomer".parse().expect("a client id");
    clients::remove(here.provider(), id, None)
        .await
        .expect("answered")
        .expect("known");
    assert!(known(&there));
    there.poll().await;
    assert!(!known(&there));
}

#[tokio::test]
async fn a_client_is_removed_by_a_node_that_has_not_heard_of_it_with_its_own_tokens() {
    let here = Postern::start().await;
    let there = here.beside().await;
    let (_, secret) = register(&here, "worker", ClientKind::Service, |_| {}).await;
    assert!(secret.is_some() && there.provider().clients.find("worker").is_none());
    clients::remove(there.provider(), "worker".parse().expect("an id"), None)
        .await
        .expect("answered")
        .expect("known");
    assert_eq!(
        here.revocations().await,
        [("client".to_owned(), b"worker".to_vec())]
    );
}

#[tokio::test]
async fn an_end_reaches_a_poll_that_only_catches_up() {
    let here = Postern::start().await;
    let there = here.beside().await;
    let mut poll = jobs::poll::Poll::new(there.provider());
    poll.round().await.expect("the first compares everything");
    let (_, _, tokens) = signed_in(&here).await;
    here.end_everything_of(ALICE).await;
    assert!(!there.provider().ends.devices.contains(&session(&tokens)));
    poll.round().await.expect("the second looks for what is new");
    assert!(there.provider().ends.devices.contains(&session(&tokens)));
}

#[tokio::test]
async fn every_end_is_remembered_when_it_is_acknowledged() {
    let postern = Postern::start().await;
    let provider = postern.provider();
    let alice = postern.user(ALICE).await.id;
    let remembered = |id: &DeviceSessionId| provider.ends.devices.contains(id);

    let (_, phone, given_back) = signed_in(&postern).await;
    phone.revoke(&given_back.refresh).await;
    assert!(remembered(&session(&given_back)), "the app gave its token back");

    let (_, phone, reused) = signed_in(&postern).await;
    phone.refresh(&reused.refresh).await;
    postern.advance("61s");
    refused(&phone.refresh(&reused.refresh).await);
    assert!(
        remembered(&session(&reused)),
        "an old refresh token was used again"
    );

    let phone = postern.phone();
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    let twice = Tokens::of(&phone.redeem(&code).await);
    refused(&phone.redeem(&code).await);
    assert!(remembered(&session(&twice)), "a code was redeemed twice");

    let (_, _, by_name) = signed_in(&postern).await;
    let ending = Ending::Device {
        id: session(&by_name),
    };
    let ended = end(provider, ending, Reason::EndedByOperator, Subject::default());
    assert_eq!(ended.await.expect("answered").devices, 1);
    assert!(remembered(&session(&by_name)), "an operator ended it");

    let (_, _, before) = signed_in(&postern).await;
    let email = ALICE.parse().expect("an address");
    let password = Password::chosen(PASSWORD.to_owned(), &email).expect("a good one");
    let changed = account::set_password(provider, alice, password, None, None, None);
    changed.await.expect("changed");
    assert!(remembered(&session(&before)), "the password was changed");

    let (_, phone, many) = signed_in(&postern).await;
    for _ in 0..=MAX_TOKENS_OF_A_SESSION {
        let next = Tokens::of(&phone.refresh(&many.refresh).await);
        phone.revoke(&next.access).await;
    }
    assert!(remembered(&session(&many)), "too many of its tokens were revoked");

    let mut with_browser = postern.phone();
    with_browser.scope = "openid";
    let mut browser = postern.browser();
    let expired = with_browser.signed_in(&mut browser, ALICE).await;
    postern.clock.advance(provider.lifetimes.browser_session_absolute);
    sweep(provider).await.expect("swept");
    assert!(remembered(&session(&expired)), "its browser session expired");

    let (_, _, of_client) = signed_in(&postern).await;
    let id = "notes".parse().expect("a client id");
    clients::remove(provider, id, None)
        .await
        .expect("answered")
        .expect("known");
    assert!(remembered(&session(&of_client)), "its client was removed");

    postern.add_client("notes", |_| {}).await;
    let (_, _, disabled) = signed_in(&postern).await;
    account::disable(provider, alice, postern::domain::actor::Actor::Operator)
        .await
        .expect("answered")
        .expect("was enabled");
    assert!(remembered(&session(&disabled)), "the account was disabled");
}

#[tokio::test]
async fn a_poll_finds_what_is_new_by_its_time_however_much_there_is() {
    let postern = Postern::start().await;
    for (statement, index) in [
        (ends::DEVICES.sql().sqlite, "device_sessions_ended_id"),
        (ends::BROWSERS.sql().sqlite, "browser_sessions_ended_id"),
        (ends::REVOCATIONS.sql().sqlite, "revocations_recorded_id"),
        (ends::IN_FORCE.sql().sqlite, "revocations_until_id"),
    ] {
        let plan = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
        let plan: Vec<(i64, i64, i64, String)> = plan
            .fetch_all(&mut connection(&postern).await)
            .await
            .expect("a plan");
        let explained = format!("{plan:?}");
        assert!(
            explained.contains(index) && !explained.contains("TEMP B-TREE"),
            "{explained}"
        );
    }
}
