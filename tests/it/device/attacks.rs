//! What must not work (RFC 8628 section 5).

use futures_util::future::join_all;
use postern::{
    domain::client::{ClientSettings, RegisteredBy},
    store::device_codes::{MANY_OF_CLIENT, MANY_OF_UNCHECKED},
};

use super::{GRANT_TYPE, Tv, allowed, asked, enter, press, start, start_with, television};
use crate::harness::{ALICE, PASSWORD};

/// Section 5.4: somebody sends a link with their own device's code. It only fills in the form.
#[tokio::test]
async fn a_link_with_a_code_decides_nothing_by_itself() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let codes = tv.begin().await;
    let mut browser = postern.browser();
    browser.account(ALICE).await;
    let page = browser.open(&codes.link).await.page();
    assert_eq!(page.heading(), "Connect a device");
    assert_eq!(page.form("/device").field("user_code"), codes.user);
    // Also for who is signed in and has allowed this app before, there is always a question.
    let page = asked(&mut browser, &codes.user, ALICE).await;
    press(&mut browser, &page, "allow").await;
    let again = tv.begin().await;
    let page = asked(&mut browser, &again.user, ALICE).await;
    assert!(page.heading().starts_with("Allow Notes on a device"));
    assert_eq!(tv.poll(&again.device).await.error(), "authorization_pending");
}

/// Section 5.1: the code is short, so tries are counted.
#[tokio::test]
async fn guesses_at_codes_are_counted_by_address() {
    let postern = start_with(|config| config.limits.device_codes.burst = 3).await;
    let codes = Tv::new(&postern).begin().await;
    let mut guesser = postern.browser();
    for _ in 0..3 {
        assert_eq!(enter(&mut guesser, "WDJB-MJHT").await.answer.status, 422);
    }
    let page = enter(&mut guesser, "WDJB-MJHT").await;
    assert_eq!(page.answer.status, 429);
    assert_eq!(page.answer.header("retry-after"), "15");
    // A right one is told no more: otherwise guessing would go on.
    let right = enter(&mut guesser, &codes.user).await;
    assert_eq!(right.answer.status, 429);
    let mut other = postern.browser();
    other.address = [198, 51, 100, 1].into();
    assert_eq!(enter(&mut other, "WDJB-MJHT").await.answer.status, 422);
}

#[tokio::test]
async fn devices_that_begin_are_counted_by_address() {
    let postern = start_with(|config| config.limits.device_codes.burst = 3).await;
    let tv = Tv::new(&postern);
    for _ in 0..3 {
        tv.begin().await;
    }
    let answer = tv.ask(&[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, "15")
    );
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_codes").await, 3);
}

/// Whoever knows a `client_id` may begin, from many addresses: the devices of other apps must not be kept out.
#[tokio::test]
async fn one_app_takes_no_room_from_the_devices_of_others() {
    let postern = start_with(|config| config.limits.device_codes.burst = 5000).await;
    postern.add_client("other", television).await;
    let tv = Tv::new(&postern);
    let room = usize::try_from(MANY_OF_CLIENT).expect("a number");
    for _ in 0..room / 100 {
        join_all((0..100).map(|_| tv.begin())).await;
    }
    let answer = tv.ask(&[]).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(!answer.header("retry-after").is_empty());
    let others = Tv {
        postern: &postern,
        client: "other",
    };
    others.begin().await;
    postern.advance("600s");
    tv.begin().await;
}

/// Who registers openly may do so from many addresses, and each of its clients may begin: all of them have one allowance, and the
/// devices of apps that somebody has checked have the rest.
#[tokio::test]
async fn clients_that_nobody_has_checked_share_one_allowance() {
    let postern = start_with(|config| config.limits.device_codes.burst = 5000).await;
    let strangers = ["one", "two", "three"].map(|client| Tv {
        postern: &postern,
        client,
    });
    for stranger in &strangers {
        let itself = |settings: &mut ClientSettings| {
            television(settings);
            settings.registered_by = RegisteredBy::Itself;
        };
        postern.add_client(stranger.client, itself).await;
    }
    let room = usize::try_from(MANY_OF_UNCHECKED).expect("a number");
    for at in 0..room / 100 {
        join_all((0..100).map(|_| strangers[at % 2].begin())).await;
    }
    for stranger in &strangers {
        let answer = stranger.ask(&[]).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(!answer.header("retry-after").is_empty());
    }
    Tv::new(&postern).begin().await;
    postern.advance("600s");
    strangers[2].begin().await;
}

#[tokio::test]
async fn another_client_gets_nothing_for_a_code() {
    let postern = start().await;
    postern.add_client("other", television).await;
    let codes = Tv::new(&postern).begin().await;
    let mut browser = postern.browser();
    let page = asked(&mut browser, &codes.user, ALICE).await;
    press(&mut browser, &page, "allow").await;
    let thief = Tv {
        postern: &postern,
        client: "other",
    };
    assert_eq!(thief.poll(&codes.device).await.error(), "invalid_grant");
    assert_eq!(Tv::new(&postern).poll(&codes.device).await.status, 200);
}

#[tokio::test]
async fn a_client_that_is_not_registered_for_it_gets_no_code() {
    let postern = start().await;
    let answer = postern
        .post("/device_authorization", &[("client_id", "notes")])
        .await;
    assert_eq!(answer.error(), "unauthorized_client");
    let codes = Tv::new(&postern).begin().await;
    let notes = Tv {
        postern: &postern,
        client: "notes",
    };
    assert_eq!(notes.poll(&codes.device).await.error(), "unauthorized_client");
}

/// One kind of code is never taken for the other.
#[tokio::test]
async fn codes_of_one_kind_are_no_codes_of_the_other() {
    let postern = start().await;
    let (tv, phone, mut browser) = (Tv::new(&postern), postern.phone_of("tv"), postern.browser());
    let codes = tv.begin().await;
    let page = asked(&mut browser, &codes.user, ALICE).await;
    press(&mut browser, &page, "allow").await;
    let as_authorization_code = codes.device.replace("pst_dc_", "pst_ac_");
    for code in [&codes.device, &as_authorization_code] {
        assert_eq!(
            phone.redeem_with(code, &[("redirect_uri", "")]).await.error(),
            "invalid_grant"
        );
    }
    let code = phone.allowed_code(&mut browser, ALICE).await;
    for code in [&code, &code.replace("pst_ac_", "pst_dc_")] {
        assert_eq!(tv.poll(code).await.error(), "invalid_grant");
    }
    assert_eq!(tv.poll(&codes.device).await.status, 200);
    assert_eq!(phone.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn a_code_is_neither_guessed_nor_bent() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let codes = tv.begin().await;
    let mut bent = codes.device.clone();
    let last = bent.len() - 4;
    bent.replace_range(last..=last, if bent[last..=last] == *"A" { "B" } else { "A" });
    for code in [bent.as_str(), "pst_dc_", "x", &"A".repeat(5000)] {
        assert_eq!(tv.poll(code).await.error(), "invalid_grant", "{code}");
    }
    let twice = [
        ("grant_type", GRANT_TYPE),
        ("client_id", "tv"),
        ("device_code", &codes.device),
        ("device_code", &codes.device),
    ];
    assert_eq!(postern.post("/token", &twice).await.error(), "invalid_request");
    let missing = [("grant_type", GRANT_TYPE), ("client_id", "tv")];
    assert_eq!(postern.post("/token", &missing).await.error(), "invalid_request");
}

#[tokio::test]
async fn a_decision_comes_from_our_own_page_in_the_browser_that_it_was_made_for() {
    let postern = start().await;
    let tv = Tv::new(&postern);
    let codes = tv.begin().await;
    let mut browser = postern.browser();
    let page = asked(&mut browser, &codes.user, ALICE).await;
    let form = page.form("/device/decide").with("decision", "allow");
    let answer = browser
        .post(
            &form,
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
        )
        .await;
    assert_eq!(answer.status, 403);
    let mut other = postern.browser();
    other.account(ALICE).await;
    assert_eq!(
        other.submit(&form).await.page().answer.status,
        409,
        "another browser's page"
    );
    assert_eq!(tv.poll(&codes.device).await.error(), "authorization_pending");
}

#[tokio::test]
async fn a_client_that_was_removed_meanwhile_gets_nothing() {
    let postern = start().await;
    postern.add_client("other", television).await;
    let tv = Tv {
        postern: &postern,
        client: "other",
    };
    let codes = tv.begin().await;
    let mut browser = postern.browser();
    let page = asked(&mut browser, &codes.user, ALICE).await;
    let id = "other".parse().expect("a client id");
    postern::flows::clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");
    let page = press(&mut browser, &page, "allow").await;
    assert_eq!(page.answer.status, 400);
    assert_eq!(postern.number("SELECT COUNT(*) FROM device_sessions").await, 0);
}

/// Section 5.4: who was talked into allowing somebody else's device gets rid of it as people do who are afraid.
#[tokio::test]
async fn a_device_that_was_allowed_here_ends_with_everything_else_and_ends_nothing_here() {
    let postern = start().await;
    postern
        .add_client("trusted", |settings| {
            television(settings);
            settings.may_end_browser_session = true;
        })
        .await;
    let tv = Tv {
        postern: &postern,
        client: "trusted",
    };
    let mut browser = postern.browser();
    let (codes, _) = allowed(&tv, &mut browser).await;
    let tokens = tv.poll(&codes.device).await.json();
    let refresh = tokens["refresh_token"].as_str().expect("text");

    // It cannot sign the browser out in which it was allowed: it did not come from there.
    let hint = tokens["id_token"].as_str().expect("text");
    browser
        .open(&format!("/logout?id_token_hint={hint}"))
        .await
        .page();
    let account = browser.open("/account").await.page();
    assert!(account.forms("/sign-in").is_empty(), "still signed in");

    let form = account
        .form("/account/password")
        .with("current_password", PASSWORD)
        .with("new_password", "another tr0mbone");
    browser.submit(&form).await;
    let phone = postern.phone_of("trusted");
    assert_eq!(phone.refresh(refresh).await.error(), "invalid_grant");
}
