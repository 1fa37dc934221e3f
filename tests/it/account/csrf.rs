//! Every form replayed from another site, with another's token or without one: nothing is done.

use crate::harness::{ALICE, Answer, BOB, Browser, Form, PASSWORD, Postern, Tokens, borrowed};

/// What a browser says of a form on another site, or of something that is no form of ours.
const FOREIGN: [&[(&str, &str)]; 7] = [
    &[
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ],
    &[
        ("sec-fetch-site", "same-site"),
        ("origin", "http://other.localhost:8080"),
    ],
    &[("sec-fetch-site", "none")],
    &[
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://localhost:8080"),
    ],
    &[("origin", "https://evil.example")],
    &[("origin", "http://localhost:8081")],
    &[("origin", "https://localhost:8080")],
];

/// Alice, signed in with an app and a second browser, and every form that she could send.
struct World<'a> {
    browser: Browser<'a>,
    tokens: Tokens,
    forms: Vec<Form>,
}

async fn world(postern: &Postern) -> World<'_> {
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    postern.browser().account(ALICE).await;
    let consent = browser.open(&phone.authorize_url(&[])).await.page();
    let sign_in = browser
        .open(&phone.authorize_url(&[("prompt", "login")]))
        .await
        .page();
    let account = browser.open("/account").await.page();
    let forms = vec![
        consent.form("/consent").with("decision", "allow"),
        sign_in.form("/sign-in").with("password", PASSWORD),
        account.forms("/account/end").remove(0),
        account.form("/account/end-others"),
        account
            .form("/account/password")
            .with("current_password", PASSWORD)
            .with("new_password", "another tr0mbone"),
        account.form("/sign-out"),
    ];
    World {
        browser,
        tokens,
        forms,
    }
}

/// Sends a form as this browser with these headers; it does nothing.
async fn does_nothing(
    postern: &Postern,
    browser: &mut Browser<'_>,
    form: &Form,
    headers: &[(&str, &str)],
) -> Answer {
    let before = postern.rows().await;
    let live = "SELECT hex(id) || hex(digest) || auth_time || COALESCE(ended_at, 0) FROM browser_sessions ORDER BY id";
    let sessions = postern.texts(live).await;
    let cookies = browser.cookies.clone();
    let answer = browser.post(form, headers).await;
    assert!(
        answer.status.is_client_error(),
        "{} {headers:?}: {answer:?}",
        form.action
    );
    assert!(answer.location().is_empty());
    assert_eq!(postern.rows().await, before, "{} {headers:?}", form.action);
    assert_eq!(postern.texts(live).await, sessions, "{} {headers:?}", form.action);
    assert_eq!(browser.cookies.get("postern-dev"), cookies.get("postern-dev"));
    browser.cookies = cookies;
    answer
}

#[tokio::test]
async fn a_form_from_another_site_does_nothing_although_cookies_and_token_are_right() {
    let postern = Postern::start().await;
    let mut world = world(&postern).await;
    for form in &world.forms {
        for headers in FOREIGN {
            let answer = does_nothing(&postern, &mut world.browser, form, headers).await;
            assert_eq!(answer.status, 403, "{} {headers:?}", form.action);
            assert!(answer.body.contains("Nothing was done"), "{}", answer.body);
        }
    }
    assert_eq!(postern.phone().refresh(&world.tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn where_a_browser_says_nothing_the_sealed_token_decides_alone() {
    let postern = Postern::start().await;
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("origin", "http://localhost:8080")],
    ] {
        let mut world = world(&postern).await;
        // Signing out is the last one: each of them really works.
        for form in &world.forms {
            let answer = world.browser.post(form, headers).await;
            let fine = answer.status == 200 || answer.status == 303;
            // After the password has changed the cookie is new, and the page's token still names the same session.
            assert!(fine, "{} {headers:?}: {answer:?}", form.action);
        }
        postern.tamper("DELETE FROM attempts").await;
        postern
            .tamper("UPDATE passwords SET hash = (SELECT hash FROM passwords p JOIN users u ON u.id = p.user_id WHERE u.email_key = 'bob@example.com')")
            .await;
    }
}

#[tokio::test]
async fn without_its_token_a_form_does_nothing() {
    let postern = Postern::start().await;
    let mut world = world(&postern).await;
    let same_origin = [
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://localhost:8080"),
    ];
    for form in &world.forms {
        let token = if form.action.starts_with("/account") || form.action == "/sign-out" {
            "csrf"
        } else {
            "request"
        };
        let right = form.field(token).to_owned();
        let mut doubled = form.clone();
        doubled.fields.push((token.to_owned(), right.clone()));
        let damaged = format!("{}{}", &right[1..], &right[..1]);
        let wrong = [
            form.clone().with(token, ""),
            form.clone().with(token, "x"),
            form.clone().with(token, &damaged),
            form.clone().with(token, &right[..right.len() - 2]),
            doubled,
        ];
        for form in &wrong {
            for headers in [&same_origin[..], &[]] {
                does_nothing(&postern, &mut world.browser, form, headers).await;
            }
        }
    }
}

#[tokio::test]
async fn anothers_token_and_anothers_flow_cookie_do_nothing() {
    let postern = Postern::start().await;
    let mut alices = world(&postern).await;
    let mut bobs = postern.browser();
    let account = bobs.account(BOB).await;
    let bobs_csrf = account.form("/sign-out").field("csrf").to_owned();
    let same_origin = [("sec-fetch-site", "same-origin")];
    for form in &alices.forms {
        if form.fields.iter().any(|(name, _)| name == "csrf") {
            let foreign = form.clone().with("csrf", &bobs_csrf);
            does_nothing(&postern, &mut alices.browser, &foreign, &same_origin).await;
        }
    }
    for flow in [bobs.cookies.get("postern-flow-dev").cloned(), None] {
        let own = alices.browser.cookies.clone();
        alices.browser.cookies.remove("postern-flow-dev");
        if let Some(flow) = flow {
            alices.browser.cookies.insert("postern-flow-dev".to_owned(), flow);
        }
        for form in &alices.forms {
            does_nothing(&postern, &mut alices.browser, form, &same_origin).await;
        }
        alices.browser.cookies = own;
    }
}

#[tokio::test]
async fn a_token_ends_with_its_hour_and_with_its_session() {
    let postern = Postern::start().await;
    let mut world = world(&postern).await;
    let same_origin = [("sec-fetch-site", "same-origin")];
    let end_others = world
        .forms
        .iter()
        .find(|form| form.action == "/account/end-others")
        .cloned();
    let end_others = end_others.expect("the form");
    postern.advance("1h");
    does_nothing(&postern, &mut world.browser, &end_others, &same_origin).await;

    let account = world.browser.open("/account").await.page();
    let form = account.form("/account/end-others");
    world.browser.submit(&account.form("/sign-out")).await.page();
    let answer = world.browser.post(&form, &same_origin).await;
    assert!(
        answer.body.contains("<h1>Sign in</h1>"),
        "nobody is signed in: {}",
        answer.body
    );
    world.browser.account(ALICE).await;
    does_nothing(&postern, &mut world.browser, &form, &same_origin).await;
}

#[tokio::test]
async fn nothing_is_done_by_a_link() {
    let postern = Postern::start().await;
    let mut world = world(&postern).await;
    let before = postern.rows().await;
    for form in &world.forms {
        let pairs = borrowed(&form.fields);
        let url = format!("{}?{}", form.action, crate::harness::encode(&pairs));
        assert_eq!(
            world.browser.open(&url).await.page().answer.status,
            405,
            "{}",
            form.action
        );
    }
    assert_eq!(postern.rows().await, before);
}
