//! A month of the same days: after the warm-up, every table has as many rows as before.

use postern::{
    base::time::Lifetime,
    flows::sweep::{sweep, walk::walk},
};

use crate::harness::{ALICE, BOB, Page, Phone, Postern, Tokens, postgres::Database};

/// Days until everything of the first day is deleted: a session's twelve, the two that it is kept, and one more.
const WARM_UP: usize = 15;
const DAYS: usize = 30;

/// An app that is used every day, until its session has ended.
struct Used<'a>(Phone<'a>, Tokens);

async fn day<'a>(postern: &'a Postern, used: &mut Vec<Used<'a>>) {
    // Those who are signed in use their apps; whose session has reached its end signs in again, as another one.
    let mut living = Vec::new();
    for Used(phone, tokens) in used.drain(..) {
        let answer = phone.refresh(&tokens.refresh).await;
        if answer.status == 200 {
            living.push(Used(phone, Tokens::of(&answer)));
        } else {
            assert_eq!(answer.error(), "invalid_grant");
        }
    }
    *used = living;

    // Alice signs in: an app that she will use, one that she tries once, one that lives with the browser, one that
    // crashes before it redeems its code.
    let mut browser = postern.browser();
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    used.push(Used(phone, tokens));
    postern.phone().signed_in(&mut browser, ALICE).await;
    let mut with_browser = postern.phone();
    with_browser.scope = "openid";
    with_browser.signed_in(&mut browser, ALICE).await;
    postern.phone().allowed_code(&mut browser, ALICE).await;

    // Bob signs in to two apps, revokes a token, gives one session back and signs out.
    let mut browser = postern.browser();
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut browser, BOB).await;
    assert_eq!(phone.revoke(&tokens.access).await.status, 200);
    assert_eq!(phone.revoke(&tokens.refresh).await.status, 200);
    let page = browser.account(BOB).await;
    sign_out(&mut browser, &page).await;

    // Somebody guesses.
    let mut stranger = postern.browser();
    let page = stranger.open("/account").await.page();
    stranger.sign_in_with(&page, ALICE, "a wrong guess").await;

    for _ in 0..4 {
        postern.advance("6h");
        postern.chains().await;
        sweep(postern.provider()).await.expect("swept");
        walk(postern.provider()).await.expect("walked");
    }
}

async fn sign_out(browser: &mut crate::harness::Browser<'_>, page: &Page) {
    let form = page.form("/sign-out");
    assert!(browser.submit(&form).await.page().forms("/sign-out").is_empty());
}

/// The tables and indexes of a PostgreSQL database on its disk. (SQLite's file is measured by its pages, elsewhere.)
fn bytes_after_a_vacuum(database: &Database) -> u64 {
    database.psql("VACUUM");
    let bytes = "SELECT SUM(pg_total_relation_size(oid)) FROM pg_class
                 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
    database.psql(bytes).parse().expect("a number")
}

#[tokio::test]
async fn a_month_of_equal_days_leaves_every_table_as_large_as_half_a_month() {
    let postern = Postern::start_with(|config| {
        config.lifetimes.device_session_idle = Lifetime::from_days(5);
        config.lifetimes.device_session_absolute = Lifetime::from_days(12);
        config.lifetimes.browser_session_idle = Lifetime::from_days(2);
        config.lifetimes.browser_session_absolute = Lifetime::from_days(4);
        config.retention.events = Some(Lifetime::from_days(7));
    })
    .await;
    let mut used = Vec::new();
    let mut sizes = Vec::new();
    let mut bytes = Vec::new();
    for _ in 0..DAYS {
        day(&postern, &mut used).await;
        sizes.push(postern.rows().await);
        bytes.extend(postern.database.as_deref().map(bytes_after_a_vacuum));
    }
    if postern.database.is_some() {
        assert!(
            bytes[DAYS - 1] <= bytes[WARM_UP - 1] * 110 / 100,
            "the tables on disk: {bytes:?}"
        );
    }
    assert_eq!(
        used.len(),
        12,
        "those who use their app stay signed in to the end"
    );
    let (warm, grown) = (&sizes[WARM_UP - 1], &sizes[DAYS - 1]);
    for ((table, before), (_, after)) in warm.iter().zip(grown) {
        // Percent, in whole numbers.
        let limit = before * 110 / 100;
        assert!(
            *after <= limit && *after >= before * 90 / 100,
            "{table}: {before} rows became {after}"
        );
    }
    // The tables were used, and the days are what they are made of.
    for (table, after) in grown {
        let least = match *table {
            "device_sessions" => 25,
            "browser_sessions" => 6,
            "events" => 70,
            "revocations" => 4,
            _ => 0,
        };
        assert!(*after >= least, "{table}: only {after} rows");
    }
}
