//! Signing in to the console.

use postern::{
    domain::{client::ClientLifetimes, role::Role, session_filter::SessionFilter},
    flows::sessions,
};

use super::{Admin, SAME_ORIGIN, URL, give_role, problem, start};
use crate::harness::{ALICE, BOB, PASSWORD, Postern};

async fn with_owner() -> Postern {
    let postern = start().await;
    give_role(&postern, ALICE, Some(Role::Owner)).await;
    postern
}

#[tokio::test]
async fn an_admin_signs_in_like_everybody_and_sees_what_they_may_do() {
    let postern = with_owner().await;
    let mut admin = Admin::new(&postern);
    let page = admin.sign_in(ALICE).await;
    assert!(
        page.body.contains(ALICE) && page.body.contains("owner") && page.body.contains("Say who is an admin"),
        "{page:?}"
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self'; frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(postern.count_events("session.opened").await, 1);
    // It is a session like any other: its person sees it, and ends it.
    let account = admin.browser.account(ALICE).await;
    assert!(account.answer.body.contains("Postern console"));
    // Nobody can be that client.
    for form in [
        vec![("client_id", "postern-console")],
        vec![("client_id", "postern-console"), ("client_secret", "")],
    ] {
        let form = [&form[..], &[("grant_type", "authorization_code"), ("code", "x")]].concat();
        assert_eq!(postern.post("/token", &form).await.error(), "invalid_client");
    }
}

#[tokio::test]
async fn the_cookie_is_of_this_place_alone() {
    let postern = with_owner().await;
    let mut admin = Admin::new(&postern);
    let begun = admin.open("/console").await;
    assert_eq!(begun.location(), "/console/sign-in?to=%2Fconsole");
    let left = admin.open(begun.location()).await;
    let set = left.header("set-cookie");
    assert!(
        set.starts_with("postern-admin-flow-dev=") && set.contains("HttpOnly; SameSite=Lax"),
        "{set}"
    );
    admin.go_on(left, ALICE).await;
    assert!(
        admin.cookies.contains_key("postern-admin-dev") && admin.cookies.len() == 1,
        "{:?}",
        admin.cookies
    );
    // Neither is the other's.
    let public = admin
        .browser
        .cookies
        .get("postern-dev")
        .expect("a session")
        .clone();
    let own = admin
        .cookies
        .insert("postern-admin-dev".to_owned(), public)
        .expect("a session");
    assert_eq!(admin.open("/console").await.status, 303);
    admin.browser.cookies.insert("postern-dev".to_owned(), own);
    let page = admin.browser.open("/account").await.page();
    assert!(!page.forms("/sign-in").is_empty());
}

#[tokio::test]
async fn who_has_no_role_gets_nothing() {
    let postern = with_owner().await;
    let mut admin = Admin::new(&postern);
    let page = admin.sign_in(BOB).await;
    assert_eq!(page.status, 403, "{page:?}");
    assert!(page.body.contains("not an admin"));
    assert!(!admin.cookies.contains_key("postern-admin-dev"));
    assert_eq!(postern.number("SELECT COUNT(*) FROM admin_sessions").await, 0);
    let alive = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";
    assert_eq!(
        postern.number(alive).await,
        0,
        "what was opened for it ended again"
    );
}

#[tokio::test]
async fn a_callback_of_another_browser_or_a_second_time_signs_nobody_in() {
    let postern = with_owner().await;
    let (mut alice, mut other) = (Admin::new(&postern), Admin::new(&postern));
    let left = alice.open("/console/sign-in").await;
    let page = alice.browser.open(left.location()).await.page();
    let back = alice.browser.sign_in(&page, ALICE).await.app().to_string();
    let back = back.strip_prefix(URL).expect("back at the console").to_owned();
    // A link to somebody else's sign-in.
    assert_eq!(other.open(&back).await.status, 400);
    other.open("/console/sign-in").await;
    assert_eq!(other.open(&back).await.status, 400);
    assert!(!other.cookies.contains_key("postern-admin-dev"));
    let flow = alice.cookies.clone();
    assert_eq!(alice.open(&back).await.location(), "/console");
    alice.cookies.extend(flow);
    assert_eq!(alice.open(&back).await.status, 400, "the code was used");
}

#[tokio::test]
async fn it_ends_with_its_times_its_role_its_person_and_its_browser() {
    let postern = with_owner().await;
    postern.add_user("carol@example.com").await;
    give_role(&postern, "carol@example.com", Some(Role::Owner)).await;
    let is_in = async |admin: &mut Admin<'_>| admin.open("/console").await.status == 200;

    let mut idle = Admin::signed_in(&postern, ALICE).await;
    for _ in 0..3 {
        postern.advance("14m");
        assert!(is_in(&mut idle).await);
    }
    postern.advance("15m");
    assert!(!is_in(&mut idle).await, "idle");

    let mut old = Admin::signed_in(&postern, ALICE).await;
    for _ in 0..34 {
        postern.advance("14m");
        assert!(is_in(&mut old).await);
    }
    postern.advance("5m");
    assert!(!is_in(&mut old).await, "eight hours");

    let mut demoted = Admin::signed_in(&postern, ALICE).await;
    give_role(&postern, ALICE, Some(Role::Auditor)).await;
    assert!(!is_in(&mut demoted).await, "another role");
    let account = demoted.browser.open("/account").await.page();
    assert!(account.forms("/sign-in").is_empty(), "but only of the console");

    let mut everywhere = Admin::signed_in(&postern, ALICE).await;
    postern.end_everything_of(ALICE).await;
    assert!(!is_in(&mut everywhere).await, "everything ended");

    let mut out = Admin::signed_in(&postern, ALICE).await;
    let account = out.browser.account(ALICE).await;
    out.browser.submit(&account.form("/sign-out")).await;
    assert!(!is_in(&mut out).await, "signed out of the server itself");

    let mut gone = Admin::signed_in(&postern, ALICE).await;
    give_role(&postern, ALICE, None).await;
    assert!(!is_in(&mut gone).await, "no role");
    assert_eq!(gone.sign_in(ALICE).await.status, 403);
}

/// Follows every redirect from the console, and expects to be asked for the password at the end.
async fn has_to_prove_it(admin: &mut Admin<'_>, why: &str) {
    let answer = admin.open("/console").await;
    assert_eq!(answer.location(), "/console/sign-in?to=%2Fconsole", "{why}");
    let left = admin.open(answer.location()).await;
    let page = admin.browser.open(left.location()).await.page();
    assert!(!page.forms("/sign-in").is_empty(), "{why}: {page:?}");
}

#[tokio::test]
async fn what_is_over_opens_again_with_the_password_only() {
    let postern = with_owner().await;
    let mut idle = Admin::signed_in(&postern, ALICE).await;
    postern.advance("15m");
    has_to_prove_it(&mut idle, "idle").await;

    let mut old = Admin::signed_in(&postern, ALICE).await;
    for _ in 0..48 {
        postern.advance("10m");
        old.open("/console").await;
    }
    has_to_prove_it(&mut old, "eight hours").await;

    let mut out = Admin::signed_in(&postern, ALICE).await;
    let csrf = Admin::csrf(&out.open("/console").await);
    let answer = out
        .post("/console/sign-out", &[("csrf", &csrf)], &[SAME_ORIGIN])
        .await;
    assert_eq!(answer.status, 200);
    has_to_prove_it(&mut out, "signed out").await;
    // Nor does it help to lose the cookie, and to say that it is the first time.
    let mut lost = Admin::signed_in(&postern, ALICE).await;
    lost.cookies.clear();
    has_to_prove_it(&mut lost, "no cookie").await;
}

#[tokio::test]
async fn a_request_that_was_changed_on_its_way_so_that_nobody_is_asked_signs_nobody_in() {
    let postern = with_owner().await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    for (asked, instead) in [
        ("&prompt=login", ""),
        ("prompt=login", "prompt=none"),
        ("prompt=login", "max_age=99999"),
    ] {
        postern.advance("15m");
        let left = admin.open("/console/sign-in").await;
        let url = left.location();
        assert!(url.contains(asked), "{url}");
        let back = admin.browser.open(&url.replace(asked, instead)).await;
        let back = back.app().to_string();
        let answer = admin
            .open(back.strip_prefix(URL).expect("back at the console"))
            .await;
        assert_eq!(answer.status, 403, "{instead}: {answer:?}");
        assert!(answer.body.contains("needs your password"), "{answer:?}");
        assert_eq!(admin.open("/console").await.status, 303);
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM admin_sessions").await, 1);
    let alive = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";
    assert_eq!(
        postern.number(alive).await,
        1,
        "what was opened for it ended again"
    );
}

#[tokio::test]
async fn a_password_that_was_given_for_something_else_meanwhile_opens_nothing() {
    let postern = with_owner().await;
    let mut admin = Admin::new(&postern);
    let left = admin.open("/console/sign-in").await;
    let unasked = left.location().replace("&prompt=login", "");
    postern.advance("1m");
    postern.phone().signed_in(&mut admin.browser, ALICE).await;
    let back = admin.browser.open(&unasked).await.app().to_string();
    let answer = admin
        .open(back.strip_prefix(URL).expect("back at the console"))
        .await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains("needs your password"), "{answer:?}");
    assert_eq!(postern.number("SELECT COUNT(*) FROM admin_sessions").await, 0);
}

#[tokio::test]
async fn who_stays_at_the_sign_in_page_for_too_long_begins_again() {
    let postern = with_owner().await;
    let mut admin = Admin::new(&postern);
    for (waits, status) in [("10m", 400), ("9m", 303)] {
        let left = admin.open("/console/sign-in").await;
        let page = admin.browser.open(left.location()).await.page();
        postern.advance(waits);
        let back = admin.browser.sign_in(&page, ALICE).await.app().to_string();
        let answer = admin
            .open(back.strip_prefix(URL).expect("back at the console"))
            .await;
        assert_eq!(answer.status, status, "{waits}: {answer:?}");
        assert_eq!(answer.body.contains("waited for too long"), status == 400);
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_in_no_list_and_one_in_use_is_in_each() {
    let postern = with_owner().await;
    let filter = SessionFilter {
        client: "postern-console".parse().ok(),
        ..SessionFilter::default()
    };
    let listed = async || {
        let found = sessions::list(postern.provider(), &filter, None, 100).await;
        found.expect("answered").page.items.len()
    };
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    for _ in 0..3 {
        postern.advance("14m");
        assert_eq!(admin.open("/console").await.status, 200);
    }
    let row = "Postern console on ";
    assert_eq!(listed().await, 1, "in use");
    let page = admin.browser.account(ALICE).await;
    assert!(page.answer.body.contains(row), "{}", page.answer.body);
    postern.advance("15m");
    assert_eq!(listed().await, 0, "idle");
    let page = admin.browser.account(ALICE).await;
    assert!(!page.answer.body.contains(row), "{}", page.answer.body);

    let mut old = Admin::signed_in(&postern, ALICE).await;
    for _ in 0..47 {
        postern.advance("10m");
        assert_eq!(old.open("/console").await.status, 200);
    }
    assert_eq!(listed().await, 1);
    postern.advance("10m");
    assert_eq!(listed().await, 0, "eight hours");
    // A server that was set up before these were the client's own times gives it them as it starts.
    postern
        .set_client("postern-console", |settings| {
            settings.lifetimes = ClientLifetimes::default();
        })
        .await;
    postern
        .provider()
        .clients
        .reload(&postern.provider().db)
        .await
        .expect("read");
    postern::flows::admin::console::ensure(postern.provider())
        .await
        .expect("ensured");
    let client = postern.provider().clients.find("postern-console").expect("there");
    let lives = client.settings.lifetimes;
    assert_eq!(lives.device_session_idle, "15m".parse().ok());
    assert_eq!(lives.device_session_absolute, "8h".parse().ok());
}

#[tokio::test]
async fn signing_out_of_the_console_takes_a_form_of_its_own_page() {
    let postern = with_owner().await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let mut other = Admin::signed_in(&postern, ALICE).await;
    let csrf = Admin::csrf(&admin.open("/console").await);
    let foreign = Admin::csrf(&other.open("/console").await);
    let public = admin.browser.account(ALICE).await.form("/sign-out");
    let public = public
        .fields
        .iter()
        .find(|(name, _)| name == "csrf")
        .expect("a token")
        .1
        .clone();
    let cross_site = ("sec-fetch-site", "cross-site");
    for (csrf, headers) in [
        (csrf.as_str(), vec![cross_site]),
        (csrf.as_str(), vec![("sec-fetch-site", "same-site")]),
        (csrf.as_str(), vec![("origin", "https://evil.example")]),
        (csrf.as_str(), vec![("origin", postern.issuer())]),
        (foreign.as_str(), vec![SAME_ORIGIN]),
        (public.as_str(), vec![SAME_ORIGIN]),
        ("", vec![SAME_ORIGIN]),
        ("", vec![]),
    ] {
        let answer = admin.post("/console/sign-out", &[("csrf", csrf)], &headers).await;
        assert_eq!(answer.status, 403, "{csrf} {headers:?}");
        assert_eq!(admin.open("/console").await.status, 200);
    }
    let answer = admin
        .post("/console/sign-out", &[("csrf", &csrf)], &[SAME_ORIGIN])
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!admin.cookies.contains_key("postern-admin-dev"));
    assert_eq!(other.open("/console").await.status, 200, "only here");
    let account = admin.browser.open("/account").await.page();
    assert!(
        account.forms("/sign-in").is_empty(),
        "the server itself is another thing"
    );
}

#[tokio::test]
async fn the_api_takes_the_session_from_its_own_pages_only() {
    let postern = with_owner().await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    let bob = postern.user(BOB).await.id;
    let path = format!("/users/{bob}/end-sessions");
    for headers in [
        vec![],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "null")],
        vec![("origin", postern.issuer())],
    ] {
        let answer = admin.api("POST", &path, &headers).await;
        assert_eq!(
            (answer.status.as_u16(), problem(&answer).as_str()),
            (403, "cross-site"),
            "{headers:?}"
        );
    }
    assert_eq!(admin.api("POST", &path, &[("origin", URL)]).await.status, 200);
    assert_eq!(admin.api("GET", "/users", &[]).await.status, 200);
}

#[tokio::test]
async fn the_password_once_more_leads_back_and_takes_the_place_of_the_session() {
    let postern = with_owner().await;
    let mut admin = Admin::signed_in(&postern, ALICE).await;
    postern.advance("6m");
    let path = format!("/users/{}/disable", postern.user(BOB).await.id);
    assert_eq!(
        problem(&admin.api("POST", &path, &[SAME_ORIGIN]).await),
        "confirmation-needed"
    );
    let before = admin.cookies.clone();
    let left = admin.open("/console/confirm?to=/console%3Fdone").await;
    let page = admin.browser.open(left.location()).await.page();
    let wrong = admin
        .browser
        .sign_in_with(&page, ALICE, "not this one at all")
        .await
        .page();
    assert_eq!(
        wrong.answer.status, 422,
        "the password is asked for, although somebody is signed in"
    );
    let back = admin
        .browser
        .sign_in_with(&wrong, ALICE, PASSWORD)
        .await
        .app()
        .to_string();
    let back = admin.open(back.strip_prefix(URL).expect("back")).await;
    assert_eq!(back.location(), "/console?done");
    assert_eq!(admin.api("POST", &path, &[SAME_ORIGIN]).await.status, 200);
    let mut stolen = Admin::new(&postern);
    stolen.cookies = before;
    assert_eq!(
        stolen.open("/console").await.status,
        303,
        "the session before has ended"
    );
}

#[tokio::test]
async fn nothing_leads_out_of_the_console() {
    let postern = with_owner().await;
    for to in [
        "https://evil.example",
        "//evil.example",
        "/consolex",
        "/console%5c..",
        "/api/v1/users",
    ] {
        let mut admin = Admin::new(&postern);
        let left = admin.open(&format!("/console/sign-in?to={to}")).await;
        let page = admin.browser.open(left.location()).await.page();
        let back = admin.browser.sign_in(&page, ALICE).await.app().to_string();
        let back = admin.open(back.strip_prefix(URL).expect("back")).await;
        assert_eq!(back.location(), "/console", "{to}");
    }
}
