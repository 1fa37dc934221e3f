//! The database went back: a backup was restored, or a replica took over that was behind.

use std::path::PathBuf;

use postern::{base::time::Lifetime, jobs::poll::Poll};

use super::{asked, by_hand, connection, session, signed_in};
use crate::harness::{ALICE, BOB, Browser, Phone, Postern, Tokens};

/// A copy of the database as it is now.
pub(super) async fn backup(postern: &Postern) -> PathBuf {
    let copy = postern.database_file().with_file_name("backup.db");
    by_hand(postern, &format!("VACUUM INTO '{}'", copy.display())).await;
    copy
}

/// The database becomes what it was.
pub(super) async fn restore(postern: &Postern, copy: &std::path::Path) {
    let tables = [
        "device_sessions",
        "browser_sessions",
        "revocations",
        "events",
        "keys",
        "versions",
    ]
    .map(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM old.{table};"))
    .concat();
    let attach = format!("ATTACH '{}' AS old", copy.display());
    by_hand(postern, &format!("{attach}; BEGIN; {tables} COMMIT; DETACH old;")).await;
}

/// The session's state, and why it ended.
async fn state(postern: &Postern, tokens: &Tokens) -> Vec<String> {
    let text = "SELECT state || COALESCE(' ' || end_reason, '') FROM device_sessions WHERE id = $1";
    let rows = sqlx::query_scalar(text).bind(session(tokens));
    let rows = rows.fetch_all(&mut connection(postern).await).await;
    rows.expect("answered")
}

fn revocation(tokens: &Tokens) -> (String, Vec<u8>) {
    ("session".to_owned(), session(tokens).to_bytes().to_vec())
}

/// Bob goes on while Alice's sessions end: one that the backup has, one that it has not.
struct Story<'a> {
    old: Tokens,
    young: Tokens,
    bobs: Tokens,
    phone: Phone<'a>,
    browser: Browser<'a>,
    backup: PathBuf,
}

async fn ended_after_a_backup(postern: &Postern) -> Story<'_> {
    let (browser, phone, old) = signed_in(postern).await;
    let bobs = phone.signed_in(&mut postern.browser(), BOB).await;
    let backup = backup(postern).await;
    let bobs = Tokens::of(&phone.refresh(&bobs.refresh).await);
    let bobs = Tokens::of(&phone.refresh(&bobs.refresh).await);
    let (_, _, young) = signed_in(postern).await;
    postern.end_everything_of(ALICE).await;
    Story {
        old,
        young,
        bobs,
        phone,
        browser,
        backup,
    }
}

#[tokio::test]
async fn what_had_ended_is_refused_at_once_and_ended_again_by_the_next_poll() {
    let postern = Postern::start().await;
    let mut story = ended_after_a_backup(&postern).await;
    restore(&postern, &story.backup).await;
    assert_eq!(
        state(&postern, &story.old).await,
        ["active"],
        "the database has forgotten"
    );
    assert!(postern.revocations().await.is_empty());

    for token in [&story.old, &story.young] {
        let answer = story.phone.refresh(&token.refresh).await;
        assert_eq!(answer.error(), "invalid_grant");
        assert_eq!(story.phone.userinfo(&token.access).await.status, 401);
    }
    let page = story.browser.open("/account").await.page();
    assert_eq!(page.forms("/sign-in").len(), 1);

    postern.advance("90s");
    postern.poll().await;
    assert_eq!(state(&postern, &story.old).await, ["ended ended_before"]);
    let live_browsers = "SELECT CAST(COUNT(*) AS TEXT) FROM browser_sessions WHERE ended_at IS NULL";
    assert_eq!(asked(&postern, live_browsers).await, ["1"], "Bob's");
    let revoked = postern.revocations().await;
    assert!(revoked.contains(&revocation(&story.old)));
    assert!(
        revoked.contains(&revocation(&story.young)),
        "its row is gone, its tokens may live"
    );
    let until = "SELECT CAST(MIN(until) AS TEXT) FROM revocations";
    let new_until = postern::flows::end::revoked_until(postern.provider(), postern.clock.now());
    assert_eq!(
        asked(&postern, until).await,
        [new_until.millis().to_string()],
        "it counts anew"
    );

    let told = postern.count_events("session.ended").await;
    assert_eq!(told, 2, "a browser session and a device session");
    assert_eq!(postern.count_events("revocation.rewritten").await, 1);
    assert!(
        postern
            .events()
            .await
            .iter()
            .any(|(kind, data)| kind == "session.ended" && data["reason"] == "ended_before")
    );

    // Bob's row is older than the world, and goes on from his token.
    Tokens::of(&story.phone.refresh(&story.bobs.refresh).await);
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 1);
}

#[tokio::test]
async fn nodes_that_write_it_again_at_once_write_it_once() {
    let here = Postern::start().await;
    let there = here.beside().await;
    let story = ended_after_a_backup(&here).await;
    there.poll().await;
    restore(&here, &story.backup).await;
    tokio::join!(here.poll(), there.poll(), here.poll());
    assert_eq!(here.count_events("session.ended").await, 2);
    assert_eq!(here.count_events("revocation.rewritten").await, 1);
    assert_eq!(state(&here, &story.old).await, ["ended ended_before"]);
    for node in [&here, &there] {
        node.poll().await;
    }
    assert_eq!(
        here.count_events("session.ended").await,
        2,
        "nothing is missing any more"
    );
    assert_eq!(here.count_events("revocation.rewritten").await, 1);
}

#[tokio::test]
async fn a_failover_that_nobody_noticed_is_found_within_a_minute() {
    let postern = Postern::start().await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("compares everything");
    let story = ended_after_a_backup(&postern).await;
    restore(&postern, &story.backup).await;
    poll.round().await.expect("only catches up");
    assert_eq!(state(&postern, &story.old).await, ["active"]);
    postern.advance("60s");
    poll.round().await.expect("compares everything");
    assert_eq!(state(&postern, &story.old).await, ["ended ended_before"]);
}

#[tokio::test]
async fn a_device_session_that_was_opened_meanwhile_ends_with_its_browser_session() {
    let here = Postern::start().await;
    let (browser, _, _) = signed_in(&here).await;
    let copy = backup(&here).await;
    here.end_everything_of(ALICE).await;
    restore(&here, &copy).await;
    // A node that has just started believes the database.
    let stranger = here.beside().await;
    let mut same_browser = Browser::new(&stranger);
    same_browser.cookies = browser.cookies.clone();
    let mut phone = stranger.phone();
    phone.scope = "openid";
    let meanwhile = phone.signed_in(&mut same_browser, ALICE).await;
    assert_eq!(state(&here, &meanwhile).await, ["active"]);

    here.poll().await;
    assert_eq!(state(&here, &meanwhile).await, ["ended ended_before"]);
    assert!(here.revocations().await.contains(&revocation(&meanwhile)));
}

#[tokio::test]
async fn an_end_is_remembered_for_an_hour() {
    let postern = Postern::start().await;
    let (_, phone, tokens) = signed_in(&postern).await;
    postern.end_everything_of(ALICE).await;
    let remembered = || postern.provider().ends.devices.contains(&session(&tokens));
    postern.clock.advance(Lifetime::from_secs(3599));
    postern.poll().await;
    assert!(remembered());
    postern.advance("1s");
    postern.poll().await;
    assert!(!remembered());
    assert_eq!(
        phone.refresh(&tokens.refresh).await.error(),
        "invalid_grant",
        "the row knows"
    );
    assert_eq!(postern.count_events("session.ended").await, 1);
    assert_eq!(postern.count_events("revocation.rewritten").await, 0);
}

/// Longer than an hour: as long as its tokens could be, if one were given for them.
#[tokio::test]
async fn an_end_whose_tokens_live_for_a_day_is_remembered_for_as_long() {
    let postern = Postern::start_with(|config| config.lifetimes.access_token = Lifetime::from_days(1)).await;
    let (_, phone, tokens) = signed_in(&postern).await;
    let copy = backup(&postern).await;
    postern.end_everything_of(ALICE).await;
    postern.clock.advance(Lifetime::from_secs(2 * 3600));
    postern.provider().ends.forget(postern.clock.now());
    restore(&postern, &copy).await;
    assert_eq!(state(&postern, &tokens).await, ["active"]);
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    postern.poll().await;
    assert_eq!(state(&postern, &tokens).await, ["ended ended_before"]);
}

#[tokio::test]
async fn many_sessions_that_go_forward_raise_one_alarm() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let mut phones = Vec::new();
    for _ in 0..12 {
        let phone = postern.phone();
        let tokens = phone.signed_in(&mut browser, ALICE).await;
        let tokens = Tokens::of(&phone.refresh(&tokens.refresh).await);
        let newest = Tokens::of(&phone.refresh(&tokens.refresh).await);
        phones.push((phone, newest));
    }
    by_hand(&postern, "UPDATE device_sessions SET generation = 1").await;
    for (count, (phone, tokens)) in phones.iter().enumerate() {
        Tokens::of(&phone.refresh(&tokens.refresh).await);
        let alarms = postern.count_events("database.went_back").await;
        assert_eq!(alarms, usize::from(count >= 9), "after {}", count + 1);
    }
    assert_eq!(postern.count_events("refresh.fast_forwarded").await, 12);
}

/// A database that went back has an older version, which a change may since have raised to the one that a node knows.
#[tokio::test]
async fn clients_are_read_again_each_minute_whatever_their_version_says() {
    let postern = Postern::start().await;
    postern.add_client("other", |_| {}).await;
    let mut poll = Poll::new(postern.provider());
    poll.round().await.expect("the database answers");
    by_hand(&postern, "DELETE FROM clients WHERE id = 'other'").await;
    for (later, is_known) in [("59s", true), ("1s", false)] {
        postern.advance(later);
        poll.round().await.expect("the database answers");
        assert_eq!(
            postern.provider().clients.find("other").is_some(),
            is_known,
            "{later}"
        );
    }
}
