//! The console: an admin signs in by the public server, at another address.

use std::net::SocketAddr;

use postern::{
    config::PrivateConfig,
    domain::role::Role,
    flows::admin::{By, people},
};

use super::{
    Browser, Size,
    site::{Site, sign_in},
};
use crate::harness::{ALICE, PASSWORD};

#[tokio::test]
async fn an_admin_signs_in_through_both_listeners_gives_the_password_again_and_signs_out() {
    let Some(browser) = Browser::open(Size::Desktop).await else {
        return;
    };
    let (site, console) = Site::start_with_console(|address: SocketAddr| PrivateConfig {
        listen: address,
        url: format!("http://{address}").parse().expect("a URL"),
        allow: "127.0.0.0/8".parse().expect("networks"),
    })
    .await;
    let provider = site.postern.provider();
    let alice = site.postern.user(ALICE).await.id;
    let given = people::set_role(provider, &By::operator(), alice, Some(Role::Owner)).await;
    given.expect("a role");

    browser.goto(&format!("{console}/console")).await;
    sign_in(&browser, ALICE, PASSWORD).await;
    browser.wait_for_heading("Console").await;
    assert_eq!(browser.current_url().await, format!("{console}/console"));
    let text = browser.text().await;
    assert!(
        text.contains(ALICE) && text.contains("owner") && text.contains("Say who is an admin"),
        "{text}"
    );
    assert_eq!(browser.csp_violations().await, [""; 0]);
    assert_eq!(browser.axe().await, [""; 0]);

    site.postern.advance("10m");
    browser.goto(&format!("{console}/console")).await;
    browser.click("a[href='/console/confirm']").await;
    browser.wait_for("#password").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("#sign-in").await;
    browser.wait_for_heading("Console").await;
    assert!(browser.text().await.contains("given your password lately"));

    browser.click("#sign-out").await;
    browser
        .wait_for_heading("You are signed out of the console")
        .await;
    assert_eq!(browser.csp_violations().await, [""; 0]);
    assert_eq!(browser.axe().await, [""; 0]);
    // Still signed in to the server itself, which is not enough.
    browser.click("main a").await;
    browser.wait_for("#password").await;
    browser.fill("#password", PASSWORD).await;
    browser.click("#sign-in").await;
    browser.wait_for_heading("Console").await;
    site.stop().await;
}
