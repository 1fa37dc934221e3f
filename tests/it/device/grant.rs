//! From the code on the screen to tokens.

use postern::flows::sweep::sweep;

use super::{GRANT_TYPE, Tv, allowed, asked, enter, on_each, press, start};
use crate::harness::{ALICE, BOB, Tokens};

#[tokio::test]
async fn a_device_gets_tokens_when_its_person_has_typed_its_code_in_and_allowed_it() {
    for postern in on_each().await {
        let tv = Tv::new(&postern);
        let answer = tv.ask(&[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("cache-control")),
            (200, "no-store")
        );
        let told = answer.json();
        assert_eq!((&told["expires_in"], &told["interval"]), (&600.into(), &5.into()));
        let issuer = postern.issuer();
        assert_eq!(told["verification_uri"], format!("{issuer}/device"));
        let (device_code, user_code) = (told["device_code"].as_str(), told["user_code"].as_str());
        let (device_code, user_code) = (device_code.expect("text"), user_code.expect("text"));
        assert_eq!(
            told["verification_uri_complete"],
            format!("{issuer}/device?user_code={user_code}")
        );
        assert_eq!(tv.poll(device_code).await.error(), "authorization_pending");

        let mut browser = postern.browser();
        let page = asked(&mut browser, &user_code.to_lowercase().replace('-', " "), ALICE).await;
        assert_eq!(page.heading(), "Allow Notes on a device to use your account?");
        assert!(page.text().contains(user_code), "to compare with the device");
        let done = press(&mut browser, &page, "allow").await;
        assert_eq!(done.heading(), "Your device is connected");

        postern.advance("5s");
        let tokens = Tokens::of(&tv.poll(device_code).await);
        assert_eq!(
            postern.phone_of("tv").userinfo(&tokens.access).await.json()["email"],
            ALICE
        );
        // It lives on its own: the browser was only where it was allowed.
        let account = browser.open("/account").await.page();
        assert!(
            account.text().contains("a device allowed in Chrome"),
            "{}",
            account.text()
        );
        browser.submit(&account.form("/sign-out")).await;
        assert_eq!(postern.phone_of("tv").refresh(&tokens.refresh).await.status, 200);
    }
}

/// The browser is only where it was allowed, maybe for somebody else: it is one of the others there.
#[tokio::test]
async fn a_device_came_from_no_browser_and_ends_with_all_others() {
    for postern in on_each().await {
        let (tv, notes) = (Tv::new(&postern), postern.phone());
        let mut browser = postern.browser();
        let opened_here = notes.signed_in(&mut browser, ALICE).await;
        let codes = tv.begin().await;
        let page = asked(&mut browser, &codes.user, ALICE).await;
        press(&mut browser, &page, "allow").await;
        // A second tap gives the same row a new minute.
        press(&mut browser, &page, "allow").await;
        let tokens = Tokens::of(&tv.poll(&codes.device).await);

        let account = browser.open("/account").await.page();
        let marked = account.text().matches("Opened here").count();
        assert_eq!(marked, 1, "{}", account.text());
        browser.submit(&account.form("/account/end-others")).await.page();
        let refused = postern.phone_of("tv").refresh(&tokens.refresh).await;
        assert_eq!(refused.error(), "invalid_grant");
        assert_eq!(notes.refresh(&opened_here.refresh).await.status, 200);
    }
}

#[tokio::test]
async fn asking_costs_one_reading_and_the_tokens_three_statements() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let codes = tv.begin().await;
    let (count, answer) = postern.statements(tv.poll(&codes.device)).await;
    assert_eq!((count, answer.error().as_str()), (1, "authorization_pending"));
    let mut browser = postern.browser();
    let page = asked(&mut browser, &codes.user, ALICE).await;
    press(&mut browser, &page, "allow").await;
    let (count, answer) = postern.statements(tv.poll(&codes.device)).await;
    assert_eq!(
        (count, answer.status.as_u16()),
        (3, 200),
        "the reading, the row, the event"
    );
}

#[tokio::test]
async fn a_device_that_hurries_is_told_to_slow_down() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let (codes, others) = (tv.begin().await, tv.begin().await);
    assert_eq!(tv.poll(&codes.device).await.error(), "authorization_pending");
    assert_eq!(tv.poll(&codes.device).await.error(), "slow_down");
    assert_eq!(tv.poll(&others.device).await.error(), "authorization_pending");
    postern.advance("5s");
    assert_eq!(tv.poll(&codes.device).await.error(), "authorization_pending");
}

#[tokio::test]
async fn a_device_is_told_of_a_no_and_that_its_code_has_expired() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let (denied, late) = (tv.begin().await, tv.begin().await);
    let mut browser = postern.browser();
    let page = asked(&mut browser, &denied.user, ALICE).await;
    let done = press(&mut browser, &page, "deny").await;
    assert_eq!(done.heading(), "Your device was not connected");
    assert_eq!(tv.poll(&denied.device).await.error(), "access_denied");
    // The page that stays behind allows nothing any more.
    let page = press(&mut browser, &page, "allow").await;
    assert_eq!(page.heading(), "Connect a device");
    assert_eq!(tv.poll(&denied.device).await.error(), "access_denied");

    let page = asked(&mut browser, &late.user, ALICE).await;
    postern.advance("600s");
    assert_eq!(tv.poll(&late.device).await.error(), "expired_token");
    let page = press(&mut browser, &page, "allow").await;
    assert_eq!(page.heading(), "Connect a device");
    assert_eq!(tv.poll(&late.device).await.error(), "expired_token");
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_sessions").await, 0);
}

/// Allowed, then denied on the page that stayed behind, before the device asked.
#[tokio::test]
async fn who_allowed_may_take_it_back_until_the_device_has_asked() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let mut browser = postern.browser();
    let (codes, page) = allowed(&tv, &mut browser).await;
    press(&mut browser, &page, "allow").await;
    assert_eq!(
        postern.number("SELECT COUNT(*) FROM device_sessions").await,
        1,
        "two taps"
    );
    press(&mut browser, &page, "deny").await;
    assert_eq!(tv.poll(&codes.device).await.error(), "access_denied");
}

#[tokio::test]
async fn the_first_person_who_decides_has_it() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let codes = tv.begin().await;
    let (mut alices, mut bobs) = (postern.browser(), postern.browser());
    let for_alice = asked(&mut alices, &codes.user, ALICE).await;
    let for_bob = asked(&mut bobs, &codes.user, BOB).await;
    press(&mut alices, &for_alice, "allow").await;
    for decision in ["allow", "deny"] {
        press(&mut bobs, &for_bob, decision).await;
    }
    let tokens = Tokens::of(&tv.poll(&codes.device).await);
    assert_eq!(
        postern.phone_of("tv").userinfo(&tokens.access).await.json()["email"],
        ALICE
    );
}

/// The answer may have been lost; whoever begins again harms nobody, and whoever has the code has the device.
#[tokio::test]
async fn a_poll_repeated_after_the_tokens_is_refused_and_ends_nothing() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let mut browser = postern.browser();
    let (codes, page) = allowed(&tv, &mut browser).await;
    let tokens = Tokens::of(&tv.poll(&codes.device).await);
    assert_eq!(tv.poll(&codes.device).await.error(), "invalid_grant");
    assert_eq!(postern.phone_of("tv").refresh(&tokens.refresh).await.status, 200);
    // Neither does the page that stayed behind open a second one; and a no there is a no.
    let active = "SELECT COUNT(*) FROM device_sessions WHERE state = 'active'";
    press(&mut browser, &page, "allow").await;
    assert_eq!(postern.number(active).await, 1);
    press(&mut browser, &page, "deny").await;
    assert_eq!(postern.number(active).await, 0);
}

#[tokio::test]
async fn a_device_asks_for_what_it_is_registered_for() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    for (name, value, error) in [
        ("scope", "openid admin", "invalid_scope"),
        ("scope", "\"", "invalid_scope"),
        ("resource", "https://api.example", "invalid_target"),
        ("client_id", "nobody", "invalid_client"),
    ] {
        let pairs = [("client_id", "tv"), (name, value)];
        let pairs = if name == "client_id" {
            &pairs[1..]
        } else {
            &pairs[..]
        };
        let answer = postern.post("/device_authorization", pairs).await;
        assert_eq!(answer.error(), error, "{name}={value}");
    }
    let answer = tv.ask(&[("scope", "openid")]).await;
    let told = answer.json();
    let mut browser = postern.browser();
    let page = asked(&mut browser, told["user_code"].as_str().expect("text"), ALICE).await;
    assert!(
        page.answer.body.contains(r#"data-scope="openid""#)
            && !page.answer.body.contains(r#"data-scope="email""#)
    );
    press(&mut browser, &page, "allow").await;
    let tokens = tv.poll(told["device_code"].as_str().expect("text")).await.json();
    assert_eq!(tokens["scope"], "openid");
    assert!(tokens["id_token"].is_string());
}

#[tokio::test]
async fn what_is_over_is_deleted() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let codes = tv.begin().await;
    postern.advance("69m");
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(tv.poll(&codes.device).await.error(), "expired_token");
    postern.advance("2m");
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_codes").await, 0);
    assert_eq!(tv.poll(&codes.device).await.error(), "invalid_grant");
}

#[tokio::test]
async fn discovery_says_so() {
    let postern = start().await;
    let document = postern.get("/.well-known/openid-configuration").await.json();
    let endpoint = format!("{}/device_authorization", postern.issuer());
    assert_eq!(document["device_authorization_endpoint"], endpoint);
    let grants = document["grant_types_supported"].as_array().expect("a list");
    assert!(grants.iter().any(|grant| grant == GRANT_TYPE));
}

#[tokio::test]
async fn a_wrong_code_is_told_and_can_be_corrected() {
    let postern = start().await;
    let codes = Tv::new(&postern).begin().await;
    let mut browser = postern.browser();
    for wrong in ["", "WDJB-MJHT", "12345678", "<script>"] {
        let page = enter(&mut browser, wrong).await;
        assert_eq!(page.answer.status, 422, "{wrong}");
        assert!(page.text().contains("No device is waiting with this code"));
        assert!(!page.answer.body.contains("<script>"));
        let page = browser
            .submit(&page.form("/device").with("user_code", &codes.user))
            .await
            .page();
        assert_eq!(page.heading(), "Sign in");
    }
}
