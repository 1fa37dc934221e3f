//! Every page at both widths, light and dark: axe finds nothing, nothing runs off the side, the console is silent.
//!
//! `POSTERN_SCREENSHOTS=DIR` keeps a picture of each.

use std::path::PathBuf;

use postern::domain::client::{ClientSettings, GrantType};

use super::{
    Browser, ColorScheme, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD, Phone};

/// Names as long as they may be: they must wrap.
const LONG_EMAIL: &str = "maximiliane.von-und-zu-hohenstein-waldburg@correspondence.department.example.com";
const LONG_NAME: &str = "Maximiliane Freifrau von und zu Hohenstein-Waldburg";
const LONG_APP: &str = "Donaudampfschifffahrtsgesellschaftsnotizen for Work";

#[tokio::test]
async fn every_page_is_good_on_a_phone() {
    show_every_page(Size::Phone).await;
}

#[tokio::test]
async fn every_page_is_good_on_a_desktop() {
    show_every_page(Size::Desktop).await;
}

async fn show_every_page(viewport: Size) {
    let Some(browser) = Browser::open(viewport).await else {
        return;
    };
    let site = Site::start_with(|config| {
        config.registration.metadata_documents = true;
        config.limits.registrations.burst = 1;
    })
    .await;
    site.add_person(LONG_EMAIL, LONG_NAME).await;
    let mut faults = on_the_way_to_an_app(&site, &browser, viewport).await;
    faults.extend(for_a_device(&site, &browser, viewport).await);
    faults.extend(with_long_names(&site, &browser, viewport).await);
    faults.extend(on_the_account_page(&site, &browser, viewport).await);
    faults.extend(browser.console_errors().await);
    assert_eq!(faults, Vec::<String>::new());
}

async fn on_the_way_to_an_app(site: &Site, browser: &Browser, viewport: Size) -> Vec<String> {
    let mut faults = Vec::new();
    let (phone, callback) = site.notes().await;
    site.authorize(browser, &phone, &[("client_id", "nobody")]).await;
    browser.wait_for_heading("This sign-in link does not work").await;
    faults.extend(check(browser, viewport, "error").await);
    // Apps whose documents nobody may fetch: the second is one too many.
    for (stranger, heading) in [
        ("https://localhost/one.json", "This sign-in link does not work"),
        ("https://localhost/two.json", "Too much came from here"),
    ] {
        site.authorize(browser, &phone, &[("client_id", stranger)]).await;
        browser.wait_for_heading(heading).await;
    }
    faults.extend(check(browser, viewport, "too-many").await);

    site.authorize(browser, &phone, &[]).await;
    browser.wait_for_heading("Sign in").await;
    faults.extend(check(browser, viewport, "sign-in").await);
    sign_in(browser, ALICE, "not this one").await;
    browser.wait_for("#error").await;
    faults.extend(check(browser, viewport, "sign-in-error").await);
    browser.clear_cookies().await;
    browser.click("#sign-in").await;
    browser.wait_for("#password:invalid").await;
    sign_in(browser, ALICE, PASSWORD).await;
    browser.wait_for_heading("Start this sign-in again").await;
    faults.extend(check(browser, viewport, "start-again").await);

    browser.click("#start-again").await;
    sign_in(browser, ALICE, PASSWORD).await;
    browser.wait_for_heading("Allow Notes to use your account?").await;
    faults.extend(check(browser, viewport, "consent").await);
    browser.click("#allow").await;
    let code = site.code(browser, &phone, &callback).await;
    site.redeem(&phone, &code).await;
    browser.back().await;
    browser.click("button[value=allow]").await;
    browser.wait_for_heading("This sign-in is finished").await;
    faults.extend(check(browser, viewport, "finished").await);

    site.authorize(browser, &phone, &[]).await;
    browser.wait_for("#continue").await;
    faults.extend(check(browser, viewport, "continue").await);
    site.authorize(browser, &phone, &[("prompt", "login")]).await;
    browser.wait_for_heading("Confirm it’s you").await;
    faults.extend(check(browser, viewport, "confirm").await);
    // The page that posts itself stays where scripts are switched off while it comes.
    browser.without_scripts().await;
    let posting = [("response_mode", "form_post"), ("prompt", "none")];
    site.authorize(browser, &phone, &posting).await;
    browser.wait_for_heading("Back to Notes").await;
    browser.with_scripts().await;
    faults.extend(check(browser, viewport, "form-post").await);

    browser.goto(&site.url("/logout")).await;
    browser.wait_for_heading("Sign out?").await;
    faults.extend(check(browser, viewport, "logout").await);
    browser
        .goto(&logout_from_elsewhere(site, &phone, ALICE).await)
        .await;
    browser.wait_for_heading("Sign out?").await;
    faults.extend(check(browser, viewport, "logout-app").await);
    browser.goto(&site.url("/logout?id_token_hint=x")).await;
    browser.wait_for_heading("This sign-out link does not work").await;
    faults.extend(check(browser, viewport, "logout-error").await);
    browser.goto(&site.url("/account")).await;
    browser.click("#sign-out").await;
    browser.wait_for_heading("You’re signed out").await;
    faults.extend(check(browser, viewport, "signed-out").await);
    faults
}

/// Where a person allows a television (RFC 8628).
async fn for_a_device(site: &Site, browser: &Browser, viewport: Size) -> Vec<String> {
    let mut faults = Vec::new();
    let television = |settings: &mut ClientSettings| {
        settings.grant_types.insert(GrantType::DeviceCode);
    };
    site.postern.add_client("tv", television).await;
    let begin = site.postern.post("/device_authorization", &[("client_id", "tv")]);
    let answer = begin.await;
    let told = answer.json();
    let link = told["verification_uri_complete"].as_str().expect("a link");
    let path = link.strip_prefix(site.postern.issuer()).expect("a page of ours");
    browser.goto(&site.url("/device?user_code=WDJB-MJHT")).await;
    browser.click("#next").await;
    browser.wait_for("#error").await;
    faults.extend(check(browser, viewport, "device-code-wrong").await);
    browser.goto(&site.url(path)).await;
    browser.wait_for_heading("Connect a device").await;
    faults.extend(check(browser, viewport, "device-code").await);
    browser.click("#next").await;
    sign_in(browser, ALICE, PASSWORD).await;
    browser
        .wait_for_heading("Allow Notes on a device to use your account?")
        .await;
    faults.extend(check(browser, viewport, "device-consent").await);
    browser.click("#allow").await;
    browser.wait_for_heading("Your device is connected").await;
    faults.extend(check(browser, viewport, "device-done").await);
    browser.click("#account").await;
    browser.click("#sign-out").await;
    browser.wait_for_heading("You’re signed out").await;
    faults
}

async fn with_long_names(site: &Site, browser: &Browser, viewport: Size) -> Vec<String> {
    let mut faults = Vec::new();
    let (_, callback) = site.notes().await;
    let mut phone = site
        .add_app("long", LONG_APP, &["http://127.0.0.1/callback"])
        .await;
    callback.redirect_uri().clone_into(&mut phone.redirect_uri);
    site.authorize(browser, &phone, &[("login_hint", LONG_EMAIL)])
        .await;
    sign_in(browser, LONG_EMAIL, PASSWORD).await;
    browser.wait_for("#allow").await;
    faults.extend(check(browser, viewport, "long-consent").await);
    browser.click("#allow").await;
    let code = site.code(browser, &phone, &callback).await;
    site.redeem(&phone, &code).await;
    site.authorize(browser, &phone, &[]).await;
    browser.wait_for("#continue").await;
    faults.extend(check(browser, viewport, "long-continue").await);
    site.authorize(browser, &phone, &[("prompt", "login")]).await;
    browser.wait_for_heading("Confirm it’s you").await;
    faults.extend(check(browser, viewport, "long-confirm").await);
    browser.goto(&site.url("/account")).await;
    browser.wait_for("#sign-out").await;
    faults.extend(check(browser, viewport, "long-account").await);
    browser
        .goto(&logout_from_elsewhere(site, &phone, LONG_EMAIL).await)
        .await;
    browser.wait_for_heading("Sign out?").await;
    faults.extend(check(browser, viewport, "long-logout").await);
    browser.click("#stay").await;
    browser.click("#sign-out").await;
    browser.wait_for_heading("You’re signed out").await;
    faults
}

async fn on_the_account_page(site: &Site, browser: &Browser, viewport: Size) -> Vec<String> {
    let mut faults = Vec::new();
    let person = "carol@example.com";
    site.add_person(person, "Carol Danvers").await;
    browser.click("#sign-in-again").await;
    sign_in(browser, person, PASSWORD).await;
    browser.wait_for(".empty").await;
    faults.extend(check(browser, viewport, "account-empty").await);

    let (notes, callback) = site.notes().await;
    site.authorize(browser, &notes, &[]).await;
    browser.click("#allow").await;
    let code = site.code(browser, &notes, &callback).await;
    site.redeem(&notes, &code).await;
    site.postern.advance("2d");
    let mut other = site.postern.browser();
    for (id, name) in [("mail", "Mail"), ("maps", "Maps")] {
        let phone = site.add_app(id, name, &["http://127.0.0.1/callback"]).await;
        phone.signed_in(&mut other, person).await;
        site.postern.advance("3h");
    }
    browser.goto(&site.url("/account")).await;
    browser.wait_for("#end-others").await;
    let rows = browser
        .execute("return document.querySelectorAll('[aria-labelledby=devices-title] li, [aria-labelledby=browsers-title] li').length")
        .await;
    assert_eq!(rows, 5, "three devices, two browsers");
    let first = "return document.querySelector('[aria-labelledby=browsers-title] li').innerText";
    let first = browser.execute(first).await;
    let first = first.as_str().expect("a row");
    assert!(
        first.contains("This browser"),
        "this one before the others: {first}"
    );
    faults.extend(check(browser, viewport, "account").await);

    browser.fill("#current-password", "not this one").await;
    browser.fill("#new-password", "three quiet herons").await;
    browser.click("#change-password").await;
    browser.wait_for("#password-error").await;
    faults.extend(check(browser, viewport, "account-error").await);
    browser.fill("#current-password", PASSWORD).await;
    browser.fill("#new-password", "three quiet herons").await;
    browser.click("#change-password").await;
    browser.wait_for("[role=status]").await;
    faults.extend(check(browser, viewport, "account-notice").await);
    faults
}

/// The sign-out link of an app in which the person signed in with another browser: it asks first.
async fn logout_from_elsewhere(site: &Site, phone: &Phone<'_>, person: &str) -> String {
    let tokens = phone.signed_in(&mut site.postern.browser(), person).await;
    let hint = tokens.answer["id_token"].as_str().expect("an ID token");
    site.url(&format!("/logout?id_token_hint={hint}"))
}

/// What is wrong with the page that is shown.
pub(super) async fn check(browser: &Browser, viewport: Size, name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (across, down) = viewport.pixels();
    for (scheme, word) in [(ColorScheme::Light, "light"), (ColorScheme::Dark, "dark")] {
        browser.set_color_scheme(scheme).await;
        let seen = browser
            .execute(
                "return [innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches,
                 document.documentElement.scrollWidth <= document.documentElement.clientWidth,
                 document.querySelectorAll('script, style, [style]').length, document.styleSheets.length]",
            )
            .await;
        let scripts = usize::from(name == "form-post");
        let expected = serde_json::json!([across, down, word == "dark", true, scripts, 1]);
        let page = format!("{name} at {across} in {word}");
        if seen != expected {
            faults.push(format!("{page}: {seen} instead of {expected}"));
        }
        faults.extend(
            browser
                .axe()
                .await
                .into_iter()
                .map(|fault| format!("{page}: {fault}")),
        );
        if let Some(folder) = pictures() {
            browser
                .screenshot(folder.join(format!("{name}-{across}-{word}.png")))
                .await;
        }
    }
    browser.set_color_scheme(ColorScheme::Light).await;
    faults
}

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of the tests, not of the server"
)]
fn pictures() -> Option<PathBuf> {
    std::env::var_os("POSTERN_SCREENSHOTS").map(PathBuf::from)
}
