//! Every page of the console at both widths, light and dark, with a day behind it.

use std::net::SocketAddr;

use postern::{
    config::PrivateConfig,
    domain::role::Role,
    flows::{
        admin::{By, people, sessions},
        mass_end,
        sessions::browsers,
        sweep::walk::walk,
    },
};

use tokio::time::timeout;

use super::{
    Browser, PATIENCE, Size,
    pages::check,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, BOB, PASSWORD, Postern, Tokens};

#[tokio::test]
async fn every_page_of_the_console_is_good_on_a_phone() {
    show_every_page(Size::Phone).await;
}

#[tokio::test]
async fn every_page_of_the_console_is_good_on_a_desktop() {
    show_every_page(Size::Desktop).await;
}

/// People come and go, with two versions of the app; some mistype their password.
async fn live_a_day(postern: &Postern) {
    let phone = postern.phone();
    for (pause, sign_ins, failures) in [
        ("40h", 2, 0),
        ("20h", 5, 1),
        ("3h", 1, 0),
        ("4h", 3, 2),
        ("5h", 6, 1),
        ("1h", 2, 0),
    ] {
        postern.advance(pause);
        for number in 0..sign_ins {
            let version = if number % 3 == 0 { "3.9.2" } else { "4.0.0" };
            let who = if number % 2 == 0 { ALICE } else { BOB };
            let code = phone.allowed_code(&mut postern.browser(), who).await;
            Tokens::of(&phone.redeem_with(&code, &[("app_version", version)]).await);
        }
        for _ in 0..failures {
            let mut browser = postern.browser();
            let page = browser.open(&phone.authorize_url(&[])).await.page();
            browser.sign_in_with(&page, BOB, "not this one at all").await;
        }
        // Failures are told of when their minute is over.
        postern.advance("2m");
        postern.chains().await;
    }
    walk(postern.provider()).await.expect("walked");
    postern.chains().await;
}

async fn show_every_page(viewport: Size) {
    let Some(browser) = Browser::open(viewport).await else {
        return;
    };
    let (site, console) = Site::start_with_console(|address: SocketAddr| PrivateConfig {
        listen: address,
        url: format!("http://{address}").parse().expect("a URL"),
        allow: "127.0.0.0/8".parse().expect("networks"),
    })
    .await;
    let postern = &site.postern;
    live_a_day(postern).await;
    let (alice, bob) = (postern.user(ALICE).await.id, postern.user(BOB).await.id);
    let given = people::set_role(postern.provider(), &By::operator(), alice, Some(Role::Owner)).await;
    given.expect("a role");

    let over = postern.phone().signed_in(&mut postern.browser(), BOB).await;
    let id = over.sid().parse().expect("an id");
    let ended = sessions::end_device(postern.provider(), &By::operator(), id, None).await;
    ended.expect("ended");
    let browsers = browsers::of_user(postern.provider(), bob).await;
    let at = browsers.expect("browsers")[0].id;

    let mut faults = Vec::new();
    browser.goto(&format!("{console}/console")).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for_heading("Console").await;
    faults.extend(check(&browser, viewport, "console").await);
    browser.click(".chart summary").await;
    browser.wait_for(".chart details[open]").await;
    faults.extend(check(&browser, viewport, "console-numbers").await);

    for (name, path, heading) in [
        ("console-sessions", "/console/sessions".to_owned(), "Signed in"),
        (
            "console-sessions-none",
            "/console/sessions?app_version=9".to_owned(),
            "Signed in",
        ),
        (
            "console-sessions-error",
            "/console/sessions?address=everywhere".to_owned(),
            "Signed in",
        ),
        ("console-people", "/console/users".to_owned(), "People"),
        ("console-person", format!("/console/users/{bob}"), BOB),
        ("console-apps", "/console/clients".to_owned(), "Apps"),
        ("console-app", "/console/clients/notes".to_owned(), "Notes"),
        ("console-keys", "/console/keys".to_owned(), "Keys"),
        ("console-events", "/console/events".to_owned(), "Events"),
        (
            "console-act-user",
            format!("/console/users/{bob}/end"),
            "End everything of this person?",
        ),
        (
            "console-act-browser",
            format!("/console/sessions/{at}/end"),
            "End this browser’s session?",
        ),
        (
            "console-ended",
            format!("/console/sessions/{}/end", over.sid()),
            BOB,
        ),
        ("console-root", "/".to_owned(), "Console"),
        (
            "console-act-rotate",
            "/console/keys/rotate?ring=mac".to_owned(),
            "Put the next key into use?",
        ),
        (
            "console-not-found",
            "/console/users/nobody".to_owned(),
            "There is no such person",
        ),
    ] {
        browser.goto(&format!("{console}{path}")).await;
        browser.wait_for_heading(heading).await;
        faults.extend(check(&browser, viewport, name).await);
    }
    faults.extend(end_many(&browser, &site, &console, viewport).await);
    faults.extend(browser.csp_violations().await);
    assert_eq!(faults, Vec::<String>::new());
    site.stop().await;
}

/// From a search to the end of what it found, by clicks alone; and without scripts.
async fn end_many(browser: &Browser, site: &Site, console: &str, viewport: Size) -> Vec<String> {
    let mut faults = Vec::new();
    browser.goto(&format!("{console}/console/sessions")).await;
    browser.fill("#app_version", "3.9.2").await;
    browser.click("#search").await;
    browser.wait_for("#end-matching").await;
    faults.extend(check(browser, viewport, "console-sessions-found").await);
    browser.click("#end-matching").await;
    browser.wait_for_heading("End all sessions that match?").await;
    faults.extend(check(browser, viewport, "console-act-matching").await);
    browser.fill("#reason", "3.9.2 is unsafe").await;
    browser.click("#do").await;
    browser.wait_for("#cancel").await;
    while mass_end::work(site.postern.provider()).await.expect("worked") {}
    // The page comes again by itself.
    let seen = async {
        while browser.exists("#cancel").await {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, seen).await.expect("the page comes again");
    browser.wait_for("#state").await;
    faults.extend(check(browser, viewport, "console-end").await);
    browser.goto(&format!("{console}/console/ends")).await;
    browser.wait_for_heading("Ends of many sessions").await;
    faults.extend(check(browser, viewport, "console-ends").await);
    browser.goto(&format!("{console}/console/events?live=yes")).await;
    browser.wait_for_heading("Events").await;
    let id = site.postern.user(BOB).await.id;
    let ended = people::disable(site.postern.provider(), &By::operator(), id).await;
    ended.expect("disabled");
    // Seen without a click.
    let seen = async {
        while !browser.text().await.contains("A person was disabled") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, seen).await.expect("the page comes again");
    browser.goto(&format!("{console}/console/events")).await;
    faults
}
