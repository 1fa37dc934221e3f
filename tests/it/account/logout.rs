//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): who is signed out at once, who is asked, who is sent where.

use axum::{body::Body, http::Request};
use base64ct::{Base64UrlUnpadded, Encoding};
use url::Url;

use crate::harness::{ALICE, BOB, Browser, Phone, Postern, Tokens, Went, encode};

const AFTER: &str = "https://app.example/signed-out?from=postern";
const SIGNED_OUT: &str = "You’re signed out";
const ASKED: &str = "Sign out?";
const REFUSED: &str = "This sign-out link does not work";

/// An app that registered where people go afterwards.
async fn with_app() -> Postern {
    let postern = Postern::start().await;
    for id in ["site", "other"] {
        postern
            .add_client(id, |settings| {
                settings.post_logout_redirect_uris = vec![
                    AFTER.parse().expect("valid"),
                    "com.example.notes:/signed-out".parse().expect("valid"),
                ];
            })
            .await;
    }
    postern
}

fn id_token(tokens: &Tokens) -> String {
    tokens.answer["id_token"]
        .as_str()
        .expect("an ID token")
        .to_owned()
}

/// Alice, signed in to the app in a browser; her tokens.
async fn alice(postern: &Postern) -> (Browser<'_>, Phone<'_>, Tokens) {
    let (mut browser, phone) = (postern.browser(), postern.phone_of("site"));
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    (browser, phone, tokens)
}

fn logout(pairs: &[(&str, &str)]) -> String {
    format!("/logout?{}", encode(pairs))
}

/// Whether somebody is signed in in this browser.
async fn is_signed_in(browser: &mut Browser<'_>, phone: &Phone<'_>) -> bool {
    let back = browser
        .open(&phone.authorize_url(&[("prompt", "none")]))
        .await
        .app();
    !back
        .query()
        .is_some_and(|query| query.contains("error=login_required"))
}

#[tokio::test]
async fn the_app_of_this_browser_signs_out_at_once_and_its_person_comes_back_with_the_state() {
    let long = "s".repeat(1500);
    for state in ["", "a b+c&d=e#f%g\"<ü", &long] {
        let postern = with_app().await;
        let (mut browser, phone, tokens) = alice(&postern).await;
        assert!(is_signed_in(&mut browser, &phone).await);
        let mut pairs = vec![
            ("id_token_hint", id_token(&tokens)),
            ("post_logout_redirect_uri", AFTER.to_owned()),
            ("ui_locales", "se".to_owned()),
        ];
        pairs.extend((!state.is_empty()).then(|| ("state", state.to_owned())));
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let back = browser.open(&logout(&pairs)).await.app();

        let expected = if state.is_empty() {
            AFTER.to_owned()
        } else {
            format!("{AFTER}&{}", encode(&[("state", state)]))
        };
        assert_eq!(back.as_str(), expected, "the state, and nothing else");
        assert!(
            !browser.cookies.contains_key("postern-dev"),
            "the cookie is taken back"
        );
        assert!(!is_signed_in(&mut browser, &phone).await);
        assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
        assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
        let events = postern.events().await;
        let ended: Vec<_> = events
            .iter()
            .filter(|(kind, _)| kind == "session.ended")
            .collect();
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].1["reason"], "logged_out");
    }
}

#[tokio::test]
async fn without_a_place_to_go_a_page_says_so() {
    let postern = with_app().await;
    let (mut browser, phone, tokens) = alice(&postern).await;
    let page = browser
        .open(&logout(&[("id_token_hint", &id_token(&tokens))]))
        .await
        .page();
    assert_eq!(page.heading(), SIGNED_OUT);
    assert!(!is_signed_in(&mut browser, &phone).await);
}

#[tokio::test]
async fn an_old_id_token_signs_out_as_well_as_a_new_one() {
    let postern = with_app().await;
    let (mut browser, phone, tokens) = alice(&postern).await;
    postern.advance("6d");
    let pairs = [
        ("id_token_hint", id_token(&tokens)),
        ("post_logout_redirect_uri", AFTER.to_owned()),
    ];
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(browser.open(&logout(&pairs)).await.app().as_str(), AFTER);
    assert!(!is_signed_in(&mut browser, &phone).await);

    // Once more: there is nothing left, and the person is where they wanted to be.
    let page = browser.open(&logout(&pairs)).await.page();
    assert_eq!(page.heading(), ASKED);
    let back = browser.submit(&page.form("/logout/confirm")).await.app();
    assert_eq!(back.as_str(), AFTER);
    assert_eq!(postern.count_events("session.ended").await, 1);
}

/// What is no ID token of ours.
fn bad_hints(hint: &str) -> Vec<(&'static str, String)> {
    let (head, _) = hint.rsplit_once('.').expect("three parts");
    let none = Base64UrlUnpadded::encode_string(br#"{"alg":"none"}"#);
    let claims = head.split_once('.').expect("two parts").1;
    vec![
        ("wrong", format!("{hint}x")),
        ("unsigned", format!("{none}.{claims}.")),
        ("signature gone", format!("{head}.")),
        ("a word", "x".to_owned()),
    ]
}

/// A page says what is wrong, nobody is redirected, and nobody is signed out.
async fn stays_here(browser: &mut Browser<'_>, what: &str, pairs: &[(&str, &str)]) {
    let page = match browser.open(&logout(pairs)).await {
        Went::Page(page) => page,
        Went::App(url) => panic!("{what}: redirected to {url}"),
    };
    let answer = &page.answer;
    assert_eq!(
        (answer.status.as_u16(), page.heading().as_str()),
        (400, REFUSED),
        "{what}"
    );
    let code = "<code id=\"error-code\">invalid_request</code>";
    assert!(answer.body.contains(code), "{what}: {}", answer.body);
    assert!(
        page.policy().contains("form-action 'self';"),
        "{what}: {}",
        page.policy()
    );
    assert!(!answer.body.contains("<a "), "no link to follow: {what}");
}

#[tokio::test]
async fn a_bad_or_missing_hint_gets_a_page_and_signs_nobody_out() {
    let postern = with_app().await;
    let (mut browser, phone, tokens) = alice(&postern).await;
    let hint = id_token(&tokens);
    let foreign = {
        let other = Postern::start_with(|config| {
            config.server.public_url = "http://localhost:9999".parse().expect("valid");
        })
        .await;
        id_token(&other.phone().signed_in(&mut other.browser(), ALICE).await)
    };
    let mut hints = bad_hints(&hint);
    hints.push(("missing", String::new()));
    hints.push(("another server's", foreign));
    hints.push(("an access token", tokens.access.clone()));
    for (what, bad) in hints {
        let mut pairs = vec![("post_logout_redirect_uri", AFTER), ("client_id", "site")];
        if !bad.is_empty() {
            pairs.push(("id_token_hint", &bad));
        }
        stays_here(&mut browser, what, &pairs).await;
    }
    let twice = [("id_token_hint", hint.as_str()), ("id_token_hint", &hint)];
    stays_here(&mut browser, "twice", &twice).await;
    let another = [("id_token_hint", hint.as_str()), ("client_id", "other")];
    stays_here(&mut browser, "another app's name", &another).await;
    let long = "s".repeat(1501);
    let long = [("id_token_hint", hint.as_str()), ("state", &long)];
    stays_here(&mut browser, "a long state", &long).await;
    assert!(is_signed_in(&mut browser, &phone).await);
    assert_eq!(postern.count_events("session.ended").await, 0);
    Tokens::of(&phone.refresh(&tokens.refresh).await);
}

#[tokio::test]
async fn a_place_that_is_not_registered_gets_a_page_and_signs_nobody_out() {
    let postern = with_app().await;
    let (mut browser, phone, tokens) = alice(&postern).await;
    let hint = id_token(&tokens);
    for near in [
        "https://app.example/signed-out",
        "https://app.example/signed-out?from=postern&x=1",
        "https://app.example/signed-out?from=postern#x",
        "https://app.example/signed-out/?from=postern",
        "https://APP.example/signed-out?from=postern",
        "https://evil.example/",
        "com.example.notes:/signed-out/x",
        "javascript:alert(1)",
    ] {
        let pairs = [
            ("id_token_hint", hint.as_str()),
            ("post_logout_redirect_uri", near),
        ];
        stays_here(&mut browser, near, &pairs).await;
    }
    let notes = id_token(&postern.phone().signed_in(&mut browser, ALICE).await);
    let pairs = [
        ("id_token_hint", notes.as_str()),
        ("post_logout_redirect_uri", AFTER),
    ];
    stays_here(&mut browser, "an app without such a place", &pairs).await;
    assert!(is_signed_in(&mut browser, &phone).await);
    assert_eq!(postern.count_events("session.ended").await, 0);
}

#[tokio::test]
async fn without_parameters_the_person_is_asked_and_then_signed_out() {
    let postern = with_app().await;
    let (mut browser, phone, tokens) = alice(&postern).await;
    let page = browser.open("/logout?client_id=site").await.page();
    assert!(
        !page.text().contains("Notes"),
        "anybody may write an app's name: {}",
        page.text()
    );
    let page = browser.open("/logout").await.page();
    assert_eq!(page.heading(), ASKED);
    assert!(page.text().contains(ALICE));
    assert!(
        is_signed_in(&mut browser, &phone).await,
        "nothing has happened yet"
    );

    let page = browser.submit(&page.form("/logout/confirm")).await.page();
    assert_eq!(page.heading(), SIGNED_OUT);
    assert!(!is_signed_in(&mut browser, &phone).await);
    Tokens::of(&phone.refresh(&tokens.refresh).await);

    let page = browser.open("/logout").await.page();
    assert_eq!(
        page.heading(),
        SIGNED_OUT,
        "nobody is signed in: there is nothing to ask"
    );
}

#[tokio::test]
async fn an_id_token_from_another_browser_or_of_another_person_asks_first() {
    let postern = with_app().await;
    let (_, phone, tokens) = alice(&postern).await;
    let hint = id_token(&tokens);
    let url = logout(&[
        ("id_token_hint", &hint),
        ("post_logout_redirect_uri", AFTER),
        ("state", "x"),
    ]);
    let expected = format!("{AFTER}&state=x");
    for person in [ALICE, BOB] {
        let mut browser = postern.browser();
        browser.account(person).await;
        let page = browser.open(&url).await.page();
        assert_eq!(page.heading(), ASKED);
        assert!(
            page.text().contains(person),
            "whom the tap signs out: {}",
            page.text()
        );
        assert!(
            page.policy().contains("form-action 'self' https:;"),
            "{}",
            page.policy()
        );
        assert!(is_signed_in(&mut browser, &phone).await);
    }
    Tokens::of(&phone.refresh(&tokens.refresh).await);

    let mut bobs = postern.browser();
    bobs.account(BOB).await;
    let page = bobs.open(&url).await.page();
    let back = bobs.submit(&page.form("/logout/confirm")).await.app();
    assert_eq!(back.as_str(), expected);
    assert!(!is_signed_in(&mut bobs, &phone).await);
    assert_eq!(
        phone.refresh(&tokens.refresh).await.error(),
        "invalid_grant",
        "the session that was named"
    );
}

#[tokio::test]
async fn a_browser_in_which_nobody_is_signed_in_still_ends_the_apps_session() {
    let postern = with_app().await;
    let (_, phone, tokens) = alice(&postern).await;
    let mut browser = postern.browser();
    let url = logout(&[
        ("id_token_hint", &id_token(&tokens)),
        ("post_logout_redirect_uri", AFTER),
    ]);
    let page = browser.open(&url).await.page();
    assert_eq!(page.heading(), ASKED);
    assert!(!page.answer.body.contains(ALICE), "nobody learns whose it is");
    Tokens::of(&phone.refresh(&tokens.refresh).await);
    let back = browser.submit(&page.form("/logout/confirm")).await.app();
    assert_eq!(back.as_str(), AFTER);
    assert_eq!(phone.refresh(&tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_posted_request_travels_through_a_redirect_that_has_the_cookies() {
    let postern = with_app().await;
    let (mut browser, phone, tokens) = alice(&postern).await;
    let form = encode(&[
        ("id_token_hint", &id_token(&tokens)),
        ("post_logout_redirect_uri", AFTER),
        ("state", "x y"),
    ]);
    let request = Request::post("/logout")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site");
    let posted = postern
        .send(request.body(Body::from(form)).expect("a request"))
        .await;
    assert_eq!(posted.status, 303, "{}", posted.body);
    assert!(
        posted.header("set-cookie").is_empty(),
        "only the GET reads and sets cookies"
    );
    assert!(
        !posted.location().contains("state"),
        "sealed: {}",
        posted.location()
    );
    let back: Url = browser.open(posted.location()).await.app();
    assert_eq!(back.as_str(), format!("{AFTER}&state=x+y"));
    assert!(!is_signed_in(&mut browser, &phone).await);

    // What was sealed for one endpoint is nothing at another.
    let elsewhere = posted.location().replace("/logout", "/authorize");
    assert_eq!(postern.get(&elsewhere).await.status, 400);
}

#[tokio::test]
async fn nobody_presses_the_button_for_somebody_else() {
    let postern = with_app().await;
    let (mut browser, phone, _) = alice(&postern).await;
    let page = browser.open("/logout").await.page();
    let form = page.form("/logout/confirm");
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
    ] {
        assert_eq!(browser.post(&form, headers).await.status, 403);
    }
    // A page that was made for another browser, and one that nobody made.
    let mut bobs = postern.browser();
    bobs.account(BOB).await;
    let same = [("sec-fetch-site", "same-origin")];
    assert_eq!(bobs.post(&form, &same).await.status, 403);
    let invented = form.clone().with("request", "x");
    assert_eq!(browser.post(&invented, &same).await.status, 403);
    let csrf = browser
        .open("/account")
        .await
        .page()
        .form("/sign-out")
        .field("csrf")
        .to_owned();
    let another_purpose = form.clone().with("request", &csrf);
    assert_eq!(browser.post(&another_purpose, &same).await.status, 403);
    assert!(is_signed_in(&mut browser, &phone).await);
    assert!(is_signed_in(&mut bobs, &phone).await);

    // Somebody else has signed in since: they are asked, and nothing ends for them.
    let account = browser.open("/account").await.page();
    browser.submit(&account.form("/sign-out")).await.page();
    browser.account(BOB).await;
    let page = browser.submit(&form).await.page();
    assert_eq!(page.heading(), ASKED);
    assert!(page.text().contains(BOB));
    assert!(is_signed_in(&mut browser, &phone).await);
}
