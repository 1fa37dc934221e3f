//! The account page: a person sees where they are signed in, and ends it.

use super::{
    Browser, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD};

const NEW_PASSWORD: &str = "three quiet herons";

#[tokio::test]
async fn a_person_sees_their_devices_and_ends_them() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (notes, callback) = site.notes().await;
    let here = site.sign_in_to(&browser, &notes, &callback).await;
    let mut other_browser = site.postern.browser();
    let mail = site.add_app("mail", "Mail", &["http://127.0.0.1/callback"]).await;
    let maps = site.add_app("maps", "Maps", &["http://127.0.0.1/callback"]).await;
    let on_mail = mail.signed_in(&mut other_browser, ALICE).await;
    let on_maps = maps.signed_in(&mut other_browser, ALICE).await;

    browser.goto(&site.url("/account")).await;
    let text = browser.text().await;
    for word in [
        "Notes on Linux",
        "Opened here",
        "Mail on Linux",
        "Maps on Linux",
        "This browser",
        "just now",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    press_end(&browser, "Mail on Linux").await;
    browser.wait_for("[role=status]").await;
    assert!(!browser.text().await.contains("Mail on Linux"));
    assert_eq!(mail.refresh(&on_mail.refresh).await.error(), "invalid_grant");
    assert_eq!(maps.refresh(&on_maps.refresh).await.status, 200);

    browser.submit("#end-others").await;
    browser.wait_for("[role=status]").await;
    assert!(!browser.text().await.contains("Maps on Linux"));
    assert!(!browser.exists("#end-others").await, "nothing else is left");
    assert_eq!(maps.refresh(&on_maps.refresh).await.error(), "invalid_grant");
    assert_eq!(notes.refresh(&here.refresh).await.status, 200);

    press_end(&browser, "Notes on Linux").await;
    browser.wait_for(".empty").await;
    assert_eq!(notes.refresh(&here.refresh).await.error(), "invalid_grant");
    assert_eq!(browser.csp_violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_new_password_ends_what_was_opened_elsewhere() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let site = Site::start().await;
    browser.goto(&site.url("/account")).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for("#change-password").await;
    let phone = site.postern.phone();
    let elsewhere = phone.signed_in(&mut site.postern.browser(), ALICE).await;

    change_password(&browser, "not this one", NEW_PASSWORD).await;
    browser.wait_for("#password-error").await;
    assert_eq!(
        browser.execute("return document.activeElement.id").await,
        "current-password"
    );
    assert_eq!(phone.refresh(&elsewhere.refresh).await.status, 200);

    change_password(&browser, PASSWORD, NEW_PASSWORD).await;
    browser.wait_for("[role=status]").await;
    assert_eq!(phone.refresh(&elsewhere.refresh).await.error(), "invalid_grant");

    browser.click("#sign-out").await;
    browser.wait_for_heading("You’re signed out").await;
    browser.click("#sign-in-again").await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for("#error").await;
    sign_in(&browser, ALICE, NEW_PASSWORD).await;
    browser.wait_for("#sign-out").await;
}

#[tokio::test]
async fn signing_out_ends_the_browser_session_and_leaves_apps_that_live_on_their_own() {
    let Some(browser) = Browser::open(Size::Phone).await else {
        return;
    };
    let site = Site::start().await;
    let (phone, callback) = site.notes().await;
    let own = site.sign_in_to(&browser, &phone, &callback).await;
    let scope = ("scope", "openid email");
    site.authorize(&browser, &phone, &[scope]).await;
    browser.click("#continue").await;
    let code = site.code(&browser, &phone, &callback).await;
    let with_browser = site.redeem(&phone, &code).await;

    browser.goto(&site.url("/account")).await;
    browser.click("#sign-out").await;
    browser.wait_for_heading("You’re signed out").await;
    assert!(browser.text().await.contains(ALICE));
    assert_eq!(
        phone.refresh(&with_browser.refresh).await.error(),
        "invalid_grant"
    );
    assert_eq!(phone.refresh(&own.refresh).await.status, 200);

    // The browser's own button shows nothing of the account.
    browser.back().await;
    browser.wait_for_heading("Sign in").await;
    browser.goto(&site.url("/account")).await;
    browser.wait_for_heading("Sign in").await;
}

/// Presses the button that ends one row.
async fn press_end(browser: &Browser, what: &str) {
    let row = browser
        .execute(&format!(
            "return [...document.querySelectorAll('li')].find(row => row.innerText.startsWith('{what}'))\
             .querySelector('button').getAttribute('aria-describedby')"
        ))
        .await;
    let row = row.as_str().expect("a row").to_owned();
    browser.submit(&format!("button[aria-describedby='{row}']")).await;
}

async fn change_password(browser: &Browser, current: &str, new: &str) {
    browser.fill("#current-password", current).await;
    browser.fill("#new-password", new).await;
    browser.submit("#change-password").await;
}
