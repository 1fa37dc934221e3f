//! Clients whose id is the address of their metadata (OAuth Client ID Metadata Document): who is let in, what is fetched, and
//! what must not be.

use serde_json::{Value, json};

use super::{clients, swept};
use crate::harness::{ALICE, Phone, Place, Postern, Tokens};

/// A server that takes documents, may reach this machine, and trusts the place.
async fn taking(place: &Place) -> Postern {
    Postern::start_with(|config| {
        place.trusted(config);
        config.registration.metadata_documents = true;
        config.limits.registrations.burst = 1000;
    })
    .await
}

fn id(place: &Place) -> &'static str {
    place.url("/app.json").leak()
}

fn document(id: &str) -> Value {
    json!({
        "client_id": id, "client_name": "Sketches", "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    })
}

fn says(place: &Place, document: &Value) {
    place.says(
        "200 OK",
        "content-type: application/json\r\n",
        &document.to_string(),
    );
}

#[tokio::test]
async fn an_app_that_nobody_registered_signs_a_person_in_and_stays_signed_in() {
    let place = Place::start().await;
    let postern = taking(&place).await;
    let id = id(&place);
    says(&place, &document(id));
    let told = postern
        .get("/.well-known/oauth-authorization-server")
        .await
        .json();
    assert_eq!(told["client_id_metadata_document_supported"], true);

    let phone = Phone::new(&postern, id);
    let mut browser = postern.browser();
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    let page = browser.sign_in(&page, ALICE).await.page();
    let text = page.text();
    assert!(
        text.contains("It is the app of localhost") && text.contains("has checked who made this app"),
        "{text}"
    );
    let code = phone.code(&browser.press(&page, "allow").await.app());
    let tokens = Tokens::of(&phone.redeem(&code).await);
    assert_eq!(
        (&tokens.claims()["client_id"], &tokens.id_claims()["aud"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(place.requests(), 1);
    // Its web server is asked no more, and may be gone.
    place.says("503 Service Unavailable", "", "");
    postern.advance("40d");
    let tokens = Tokens::of(&phone.refresh(&tokens.refresh).await);
    assert_eq!(phone.userinfo(&tokens.access).await.status, 200);
    assert_eq!(place.requests(), 1);
    swept(&postern).await;
    assert_eq!(clients(&postern).await, 2, "a person uses it");
}

#[tokio::test]
async fn where_they_are_not_taken_nothing_is_fetched() {
    let place = Place::start().await;
    let postern = Postern::start().await;
    let page = postern
        .browser()
        .open(&Phone::new(&postern, id(&place)).authorize_url(&[]))
        .await
        .page();
    assert_eq!(page.answer.status, 400);
    let pushed = postern.post("/par", &[("client_id", id(&place))]).await;
    assert_eq!(pushed.error(), "invalid_client");
    assert_eq!(place.connections(), 0);
    assert_eq!(clients(&postern).await, 1);
}

#[tokio::test]
async fn the_server_reaches_nothing_that_only_it_can_reach() {
    let place = Place::start().await;
    // Documents are taken, and only the public internet is reached: the default.
    let postern = Postern::start_with(|config| {
        config.registration.metadata_documents = true;
        config.limits.registrations.burst = 1000;
    })
    .await;
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let id: &'static str = format!("https://{host}:{}/app.json", place.port).leak();
        says(&place, &document(id));
        let page = postern
            .browser()
            .open(&Phone::new(&postern, id).authorize_url(&[]))
            .await
            .page();
        assert_eq!(page.answer.status, 400, "{id}");
    }
    let metadata = "https://169.254.169.254/latest/meta-data";
    let page = postern
        .browser()
        .open(&Phone::new(&postern, metadata).authorize_url(&[]))
        .await
        .page();
    assert_eq!(page.answer.status, 400);
    assert_eq!((place.connections(), clients(&postern).await), (0, 1));
}

#[tokio::test]
async fn an_address_that_can_be_read_in_two_ways_is_no_id() {
    let place = Place::start().await;
    let postern = taking(&place).await;
    let at = format!("localhost:{}", place.port);
    for id in [
        format!("https://{at}"),
        format!("https://{at}/"),
        format!("https://{at}/a/../app.json"),
        format!("https://{at}/app.json#x"),
        format!("https://{at}/app.json?x"),
        format!("https://user@{at}/app.json"),
        format!("https://LOCALHOST:{}/app.json", place.port),
        format!("HTTPS://{at}/app.json"),
        format!("http://{at}/app.json"),
        format!("https://{at}/{}", "x".repeat(300)),
        format!("https://{at}\\app.json"),
    ] {
        says(&place, &document(&id));
        let page = postern
            .browser()
            .open(&Phone::new(&postern, id.leak()).authorize_url(&[]))
            .await
            .page();
        assert_eq!(page.answer.status, 400);
    }
    assert_eq!((place.connections(), clients(&postern).await), (0, 1));
}

#[tokio::test]
async fn a_document_that_is_not_plainly_of_this_app_is_refused_and_not_asked_for_again_at_once() {
    let place = Place::start().await;
    let postern = taking(&place).await;
    let id = id(&place);
    let good = document(id);
    let with = |others: Value| super::with(good.clone(), others).to_string();
    let location = format!("location: {id}\r\n");
    let doubled = good
        .to_string()
        .replacen('{', r#"{"client_id":"https://evil.example/app","#, 1);
    for (status, headers, body) in [
        ("404 Not Found", "", good.to_string()),
        ("302 Found", location.as_str(), good.to_string()),
        ("200 OK", "", "<html>".to_owned()),
        ("200 OK", "", format!("{}{good}", " ".repeat(17 * 1024))),
        (
            "200 OK",
            "",
            format!(r#"{{"x":{}1{}}}"#, "[".repeat(4000), "]".repeat(4000)),
        ),
        ("200 OK", "", doubled),
        (
            "200 OK",
            "",
            with(json!({ "client_id": "https://evil.example/app.json" })),
        ),
        ("200 OK", "", with(json!({ "client_id": format!("{id}/") }))),
        ("200 OK", "", with(json!({ "client_id": null }))),
        ("200 OK", "", with(json!({ "client_secret": "known to all" }))),
        (
            "200 OK",
            "",
            with(json!({ "token_endpoint_auth_method": "client_secret_basic" })),
        ),
        (
            "200 OK",
            "",
            with(json!({ "redirect_uris": ["javascript:alert(1)"] })),
        ),
        ("200 OK", "", with(json!({ "redirect_uris": [] }))),
        ("200 OK", "", with(json!({ "scope": "admin" }))),
        (
            "200 OK",
            "",
            with(json!({ "grant_types": ["client_credentials"] })),
        ),
    ] {
        place.says(status, headers, &body);
        let before = place.requests();
        for _ in 0..3 {
            let page = postern
                .browser()
                .open(&Phone::new(&postern, id).authorize_url(&[]))
                .await
                .page();
            assert_eq!(
                page.answer.status,
                400,
                "{status} {}",
                &body[..body.len().min(80)]
            );
        }
        assert_eq!(place.requests(), before + 1, "{status}: asked once");
        postern.advance("1m");
    }
    assert_eq!(clients(&postern).await, 1);
    says(&place, &good);
    assert_eq!(
        postern.post("/par", &[("client_id", id)]).await.error(),
        "invalid_request",
        "known now"
    );
}

#[tokio::test]
async fn a_document_is_kept_as_long_as_it_says_and_a_change_of_where_answers_go_asks_people_again() {
    let place = Place::start().await;
    let postern = taking(&place).await;
    let id = id(&place);
    let fresh = "cache-control: public, max-age=3600\r\n";
    place.says("200 OK", fresh, &document(id).to_string());
    let phone = Phone::new(&postern, id);
    let mut browser = postern.browser();
    phone.signed_in(&mut browser, ALICE).await;
    postern.advance("59m");
    browser.open(&phone.authorize_url(&[])).await.page();
    assert_eq!(place.requests(), 1);
    postern.advance("2m");
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    assert_eq!(
        (place.requests(), page.heading().starts_with("Continue to")),
        (2, true),
        "nothing changed"
    );

    let moved = super::with(
        document(id),
        json!({ "redirect_uris": ["http://127.0.0.1/callback", "https://new.example/cb"] }),
    );
    place.says("200 OK", fresh, &moved.to_string());
    postern.advance("61m");
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    assert!(page.heading().starts_with("Allow "), "{}", page.heading());
    // Who does not answer has said nothing; who answers something else has.
    drop(page);
    postern.advance("61m");
    for silence in ["", "503 Service Unavailable"] {
        place.says(silence, "", "");
        let page = browser.open(&phone.authorize_url(&[])).await.page();
        assert_eq!(page.answer.status, 200, "{silence}");
        postern.advance("61m");
    }
    place.says("410 Gone", "", "");
    let page = browser.open(&phone.authorize_url(&[])).await.page();
    assert_eq!(page.answer.status, 400);
}

#[tokio::test]
async fn many_at_once_share_one_fetch_and_a_flood_is_bounded() {
    let place = Place::start().await;
    let postern = taking(&place).await;
    let id = id(&place);
    says(&place, &document(id));
    let ask = || async {
        postern
            .browser()
            .open(&Phone::new(&postern, id).authorize_url(&[]))
            .await
            .page()
            .answer
            .status
    };
    let answers = futures_util::future::join_all((0..16).map(|_| ask())).await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!((place.requests(), clients(&postern).await), (1, 2));
    // Nobody came: it goes, and may come again.
    postern.advance("8d");
    swept(&postern).await;
    assert_eq!(clients(&postern).await, 1);
    assert_eq!((ask().await.as_u16(), clients(&postern).await), (200, 2));
    postern::flows::clients::remove(postern.provider(), id.parse().expect("an id"), None)
        .await
        .expect("removed");
    assert_eq!(
        (ask().await.as_u16(), clients(&postern).await),
        (200, 2),
        "at once, although its document is fresh"
    );

    let few = postern
        .beside_with(|config| config.limits.registrations.burst = 3)
        .await;
    let strangers = (0..5).map(|n| place.url(&format!("/{n}.json")).leak() as &'static str);
    let mut last = None;
    for stranger in strangers {
        let url = Phone::new(&few, stranger).authorize_url(&[]);
        last = Some(few.browser().open(&url).await.page());
    }
    let page = last.expect("a page");
    assert_eq!(
        (page.answer.status.as_u16(), page.answer.header("retry-after")),
        (429, "300"),
        "{}",
        page.text()
    );
    assert!(page.answer.header("content-type").starts_with("text/html"));
    assert_eq!(page.heading(), "Too much came from here");
    assert!(
        page.text().contains("Too many requests from this address."),
        "{}",
        page.text()
    );
    // A program is told in its own language.
    let told = few
        .post("/par", &[("client_id", place.url("/6.json").as_str())])
        .await;
    assert_eq!(
        (told.status.as_u16(), told.header("retry-after"), told.json()),
        (
            429,
            "300",
            json!({
                "error": "invalid_request",
                "error_description": "too many requests from this address",
            })
        )
    );
}
