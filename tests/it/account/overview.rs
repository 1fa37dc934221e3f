//! The account page: what is signed in where, and ending it.

use postern::base::id::BrowserSessionId;
use scraper::{Html, Selector};

use crate::harness::{ALICE, BOB, PASSWORD, Page, Postern};

/// The text of each row of a list.
fn list(page: &Page, titled: &str) -> Vec<String> {
    let html = Html::parse_document(&page.answer.body);
    let rows = Selector::parse(&format!("section[aria-labelledby={titled}] li")).expect("a selector");
    html.select(&rows)
        .map(|row| {
            row.text()
                .collect::<String>()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[tokio::test]
async fn the_page_lists_apps_and_browsers_and_marks_this_one() {
    let postern = Postern::start().await;
    let (mut here, mut there) = (postern.browser(), postern.browser());
    let phone = postern.phone();
    assert_eq!(list(&there.account(ALICE).await, "devices-title").len(), 0);
    phone.signed_in(&mut there, ALICE).await;
    postern.advance("3d");
    phone.signed_in(&mut here, ALICE).await;
    postern.phone().allowed_code(&mut here, ALICE).await;
    postern.browser().account(BOB).await;
    postern.advance("2h");

    let page = here.open("/account").await.page();
    let devices = list(&page, "devices-title");
    assert_eq!(
        devices.len(),
        2,
        "what was not redeemed is no device: {devices:?}"
    );
    assert!(
        devices[1].starts_with("Notes on Linux Last used 3 days ago"),
        "{devices:?}"
    );
    assert!(
        devices[0].starts_with("Notes on Linux Opened here Last used 2 hours ago"),
        "{devices:?}"
    );
    let browsers = list(&page, "browsers-title");
    assert_eq!(browsers.len(), 2, "not Bob's: {browsers:?}");
    assert!(
        browsers[0].contains("Chrome on Linux This browser Last used just now"),
        "{browsers:?}"
    );
    assert!(browsers[0].contains("First used 2 hours ago"), "{browsers:?}");
    assert!(
        !browsers[0].contains("End") && browsers[1].contains("End"),
        "{browsers:?}"
    );
    assert_eq!(page.forms("/account/end").len(), 3);
}

#[tokio::test]
async fn without_a_session_the_page_asks_who_it_is_and_then_shows_itself() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let page = browser.open("/").await.page();
    assert_eq!(
        (page.path.as_str(), page.heading().as_str()),
        ("/account", "Sign in")
    );
    let page = browser.sign_in(&page, ALICE).await.page();
    assert_eq!(
        (page.path.as_str(), page.heading().as_str()),
        ("/account", "Your account")
    );
    assert!(page.text().contains(ALICE));
}

#[tokio::test]
async fn an_app_or_a_browser_is_ended_by_its_button() {
    let postern = Postern::start().await;
    let (mut here, mut there) = (postern.browser(), postern.browser());
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut there, ALICE).await;
    let page = here.account(ALICE).await;
    let form = |page: &Page, prefix: &str| {
        let forms = page.forms("/account/end").into_iter();
        forms
            .filter(|form| form.field("id").starts_with(prefix))
            .collect::<Vec<_>>()
    };
    let device = form(&page, postern::base::id::DeviceSessionId::PREFIX).pop();
    let device = device.expect("the app has a button");
    let page = here.submit(&device).await.page();
    assert!(
        page.text().contains("Ended. It cannot be used any more."),
        "{}",
        page.text()
    );
    assert_eq!(list(&page, "devices-title").len(), 0);
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    assert_eq!(
        here.submit(&device).await.page().answer.status,
        200,
        "again is no harm"
    );
    assert_eq!(postern.count_events("session.ended").await, 1);

    let browser = page.form("/account/end");
    let page = here.submit(&browser).await.page();
    assert_eq!(list(&page, "browsers-title").len(), 1);
    assert_eq!(there.open("/account").await.page().heading(), "Sign in");
}

#[tokio::test]
async fn another_persons_id_does_nothing() {
    let postern = Postern::start().await;
    let (mut alices, mut bobs) = (postern.browser(), postern.browser());
    let phone = postern.phone();
    let tokens = phone.signed_in(&mut bobs, BOB).await;
    let mut elsewhere = postern.browser();
    elsewhere.account(BOB).await;
    let bobs_ids: Vec<String> = bobs
        .open("/account")
        .await
        .page()
        .forms("/account/end")
        .iter()
        .map(|form| form.field("id").to_owned())
        .collect();
    assert_eq!(bobs_ids.len(), 2);
    postern.browser().account(ALICE).await;
    let form = alices.account(ALICE).await.form("/account/end");
    let before = postern.rows().await;
    for id in
        bobs_ids
            .iter()
            .map(String::as_str)
            .chain(["", "x", "ses_", "usr_00000000000000000000000000000000"])
    {
        let answer = alices.submit(&form.clone().with("id", id)).await.page().answer;
        assert_eq!(
            answer.status, 200,
            "{id}: the same answer as for one that has ended"
        );
    }
    assert_eq!(postern.rows().await, before);
    assert_eq!(phone.refresh(&tokens.refresh).await.status, 200);
    assert_eq!(elsewhere.open("/account").await.page().heading(), "Your account");
}

#[tokio::test]
async fn all_others_end_and_this_browser_keeps_what_was_opened_from_it() {
    let postern = Postern::start().await;
    let (mut here, mut there) = (postern.browser(), postern.browser());
    let phone = postern.phone();
    let ours = phone.signed_in(&mut here, ALICE).await;
    let theirs = phone.signed_in(&mut there, ALICE).await;
    let bobs = phone.signed_in(&mut postern.browser(), BOB).await;
    let page = here.open("/account").await.page();
    let page = here.submit(&page.form("/account/end-others")).await.page();
    assert!(page.text().contains("Everything else has ended."));
    assert!(
        page.forms("/account/end-others").is_empty(),
        "nothing is left to end"
    );
    assert_eq!(phone.refresh(&ours.refresh).await.status, 200);
    assert_eq!(phone.refresh(&theirs.refresh).await.error(), "invalid_grant");
    assert_eq!(phone.refresh(&bobs.refresh).await.status, 200);
    assert_eq!(here.open("/account").await.page().heading(), "Your account");
    assert_eq!(there.open("/account").await.page().heading(), "Sign in");
}

#[tokio::test]
async fn a_new_password_must_be_good_and_the_old_one_right() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let page = browser.account(ALICE).await;
    let form = page.form("/account/password");
    let good = "another tr0mbone";
    let long = "tr0mbone ".repeat(60);
    let before = postern.rows().await;
    for (current, new, says) in [
        (PASSWORD, "short", "at least 10 characters"),
        (PASSWORD, "", "at least 10 characters"),
        (PASSWORD, "1234567890", "simple pattern"),
        (PASSWORD, ALICE, "not your email address"),
        (PASSWORD, &long, "at most 512 bytes"),
        (&long, good, "The current password is not right."),
    ] {
        let form = form
            .clone()
            .with("current_password", current)
            .with("new_password", new);
        let page = browser.submit(&form).await.page();
        assert_eq!(page.answer.status, 422, "{new}");
        assert!(page.text().contains(says), "{new}: {}", page.text());
        assert!(!page.answer.body.contains("tr0mbone"), "no password comes back");
    }
    assert_eq!(postern.rows().await, before);
    for _ in 0..10 {
        let form = form
            .clone()
            .with("current_password", "wrong")
            .with("new_password", good);
        let page = browser.submit(&form).await.page();
        assert_eq!(page.answer.status, 422);
        assert!(page.text().contains("The current password is not right."));
    }
    let form = form.with("current_password", PASSWORD).with("new_password", good);
    let limited = browser.submit(&form).await.page().answer;
    assert_eq!(
        (limited.status.as_u16(), limited.header("retry-after")),
        (429, "60"),
        "a guess is a guess"
    );
    assert_eq!(postern.count_events("user.password_changed").await, 0);
}

#[tokio::test]
async fn a_changed_password_ends_all_others_and_renews_this_cookie() {
    let postern = Postern::start().await;
    let (mut here, mut there) = (postern.browser(), postern.browser());
    let phone = postern.phone();
    let ours = phone.signed_in(&mut here, ALICE).await;
    let theirs = phone.signed_in(&mut there, ALICE).await;
    let mut copied = postern.browser();
    copied.cookies.clone_from(&here.cookies);

    let page = here.open("/account").await.page();
    let new = "another tr0mbone";
    let form = page
        .form("/account/password")
        .with("current_password", PASSWORD)
        .with("new_password", new);
    let page = here.submit(&form).await.page();
    assert!(
        page.text().contains("Your password is changed"),
        "{}",
        page.text()
    );
    assert_eq!(page.answer.status, 200);

    assert_eq!(here.open("/account").await.page().heading(), "Your account");
    assert_eq!(
        copied.open("/account").await.page().heading(),
        "Sign in",
        "the old cookie is dead"
    );
    assert_eq!(there.open("/account").await.page().heading(), "Sign in");
    assert_eq!(phone.refresh(&ours.refresh).await.status, 200);
    assert_eq!(phone.refresh(&theirs.refresh).await.error(), "invalid_grant");
    assert_eq!(postern.count_events("user.password_changed").await, 1);

    let mut fresh = postern.browser();
    let page = fresh.open("/account").await.page();
    let refused = fresh.sign_in(&page, ALICE).await.page();
    assert_eq!(refused.answer.status, 422, "the old password");
    let page = fresh.sign_in_with(&refused, ALICE, new).await.page();
    assert_eq!(page.heading(), "Your account");
}

#[tokio::test]
async fn signing_out_ends_this_browser_session_and_apps_live_on() {
    let postern = Postern::start().await;
    let (mut here, mut there) = (postern.browser(), postern.browser());
    let phone = postern.phone();
    let mut short = phone.clone();
    short.scope = "openid";
    let own = phone.signed_in(&mut here, ALICE).await;
    let with_browser = short.signed_in(&mut here, ALICE).await;
    there.account(ALICE).await;
    let mut copied = postern.browser();
    copied.cookies.clone_from(&here.cookies);
    let page = here.open("/account").await.page();
    let out = here.submit(&page.form("/sign-out")).await.page();
    assert_eq!(
        (out.answer.status.as_u16(), out.heading().as_str()),
        (200, "You’re signed out")
    );
    assert!(
        !here.cookies.contains_key("postern-dev"),
        "the cookie is taken back"
    );
    assert_eq!(copied.open("/account").await.page().heading(), "Sign in");
    assert_eq!(there.open("/account").await.page().heading(), "Your account");
    assert_eq!(phone.refresh(&own.refresh).await.status, 200);
    assert_eq!(
        short.refresh(&with_browser.refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(
        postern
            .texts("SELECT end_reason FROM browser_sessions WHERE ended_at IS NOT NULL")
            .await,
        ["signed_out"]
    );
}

#[tokio::test]
async fn ending_this_very_browser_is_signing_out() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let page = browser.account(ALICE).await;
    let ids = "SELECT lower(hex(id)) FROM browser_sessions";
    let id = u128::from_str_radix(&postern.texts(ids).await[0], 16).expect("hex");
    let id = BrowserSessionId::from_bytes(id.to_be_bytes()).to_string();
    let mut form = page.form("/sign-out").with("id", &id);
    form.action = "/account/end".to_owned();
    let ended = browser.submit(&form).await.page();
    assert_eq!(ended.heading(), "You’re signed out");
    assert!(!browser.cookies.contains_key("postern-dev"));
    let reasons = "SELECT end_reason FROM browser_sessions";
    assert_eq!(postern.texts(reasons).await, ["signed_out"]);
}

#[tokio::test]
async fn what_an_app_may_do_is_taken_back_and_it_has_to_ask_again() {
    let postern = Postern::start().await;
    let (mut here, mut there) = (postern.browser(), postern.browser());
    let phone = postern.phone();
    let mine_here = phone.signed_in(&mut here, ALICE).await;
    let elsewhere = phone.signed_in(&mut there, ALICE).await;
    let bobs = phone.signed_in(&mut postern.browser(), BOB).await;
    let page = here.open("/account").await.page();
    let rows = list(&page, "consents-title");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].contains("Stay signed in"), "{rows:?}");

    // A form that names somebody else's app, or nothing, changes nothing.
    let form = page.form("/account/withdraw");
    for client in ["other", "", "a b"] {
        let mut odd = form.clone();
        odd.fields.retain(|(name, _)| name != "client");
        here.submit(&odd.with("client", client)).await.page();
    }
    assert_eq!(postern.count_events("consent.withdrawn").await, 0);
    let page = here.submit(&form).await.page();
    assert!(page.text().contains("has to ask you again"), "{}", page.text());
    assert!(page.forms("/account/withdraw").is_empty());
    for tokens in [&mine_here, &elsewhere] {
        assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
    }
    assert_eq!(phone.refresh(&bobs.refresh).await.status, 200);
    let asked = here.open(&phone.authorize_url(&[])).await.page();
    assert!(asked.heading().starts_with("Allow Notes"), "{}", asked.heading());
    assert_eq!(postern.count_events("consent.withdrawn").await, 1);
    let late = here.submit(&form).await.page();
    assert!(late.forms("/account/withdraw").is_empty());
    assert_eq!(postern.count_events("consent.withdrawn").await, 1, "once");
}

#[tokio::test]
async fn a_sign_out_says_how_far_it_reached_and_an_unknown_reach_signs_nobody_out() {
    let postern = Postern::start().await;
    let mut browser = postern.browser();
    let page = browser.account(ALICE).await;
    let form = page.form("/account/sign-out");
    let page = browser
        .submit(&form.clone().with("reach", "the moon"))
        .await
        .page();
    assert_eq!(page.forms("/sign-out").len(), 1, "still signed in");
    for (reach, words) in [
        ("here", "Apps on your devices can stay signed in"),
        ("opened_here", "Every app that was opened from this browser"),
        ("everywhere", "Every app on every device"),
    ] {
        let form = browser.account(ALICE).await.form("/account/sign-out");
        let page = browser.submit(&form.with("reach", reach)).await.page();
        assert!(page.text().contains(words), "{reach}: {}", page.text());
        assert_eq!(
            browser.open("/account").await.page().forms("/sign-in").len(),
            1,
            "{reach}"
        );
    }
}
