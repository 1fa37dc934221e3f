//! What every answer carries.

use axum::{body::Body, http::Request};
use postern::base::time::Lifetime;

use crate::harness::{ALICE, Answer, Page, Postern};

const REST: &str = "frame-ancestors 'none'; base-uri 'none'; object-src 'none'";

fn page_policy(form_action: &str) -> String {
    format!("default-src 'none'; style-src 'self'; img-src 'self'; form-action {form_action}; {REST}")
}

/// The headers that no answer of any kind may lack.
fn is_safe(what: &str, answer: &Answer, https: bool) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
    assert_eq!(
        answer.header("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=()",
        "{what}"
    );
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; "), "{what}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    assert!(policy.contains("base-uri 'none'"), "{what}: {policy}");
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{what}: {policy}"
    );
    let transport = if https { "max-age=31536000" } else { "" };
    assert_eq!(answer.header("strict-transport-security"), transport, "{what}");
    assert!(answer.header("server").is_empty() && answer.header("x-powered-by").is_empty());
}

/// One of every kind of answer.
async fn every_answer(postern: &Postern) -> Vec<(&'static str, Answer)> {
    let (mut browser, phone) = (postern.browser(), postern.phone());
    let same_origin = [("sec-fetch-site", "same-origin")];
    let sign_in = browser.open(&phone.authorize_url(&[])).await.page();
    let wrong = browser.sign_in_with(&sign_in, ALICE, "wrong").await.page();
    let consent = browser.sign_in(&wrong, ALICE).await.page();
    let allow = consent.form("/consent").with("decision", "allow");
    let redirect = browser.post(&allow, &same_origin).await;
    let tokens = phone
        .redeem(&phone.code(&redirect.location().parse().expect("a URL")))
        .await;
    let finished = browser.press(&consent, "allow").await.page();
    let continuing = browser.open(&phone.authorize_url(&[])).await.page();
    let confirm = browser
        .open(&phone.authorize_url(&[("prompt", "login")]))
        .await
        .page();
    let silent = postern.get(&phone.authorize_url(&[("prompt", "none")])).await;
    let posting = browser
        .open(&phone.authorize_url(&[("response_mode", "form_post")]))
        .await
        .page();
    let posting = browser.press(&posting, "deny").await.page();
    let account = browser.open("/account").await.page();
    let logout = browser.open("/logout").await.page();
    let forged = browser
        .post(&account.form("/sign-out"), &[("sec-fetch-site", "cross-site")])
        .await;
    let signed_out = browser.submit(&account.form("/sign-out")).await.page();
    let start_again = postern.browser().open(&consent.path).await.page();
    let lost = postern.browser().open("/nothing").await.page();
    vec![
        ("sign in", sign_in.answer),
        ("sign in again", wrong.answer),
        ("consent", consent.answer),
        ("redirect", redirect),
        ("tokens", tokens),
        ("finished", finished.answer),
        ("continue", continuing.answer),
        ("confirm", confirm.answer),
        ("prompt=none", silent),
        ("form post", posting.answer),
        ("account", account.answer),
        ("log out", logout.answer),
        ("forged", forged),
        ("signed out", signed_out.answer),
        ("start again", start_again.answer),
        ("error", postern.get("/authorize").await),
        ("not found", lost.answer),
        ("problem", postern.get("/nothing").await),
        ("refused", postern.post("/token", &[]).await),
        (
            "discovery",
            postern.get("/.well-known/openid-configuration").await,
        ),
        ("keys", postern.get("/jwks.json").await),
        ("asset", postern.get("/assets/postern.css").await),
        ("no asset", postern.get("/assets/none.css").await),
        ("health", postern.get("/health/live").await),
        ("home", postern.get("/").await),
    ]
}

#[tokio::test]
async fn every_answer_is_safe_to_show() {
    let http = Postern::start().await;
    let https = Postern::start_with(|config| {
        config.server.public_url = "https://id.example.com".parse().expect("valid");
    })
    .await;
    for (postern, is_https) in [(&http, false), (&https, true)] {
        for (what, answer) in every_answer(postern).await {
            is_safe(what, &answer, is_https);
            let kept = ["discovery", "keys", "asset"].contains(&what);
            let cache = answer.header("cache-control");
            assert_eq!(cache == "no-store", !kept, "{what}: {cache}");
            assert!(
                answer.headers.get_all("content-security-policy").iter().count() == 1,
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn every_page_says_where_its_forms_may_lead() {
    let postern = Postern::start().await;
    let answers = every_answer(&postern).await;
    let policy = |what: &str| {
        let found = answers.iter().find(|(name, _)| *name == what);
        found
            .expect("an answer")
            .1
            .header("content-security-policy")
            .to_owned()
    };
    for journey in [
        "sign in",
        "sign in again",
        "consent",
        "continue",
        "confirm",
        "start again",
        "finished",
    ] {
        assert_eq!(policy(journey), page_policy("'self' http:"), "{journey}");
    }
    // `document.forms[0].submit()`, and nothing else that somebody might bring into the page.
    let script =
        "default-src 'none'; script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; style-src";
    let posting = page_policy("'self' http:").replace("default-src 'none'; style-src", script);
    assert_eq!(policy("form post"), posting);
    for own in ["account", "log out", "forged", "signed out", "error", "not found"] {
        assert_eq!(policy(own), page_policy("'self'"), "{own}");
    }
}

#[tokio::test]
async fn the_schemes_are_those_of_the_request_and_of_the_apps_private_redirects() {
    let postern = Postern::start().await;
    let (claimed, private) = ("https://app.example/cb", "com.example.notes:/cb");
    postern
        .add_client("both", |settings| {
            settings.redirect_uris = vec![claimed.parse().expect("valid"), private.parse().expect("valid")];
        })
        .await;
    for (uri, sources) in [
        (claimed, "'self' https: com.example.notes:"),
        (private, "'self' com.example.notes:"),
    ] {
        let mut phone = postern.phone_of("both");
        uri.clone_into(&mut phone.redirect_uri);
        let mut browser = postern.browser();
        let page = browser.open(&phone.authorize_url(&[])).await.page();
        assert_eq!(page.policy(), page_policy(sources));
        let page = browser.sign_in(&page, ALICE).await.page();
        assert_eq!(page.policy(), page_policy(sources));
        let back = browser.press(&page, "allow").await.app();
        assert!(back.as_str().starts_with(uri), "{back}");
    }
}

async fn asked(postern: &Postern, method: &str, path: &str, accept: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("accept", accept);
    postern
        .send(request.body(Body::empty()).expect("a request"))
        .await
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_people_and_problem_details_for_programs() {
    let postern = Postern::start().await;
    let cases = [
        ("GET", "/nothing", 404),
        ("GET", "/authorize/x", 404),
        ("GET", "/assets/none.css", 404),
        ("GET", "/sign-in", 405),
        ("DELETE", "/token", 405),
    ];
    for (method, path, status) in cases {
        let page = asked(&postern, method, path, "text/html,*/*").await;
        assert_eq!(page.status, status, "{method} {path}");
        assert!(page.header("content-type").starts_with("text/html"));
        let heading = Page {
            answer: page,
            path: path.to_owned(),
        }
        .heading();
        assert!(!heading.is_empty());
        for accept in ["application/json", "*/*"] {
            let problem = asked(&postern, method, path, accept).await;
            assert_eq!(problem.status, status);
            assert_eq!(problem.header("content-type"), "application/problem+json");
            assert_eq!(problem.json()["status"], status);
            assert_eq!(problem.json()["title"], heading);
        }
    }
    let allowed = asked(&postern, "GET", "/sign-in", "*/*").await;
    assert_eq!(allowed.header("allow"), "POST");
}

#[tokio::test]
async fn an_error_page_has_an_id_for_the_log_and_nothing_of_the_inside() {
    let postern = Postern::start().await;
    let url = postern
        .phone()
        .authorize_url(&[("client_id", "<script>alert(1)</script>")]);
    let (first, second) = (postern.get(&url).await, postern.get(&url).await);
    let id = |answer: &Answer| {
        let (_, rest) = answer.body.split_once("<code id=\"request-id\">").expect("an id");
        rest.split('<').next().unwrap_or_default().to_owned()
    };
    assert_eq!(id(&first).len(), 16);
    assert_ne!(id(&first), id(&second));
    assert!(!first.body.contains("alert("), "{}", first.body);
}

#[tokio::test]
async fn who_takes_too_long_is_answered_and_told_when_to_come_back() {
    let postern = Postern::start_with(|config| config.server.request_timeout = Lifetime::from_secs(1)).await;
    for (path, accept, kind) in [
        ("/sign-in", "text/html", "text/html; charset=utf-8"),
        ("/token", "*/*", "application/problem+json"),
    ] {
        let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let request = Request::post(path)
            .header("accept", accept)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from_stream(never));
        let answer = postern.send(request.expect("a request")).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.header("content-type"), kind, "{path}");
        assert_eq!(answer.header("retry-after"), "2", "{path}");
        assert!(answer.body.contains("This took too long"), "{}", answer.body);
    }
}
