//! Browsers in which a person has signed in before: strangers do not make them wait, and they are no way to guess more.

use postern::{
    config::Config,
    domain::password::Password,
    flows::{account, keys::rotate::rotate_due},
};

use super::{attempt, limit, stranger};
use crate::harness::{ALICE, Answer, BOB, Browser, PASSWORD, Postern};

const COOKIE: &str = "postern-known-dev";
const NEW: &str = "violet anchors 41";

/// Three failures for an account, and then one an hour.
fn narrow(config: &mut Config) {
    config.limits.sign_in_account = limit(3, "1h");
}

async fn start() -> Postern {
    Postern::start_with(narrow).await
}

/// A browser in which somebody has signed in.
async fn known_to<'a>(postern: &'a Postern, email: &str) -> Browser<'a> {
    let mut browser = postern.browser();
    assert_eq!(status(&mut browser, email, PASSWORD).await, 303);
    browser
}

async fn status(browser: &mut Browser<'_>, email: &str, password: &str) -> u16 {
    attempt(browser, email, password).await.status.as_u16()
}

/// Guesses until the browser has to wait.
async fn guess(browser: &mut Browser<'_>, email: &str) {
    for _ in 0..3 {
        assert_eq!(status(browser, email, "wrong password").await, 422);
    }
    assert_eq!(status(browser, email, "wrong password").await, 429);
}

/// Strangers, each in a browser of their own, guess until all strangers have to wait.
async fn strangers_guess(postern: &Postern, email: &str) {
    for _ in 0..3 {
        assert_eq!(stranger(postern, email, "wrong password").await.status, 422);
    }
    assert_eq!(stranger(postern, email, PASSWORD).await.status, 429);
}

/// Changes the password in this browser, where its person is signed in.
async fn change_password(browser: &mut Browser<'_>, current: &str, new: &str) -> Answer {
    let page = browser.open("/account").await.page();
    let form = page
        .form("/account/password")
        .with("current_password", current)
        .with("new_password", new);
    browser.submit(&form).await.page().answer
}

#[tokio::test]
async fn strangers_who_fail_on_purpose_do_not_make_a_known_browser_wait() {
    let postern = start().await;
    let mut alices = known_to(&postern, ALICE).await;
    strangers_guess(&postern, ALICE).await;
    assert_eq!(
        status(&mut alices, ALICE, PASSWORD).await,
        303,
        "at the first try"
    );
    assert_eq!(change_password(&mut alices, PASSWORD, NEW).await.status, 200);
    assert_eq!(
        stranger(&postern, ALICE, NEW).await.status,
        429,
        "they still wait"
    );
}

#[tokio::test]
async fn a_browser_is_known_for_its_year_whatever_keys_rotate() {
    let postern = start().await;
    let mut alices = known_to(&postern, ALICE).await;
    for _ in 0..364 {
        postern.advance("1d");
        rotate_due(postern.provider())
            .await
            .expect("the database answers");
    }
    strangers_guess(&postern, ALICE).await;
    assert!(
        postern.count_events("key.retired").await >= 3 * 12,
        "keys rotated"
    );
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 303);
}

#[tokio::test]
async fn nor_do_strangers_behind_the_same_address() {
    let postern = Postern::start_with(|config| config.limits.sign_in_address = limit(3, "1h")).await;
    let mut alices = known_to(&postern, ALICE).await;
    for _ in 0..3 {
        assert_eq!(
            stranger(&postern, "nobody@example.com", PASSWORD).await.status,
            422
        );
    }
    assert_eq!(stranger(&postern, ALICE, PASSWORD).await.status, 429);
    assert_eq!(status(&mut alices, BOB, PASSWORD).await, 429, "a stranger to Bob");
    assert_eq!(status(&mut alices, ALICE, "wrong password").await, 422);
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 303);
}

#[tokio::test]
async fn a_known_browser_that_guesses_waits_alone() {
    let postern = Postern::start_with(|config| {
        narrow(config);
        config.limits.sign_in_address = limit(3, "1h");
    })
    .await;
    let (mut alices, mut office) = (known_to(&postern, ALICE).await, known_to(&postern, ALICE).await);
    guess(&mut alices, ALICE).await;
    assert_eq!(
        status(&mut alices, ALICE, PASSWORD).await,
        429,
        "else guessing goes on"
    );
    assert_eq!(
        status(&mut office, ALICE, PASSWORD).await,
        303,
        "another known browser"
    );
    assert_eq!(
        stranger(&postern, ALICE, PASSWORD).await.status,
        303,
        "a stranger at the same address"
    );
    postern.advance("1h");
    assert_eq!(status(&mut alices, ALICE, "wrong password").await, 422);
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 429);
    postern.advance("1h");
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 303);
}

#[tokio::test]
async fn guesses_on_the_account_page_are_counted_in_the_same_place() {
    let postern = start().await;
    let mut alices = known_to(&postern, ALICE).await;
    for _ in 0..3 {
        assert_eq!(
            change_password(&mut alices, "wrong password", NEW).await.status,
            422
        );
    }
    assert_eq!(change_password(&mut alices, PASSWORD, NEW).await.status, 429);
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 429);
    assert_eq!(stranger(&postern, ALICE, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn copies_of_a_cookie_old_and_new_share_one_bucket() {
    let postern = start().await;
    let mut alices = known_to(&postern, ALICE).await;
    let copy = |browser: &Browser<'_>| {
        let mut thiefs = postern.browser();
        thiefs
            .cookies
            .insert(COOKIE.to_owned(), browser.cookies[COOKIE].clone());
        thiefs
    };
    let mut older = copy(&alices);
    // It is renewed, for somebody else too.
    assert_eq!(status(&mut alices, BOB, PASSWORD).await, 303);
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 303);
    let mut newer = copy(&alices);
    assert_ne!(older.cookies[COOKIE], newer.cookies[COOKIE]);
    assert_eq!(status(&mut older, ALICE, "wrong password").await, 422);
    assert_eq!(status(&mut newer, ALICE, "wrong password").await, 422);
    assert_eq!(status(&mut older, ALICE, "wrong password").await, 422);
    for browser in [&mut older, &mut newer, &mut alices] {
        assert_eq!(status(browser, ALICE, PASSWORD).await, 429);
    }
    assert_eq!(
        status(&mut newer, BOB, "wrong password").await,
        422,
        "another account"
    );
}

#[tokio::test]
async fn a_cookie_that_is_not_right_in_everything_makes_no_difference() {
    let postern = start().await;
    let (alices, bobs) = (known_to(&postern, ALICE).await, known_to(&postern, BOB).await);
    let right = alices.cookies[COOKIE].clone();
    let mut signed_in = postern.browser();
    let page = signed_in.account(ALICE).await;
    let csrf = page.form("/sign-out").field("csrf").to_owned();
    let page = postern.browser().open("/account").await.page();
    let pending = page.form("/sign-in").field("request").to_owned();
    // The same keys, since the entropy is the same, and another public URL.
    let elsewhere = Postern::start_with(|config| {
        config.server.public_url = "http://127.0.0.1:8080".parse().expect("a URL");
    })
    .await;
    let foreign = known_to(&elsewhere, ALICE).await.cookies[COOKIE].clone();
    strangers_guess(&postern, ALICE).await;

    let mut changed: Vec<String> = (0..right.len())
        .step_by(97)
        .map(|at| {
            let other = if &right[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &right[..at], &right[at + 1..])
        })
        .collect();
    changed.push(right[..right.len() - 4].to_owned());
    changed.push(format!("{right}AAAA"));
    changed.push("A".repeat(7000));
    changed.extend([String::new(), "x".into(), "%00%ff".into(), csrf, pending, foreign]);
    changed.push(bobs.cookies[COOKIE].clone());
    for value in changed {
        let mut browser = postern.browser();
        browser.cookies.insert(COOKIE.to_owned(), value.clone());
        assert_eq!(status(&mut browser, ALICE, PASSWORD).await, 429, "{value}");
    }
    let mut browser = postern.browser();
    browser.cookies.insert(COOKIE.to_owned(), right);
    assert_eq!(status(&mut browser, ALICE, PASSWORD).await, 303);
}

#[tokio::test]
async fn a_year_after_the_last_sign_in_a_browser_is_a_stranger() {
    let postern = start().await;
    let mut alices = known_to(&postern, ALICE).await;
    postern.advance("364d");
    strangers_guess(&postern, ALICE).await;
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 303);
    postern.advance("365d");
    strangers_guess(&postern, ALICE).await;
    assert_eq!(status(&mut alices, ALICE, PASSWORD).await, 429);
}

#[tokio::test]
async fn a_sign_in_does_not_prolong_what_is_known_of_others() {
    let postern = start().await;
    let mut shared = known_to(&postern, ALICE).await;
    postern.advance("200d");
    assert_eq!(status(&mut shared, BOB, PASSWORD).await, 303);
    postern.advance("200d");
    for (email, expected) in [(ALICE, 429), (BOB, 303)] {
        strangers_guess(&postern, email).await;
        assert_eq!(status(&mut shared, email, PASSWORD).await, expected, "{email}");
    }
}

#[tokio::test]
async fn the_last_five_accounts_are_known() {
    let postern = start().await;
    let mut shared = known_to(&postern, ALICE).await;
    let others = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"];
    for email in others {
        postern.add_user(email).await;
    }
    for email in [BOB].iter().chain(&others) {
        assert_eq!(status(&mut shared, email, PASSWORD).await, 303);
    }
    let length = shared.cookies[COOKIE].len();
    assert!(length < 1024, "{length}");
    for (email, expected) in [(ALICE, 429), (BOB, 303), (others[3], 303)] {
        strangers_guess(&postern, email).await;
        assert_eq!(status(&mut shared, email, PASSWORD).await, expected, "{email}");
    }
}

#[tokio::test]
async fn a_new_password_makes_every_browser_a_stranger_but_the_one_in_which_it_was_chosen() {
    let postern = start().await;
    let (mut alices, mut office) = (known_to(&postern, ALICE).await, known_to(&postern, ALICE).await);
    assert_eq!(change_password(&mut alices, PASSWORD, NEW).await.status, 200);
    strangers_guess(&postern, ALICE).await;
    assert_eq!(status(&mut office, ALICE, NEW).await, 429);
    assert_eq!(status(&mut alices, ALICE, NEW).await, 303);

    // An operator chooses one in no browser.
    let email = ALICE.parse().expect("an address");
    let password = Password::chosen("chosen for her 77".to_owned(), &email).expect("good");
    let id = postern.user(ALICE).await.id;
    let set = account::set_password(postern.provider(), id, password, None, None, None).await;
    set.expect("acknowledged");
    assert_eq!(status(&mut alices, ALICE, "chosen for her 77").await, 429);
}

#[tokio::test]
async fn only_a_sign_in_sets_the_cookie_and_nothing_in_it_can_be_read() {
    let postern = start().await;
    let mut browser = postern.browser();
    assert_eq!(status(&mut browser, ALICE, "wrong password").await, 422);
    assert!(!browser.cookies.contains_key(COOKIE), "nothing was proved");
    let answer = attempt(&mut browser, ALICE, PASSWORD).await;
    let cookies = answer.headers.get_all("set-cookie").into_iter();
    let cookies: Vec<&str> = cookies.map(|line| line.to_str().expect("ASCII")).collect();
    let set = cookies
        .iter()
        .find(|line| line.starts_with(COOKIE))
        .expect("it is set");
    let (_, attributes) = set.split_once("; ").expect("attributes");
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000");
    let id = postern.user(ALICE).await.id.to_string();
    assert!(!set.contains(&id) && !set.contains(ALICE), "{set}");
}
