//! Signing in by password: one answer for every failure, limits that count failures only, and a pool of its own.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use postern::{
    base::entropy::Entropy,
    config::Config,
    domain::{limit::Limit, password::Password},
    flows::{account, sweep::sweep},
    ports::hasher::{Hasher, HasherSettings},
};

use crate::harness::{ALICE, Answer, BOB, Form, PASSWORD, Postern, Tokens, borrowed};

const SAME_ORIGIN: [(&str, &str); 1] = [("sec-fetch-site", "same-origin")];
const WRONG: &str = "This address and password do not go together";

/// One try in a browser of its own.
async fn attempt(postern: &Postern, email: &str, password: &str) -> Answer {
    let mut browser = postern.browser();
    let page = browser.open("/account").await.page();
    let form = page
        .form("/sign-in")
        .with("email", email)
        .with("password", password);
    browser.post(&form, &SAME_ORIGIN).await
}

/// The answer without what differs from page to page.
fn comparable(answer: &Answer, email: &str) -> (u16, Vec<String>, String) {
    let body = answer.body.replace(email, "EMAIL");
    let start = body.find("name=\"request\" value=\"").expect("a sealed request") + 22;
    let end = start + body[start..].find('"').expect("its end");
    let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    (
        answer.status.as_u16(),
        headers,
        format!("{}{}", &body[..start], &body[end..]),
    )
}

#[tokio::test]
async fn unknown_disabled_and_wrong_get_the_same_answer() {
    let postern = Postern::start().await;
    let id = postern.user(BOB).await.id;
    account::disable(postern.provider(), id, postern::domain::actor::Actor::Operator)
        .await
        .expect("disabled");
    let wrong = attempt(&postern, ALICE, "not her password").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains(WRONG));
    let expected = comparable(&wrong, ALICE);
    let long = "x".repeat(513);
    for (email, password) in [
        ("nobody@example.com", PASSWORD),
        (BOB, PASSWORD),
        (BOB, "not his password"),
        (ALICE, &long),
        ("nobody@example.com", &long),
        (ALICE, &PASSWORD.to_uppercase()),
        (ALICE, &format!("{PASSWORD} ")),
    ] {
        let answer = attempt(&postern, email, password).await;
        assert_eq!(comparable(&answer, email), expected, "{email}");
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM browser_sessions").await, 0);
    assert_eq!(postern.count_events("user.signed_in").await, 0);
}

#[tokio::test]
async fn what_was_not_filled_in_is_said_and_no_password_comes_back() {
    let postern = Postern::start().await;
    for (email, password) in [("", PASSWORD), ("alice", PASSWORD), (ALICE, "")] {
        let answer = attempt(&postern, email, password).await;
        assert_eq!(answer.status, 422, "{email:?}");
        assert!(answer.body.contains("Write your"), "{}", answer.body);
        assert!(!answer.body.contains(PASSWORD));
    }
    assert!(
        !attempt(&postern, ALICE, "s3cret-guess")
            .await
            .body
            .contains("s3cret-guess")
    );
}

#[tokio::test]
async fn an_address_is_the_same_in_every_spelling() {
    let postern = Postern::start().await;
    assert_eq!(
        attempt(&postern, " Alice@EXAMPLE.com ", PASSWORD).await.status,
        303
    );
}

#[tokio::test]
async fn failures_on_one_account_are_limited_and_a_minute_gives_one_more() {
    let postern = Postern::start().await;
    for spelling in [ALICE, "ALICE@example.com"].iter().cycle().take(10) {
        assert_eq!(attempt(&postern, spelling, "wrong password").await.status, 422);
    }
    for password in ["wrong password", PASSWORD] {
        let answer = attempt(&postern, ALICE, password).await;
        assert_eq!(answer.status, 429, "also the right one: else guessing goes on");
        assert_eq!(answer.header("retry-after"), "60");
        assert!(
            answer.body.contains("Too many failed tries. Wait 60 seconds"),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        attempt(&postern, BOB, PASSWORD).await.status,
        303,
        "others are not locked out"
    );
    // What nobody has is limited alike: it must not be told apart.
    for _ in 0..10 {
        assert_eq!(attempt(&postern, "nobody@example.com", "wrong").await.status, 422);
    }
    assert_eq!(attempt(&postern, "nobody@example.com", "wrong").await.status, 429);

    postern.advance("30s");
    assert_eq!(
        attempt(&postern, ALICE, PASSWORD).await.header("retry-after"),
        "30"
    );
    postern.advance("30s");
    assert_eq!(attempt(&postern, ALICE, "wrong password").await.status, 422);
    assert_eq!(attempt(&postern, ALICE, PASSWORD).await.status, 429);
    postern.advance("60s");
    assert_eq!(attempt(&postern, ALICE, PASSWORD).await.status, 303);
}

fn narrow_address(burst: u32) -> Limit {
    Limit {
        burst,
        every: "10s".parse().expect("a length of time"),
    }
}

#[tokio::test]
async fn failures_from_one_address_are_limited_whatever_the_account() {
    let postern = Postern::start_with(|config| config.limits.sign_in_address = narrow_address(3)).await;
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        assert_eq!(attempt(&postern, email, "wrong").await.status, 422);
    }
    let before = postern.number("SELECT COUNT(*) FROM attempts").await;
    for email in [ALICE, "d@example.com", "e@example.com"] {
        let answer = attempt(&postern, email, PASSWORD).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (429, "10")
        );
    }
    assert_eq!(
        postern.number("SELECT COUNT(*) FROM attempts").await,
        before,
        "an address that has to wait fills no table with names"
    );
    // Another address goes on.
    let mut browser = postern.browser();
    let page = browser.open("/account").await.page();
    let form = page
        .form("/sign-in")
        .with("email", ALICE)
        .with("password", PASSWORD);
    assert_eq!(
        from(&postern, [198, 51, 100, 9], &form, &browser.cookies).await,
        303
    );
}

/// The status of the form posted from another address with these cookies.
async fn from(
    postern: &Postern,
    address: [u8; 4],
    form: &Form,
    cookies: &std::collections::BTreeMap<String, String>,
) -> u16 {
    let pairs = borrowed(&form.fields);
    let cookies: Vec<String> = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let request = axum::http::Request::post(&form.action)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookies.join("; "))
        .body(axum::body::Body::from(crate::harness::encode(&pairs)))
        .expect("a request");
    postern.send_from(address, request).await.status.as_u16()
}

#[tokio::test]
async fn only_failures_count() {
    let postern = Postern::start_with(|config| config.limits.sign_in_address = narrow_address(2)).await;
    for _ in 0..40 {
        assert_eq!(attempt(&postern, ALICE, PASSWORD).await.status, 303);
    }
    for _ in 0..2 {
        assert_eq!(attempt(&postern, ALICE, "wrong").await.status, 422);
    }
    assert_eq!(attempt(&postern, ALICE, PASSWORD).await.status, 429);
}

#[tokio::test]
async fn guesses_at_the_same_time_do_not_slip_past_the_limit() {
    let postern = Postern::start_with(|config| config.passwords.queue = 1000).await;
    let guesses = (0..64).map(|_| attempt(&postern, ALICE, "wrong password"));
    let answers = futures_util::future::join_all(guesses).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(422), count(429)), (10, 54));
}

#[tokio::test]
async fn good_sign_ins_at_the_same_time_wait_for_each_other_and_are_never_refused() {
    let narrow = |config: &mut Config| {
        config.passwords.queue = 1000;
        config.limits.sign_in_address = narrow_address(5);
    };
    let postern = Postern::start_with(narrow).await;
    let tries = (0..64).map(|_| attempt(&postern, ALICE, PASSWORD));
    for answer in futures_util::future::join_all(tries).await {
        assert_eq!(answer.status, 303);
    }
    // Nothing was counted.
    for _ in 0..4 {
        assert_eq!(attempt(&postern, ALICE, "wrong").await.status, 422);
    }
    assert_eq!(attempt(&postern, ALICE, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn empty_buckets_are_forgotten_all_of_them() {
    let postern = Postern::start().await;
    postern
        .tamper(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO attempts (bucket, empty_at) SELECT randomblob(32), i FROM n",
        )
        .await;
    attempt(&postern, ALICE, "wrong").await;
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(
        postern.number("SELECT COUNT(*) FROM attempts").await,
        2,
        "account and address"
    );
}

/// A server whose hashes take long enough to stand in a queue.
async fn slow(queue: usize) -> Postern {
    Postern::start_with(|config| {
        (config.passwords.memory_kib, config.passwords.iterations) = (65_536, 4);
        (config.passwords.workers, config.passwords.queue) = (1, queue);
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_come_back_and_token_requests_never_wait_behind_it() {
    let postern = slow(1).await;
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    let done = AtomicBool::new(false);
    let storm = async {
        // Of unknown people: they cost a hash too, else they could be told apart.
        let names: Vec<String> = (0..6).map(|i| format!("nobody{i}@example.com")).collect();
        let tries = names.iter().map(|name| attempt(&postern, name, PASSWORD));
        let answers = futures_util::future::join_all(tries).await;
        done.store(true, Ordering::SeqCst);
        answers
    };
    let refreshing = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let mut tokens = tokens;
        for _ in 0..5 {
            tokens = Tokens::of(&phone.refresh(&tokens.refresh).await);
        }
        assert!(!done.load(Ordering::SeqCst), "the storm was still on");
    };
    let (answers, ()) = tokio::join!(storm, refreshing);
    let busy: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(busy.len() >= 2, "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 422));
    for answer in busy {
        assert!(!answer.header("retry-after").is_empty());
        assert!(
            answer.body.contains("Many people are signing in"),
            "{}",
            answer.body
        );
        assert!(
            answer.body.contains("<h1>Sign in</h1>"),
            "with the form, to try again"
        );
    }
    // Nobody was refused for a wrong password, so nobody's tries were used up.
    for _ in 0..10 {
        assert_eq!(
            attempt(&postern, "nobody9@example.com", "wrong").await.status,
            422
        );
    }
}

#[tokio::test]
async fn a_hash_with_other_parameters_is_made_anew_at_the_next_right_password() {
    let postern = Postern::start().await;
    let settings = HasherSettings {
        memory_kib: 32,
        iterations: 2,
        parallelism: 1,
        workers: 1,
        queue: 8,
    };
    let older = Hasher::new(settings, Arc::new(Entropy::seeded(1))).expect("a pool");
    let password = Password::presented(PASSWORD.to_owned()).expect("short enough");
    let hash = older.hash(password).await.expect("hashed");
    let id = postern.user(ALICE).await.id;
    let current = "SELECT p.hash FROM passwords p JOIN users u ON u.id = p.user_id WHERE u.email_key = 'alice@example.com'";
    let before = postern.texts(current).await.remove(0);
    let set = postern::store::users::REHASH;
    postern
        .provider()
        .db
        .execute(set, (id, before, hash.clone()))
        .await
        .expect("stored");

    assert_eq!(attempt(&postern, ALICE, "wrong password").await.status, 422);
    assert_eq!(postern.texts(current).await, [hash]);
    assert_eq!(attempt(&postern, ALICE, PASSWORD).await.status, 303);
    let renewed = postern.texts(current).await.remove(0);
    assert!(renewed.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{renewed}");
    assert_eq!(attempt(&postern, ALICE, PASSWORD).await.status, 303);
    assert_eq!(postern.texts(current).await, [renewed], "and then it stays");
    assert_eq!(postern.count_events("user.password_changed").await, 0);
}
