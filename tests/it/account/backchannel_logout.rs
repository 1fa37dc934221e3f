//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): who wants to hear of ends hears of every one, whatever
//! stands in the way.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use postern::{
    base::{id::ClientId, jwk::JwkSet, jws::Jws},
    domain::client::{ClientKind, ClientSettings, IdTokenAlgorithm},
    flows::{clients, sweep::sweep},
    jobs,
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::harness::{ALICE, BOB, Place, Postern, Tokens, Went};

/// A client's server, and a Postern that may reach it. The client `site` is told of ends there, `quiet` of none.
async fn told_at(place: &Place) -> Postern {
    let postern = place.trusted_by_a_server().await;
    postern
        .add_client("site", |settings| hears(settings, place))
        .await;
    postern.add_client("quiet", |_| {}).await;
    postern
}

fn hears(settings: &mut ClientSettings, place: &Place) {
    let url = place.url("/logged-out?of=postern");
    settings.backchannel_logout_uri = Some(url.parse().expect("an https URL"));
}

/// Alice, signed in to an app in a browser of its own.
async fn alice(postern: &Postern, client: &'static str) -> Tokens {
    postern
        .phone_of(client)
        .signed_in(&mut postern.browser(), ALICE)
        .await
}

/// The logout tokens that came, verified with the published keys: header and claims.
async fn heard(postern: &Postern, place: &Place) -> Vec<(Value, Value)> {
    let keys: JwkSet = postern.get("/jwks.json").await.body.parse().expect("a key set");
    let requests = place.take_requests();
    let tokens = requests.iter().map(|request| {
        let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("POST /logged-out?of=postern HTTP/1.1"), "{head}");
        assert!(
            head.contains("content-type: application/x-www-form-urlencoded"),
            "{head}"
        );
        let token = body.strip_prefix("logout_token=").expect("one parameter");
        let jws = Jws::parse(token, 8000).expect("a JWS");
        assert!(keys.verifies(&jws), "{token}");
        (part(token, 0), part(token, 1))
    });
    tokens.collect()
}

fn part(token: &str, at: usize) -> Value {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let part = token.split('.').nth(at).expect("a part");
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).expect("base64url")).expect("JSON")
}

async fn waiting(postern: &Postern) -> i64 {
    postern.number("SELECT COUNT(*) FROM outbox").await
}

#[tokio::test]
async fn a_logout_token_says_whose_session_ended_and_nothing_else() {
    let place = Place::start().await;
    place.says("200 OK", "", "");
    let postern = told_at(&place).await;
    let tokens = alice(&postern, "site").await;
    postern.phone_of("site").revoke(&tokens.refresh).await;
    assert_eq!(place.requests(), 0, "nobody waits for it");
    postern.sends().await;

    let heard = heard(&postern, &place).await;
    let [(header, claims)] = heard.as_slice() else {
        panic!("one token: {heard:?}")
    };
    let members: BTreeSet<&str> = header
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, BTreeSet::from(["alg", "kid", "typ"]));
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("logout+jwt"), &json!("ES256"))
    );
    let id_token = tokens.id_claims();
    let now = claims["iat"].as_i64().expect("a time");
    let jti = claims["jti"].as_str().expect("text");
    assert!(jti.len() >= 22, "{jti}");
    let expected = json!({
        "iss": postern.issuer(),
        "aud": "site",
        "sub": id_token["sub"],
        "sid": id_token["sid"],
        "iat": now,
        "exp": now + 120,
        "jti": jti,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(*claims, expected, "no nonce, nothing of the person");
    assert_eq!(waiting(&postern).await, 0);
    postern.sends().await;
    assert_eq!(place.requests(), 0, "once");
}

#[tokio::test]
async fn a_logout_token_is_no_id_token() {
    let place = Place::start().await;
    place.says("200 OK", "", "");
    let postern = told_at(&place).await;
    let phone = postern.phone_of("site");
    let mut browser = postern.browser();
    let tokens = phone.signed_in(&mut browser, ALICE).await;
    phone.revoke(&tokens.refresh).await;
    postern.sends().await;
    let requests = place.take_requests();
    let (_, token) = requests[0].split_once("logout_token=").expect("a token");
    for path in [
        "/logout?",
        &format!("{}&", phone.authorize_url(&[("prompt", "none")])),
    ] {
        let went = browser.open(&format!("{path}id_token_hint={token}")).await;
        let answer = match went {
            Went::App(back) => back.to_string(),
            Went::Page(page) => page.text(),
        };
        assert!(answer.to_lowercase().contains("id_token_hint"), "{answer}");
    }
    assert_eq!(phone.userinfo(token).await.status, 401);
}

#[tokio::test]
async fn it_is_signed_as_the_clients_id_tokens_are() {
    let place = Place::start().await;
    place.says("204 No Content", "", "");
    let postern = place.trusted_by_a_server().await;
    postern
        .add_client("old", |settings| {
            hears(settings, &place);
            settings.id_token_signed_response_alg = IdTokenAlgorithm::Rs256;
        })
        .await;
    alice(&postern, "old").await;
    postern.end_everything_of(ALICE).await;
    postern.sends().await;
    let heard = heard(&postern, &place).await;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].0["alg"], "RS256");
    assert_eq!(waiting(&postern).await, 0, "204 is a success, too (section 2.8)");
}

#[tokio::test]
async fn every_session_that_ends_is_told_to_its_own_client_once() {
    let place = Place::start().await;
    place.says("200 OK", "", "");
    let postern = told_at(&place).await;
    let mut expected = BTreeSet::new();
    for _ in 0..20 {
        expected.insert(alice(&postern, "site").await.sid());
        alice(&postern, "quiet").await;
    }
    let bob = postern
        .phone_of("site")
        .signed_in(&mut postern.browser(), BOB)
        .await;
    // Allowed and never redeemed: nobody has an ID token of it.
    postern
        .phone_of("site")
        .allowed_code(&mut postern.browser(), ALICE)
        .await;
    postern.end_everything_of(ALICE).await;
    assert_eq!(waiting(&postern).await, 20);

    // Two nodes send at once: each message is one node's.
    let other = postern.beside().await;
    tokio::join!(postern.sends(), other.sends());
    let told = heard(&postern, &place).await;
    let told: Vec<String> = told
        .iter()
        .map(|(_, claims)| claims["sid"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(told.len(), 20);
    assert_eq!(BTreeSet::from_iter(told), expected);
    assert_eq!(waiting(&postern).await, 0);

    // What has ended is not told again.
    postern.end_everything_of(ALICE).await;
    assert_eq!(waiting(&postern).await, 0);
    assert_eq!(postern.phone_of("site").refresh(&bob.refresh).await.status, 200);
}

#[tokio::test]
async fn what_was_not_taken_is_tried_again_with_a_token_of_its_own() {
    let place = Place::start().await;
    let postern = told_at(&place).await;
    let tokens = alice(&postern, "site").await;
    postern.phone_of("site").revoke(&tokens.refresh).await;
    let elsewhere = format!("location: {}\r\n", place.url("/elsewhere"));
    let (mut ids, mut pause) = (BTreeSet::new(), 10);
    for (status, headers) in [
        ("503 Service Unavailable", ""),
        ("400 Bad Request", ""),
        ("307 Temporary Redirect", elsewhere.as_str()),
        ("429 Too Many Requests", ""),
        ("200 OK", ""),
    ] {
        place.says(status, headers, "");
        postern.sends().await;
        let heard = heard(&postern, &place).await;
        assert_eq!(heard.len(), 1, "{status}");
        assert!(ids.insert(heard[0].1["jti"].to_string()), "a replay");
        // Too early, nothing is sent.
        postern.advance(&format!("{}s", pause - 1));
        postern.sends().await;
        assert_eq!(place.requests(), 0, "{status}");
        postern.advance("1s");
        pause *= 3;
    }
    assert_eq!(waiting(&postern).await, 0);
}

#[tokio::test]
async fn what_nobody_takes_for_a_day_is_given_up_and_told_to_the_operator() {
    let place = Place::start().await;
    place.says("500 Internal Server Error", "", "");
    let postern = told_at(&place).await;
    let tokens = alice(&postern, "site").await;
    postern.phone_of("site").revoke(&tokens.refresh).await;
    let mut tries = 0;
    while waiting(&postern).await > 0 {
        assert_eq!(postern.count_events("message.undelivered").await, 0);
        postern.sends().await;
        tries += place.take_requests().len();
        postern.advance("1h");
        assert!(tries < 40);
    }
    assert!(tries > 20, "{tries}");
    let events = postern.events().await;
    let told = events.iter().find(|(kind, _)| kind == "message.undelivered");
    let (_, data) = told.expect("an event");
    assert_eq!(data["message"], "backchannel_logout");
}

#[tokio::test]
async fn a_client_that_is_down_is_left_alone_and_holds_up_nobody() {
    let (down, up) = (Place::start().await, Place::start().await);
    down.says("502 Bad Gateway", "", "");
    up.says("200 OK", "", "");
    // One authority for both is not to be had: the one that is up is trusted, and TLS fails at the other.
    let postern = up.trusted_by_a_server().await;
    postern
        .add_client("down", |settings| hears(settings, &down))
        .await;
    postern.add_client("up", |settings| hears(settings, &up)).await;
    for _ in 0..20 {
        alice(&postern, "down").await;
        alice(&postern, "up").await;
    }
    postern.end_everything_of(ALICE).await;
    postern.sends().await;
    assert_eq!(up.requests(), 20);
    assert_eq!(down.connections(), 8, "the rest is not even tried");
    for _ in 0..5 {
        postern.sends().await;
    }
    assert_eq!(down.connections(), 8);
    postern.advance("10s");
    postern.sends().await;
    assert_eq!(down.connections(), 16);
    assert_eq!(waiting(&postern).await, 20, "nothing is lost");
}

#[tokio::test]
async fn nobody_makes_the_server_reach_what_only_it_can_reach() {
    let place = Place::start().await;
    let postern = Postern::start().await;
    postern
        .add_client("site", |settings| hears(settings, &place))
        .await;
    let tokens = alice(&postern, "site").await;
    postern.phone_of("site").revoke(&tokens.refresh).await;
    postern.sends().await;
    assert_eq!(place.connections(), 0);
    assert_eq!(
        waiting(&postern).await,
        1,
        "tried again: the operator may allow it"
    );
}

#[tokio::test]
async fn a_client_that_was_removed_is_told_nothing() {
    let place = Place::start().await;
    place.says("503 Service Unavailable", "", "");
    let postern = told_at(&place).await;
    let tokens = alice(&postern, "site").await;
    alice(&postern, "site").await;
    postern.phone_of("site").revoke(&tokens.refresh).await;
    postern.sends().await;
    let id: ClientId = "site".parse().expect("an id");
    clients::remove(postern.provider(), id, None)
        .await
        .expect("removed");
    postern.advance("10s");
    place.take_requests();
    postern.sends().await;
    assert_eq!((place.requests(), waiting(&postern).await), (0, 0));
}

#[tokio::test]
async fn what_waits_outlives_the_process() {
    let place = Place::start().await;
    place.says("200 OK", "", "");
    let postern = told_at(&place).await;
    alice(&postern, "site").await;
    postern.end_everything_of(ALICE).await;
    let postern = postern.stop().await.start().await;
    postern.sends().await;
    assert_eq!(heard(&postern, &place).await.len(), 1);
}

#[tokio::test]
async fn a_running_server_tells_it_at_once() {
    let place = Place::start().await;
    place.says("200 OK", "", "");
    let postern = told_at(&place).await;
    let tokens = alice(&postern, "site").await;
    let jobs = tokio::spawn(jobs::run(Arc::clone(&postern.app.provider)));
    postern.phone_of("site").revoke(&tokens.refresh).await;
    let delivered = timeout(Duration::from_secs(30), async {
        while place.requests() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(delivered.await.is_ok());
    jobs.abort();
    assert_eq!(heard(&postern, &place).await.len(), 1);
}

#[tokio::test]
async fn a_service_has_nobody_of_whose_end_it_could_hear() {
    let mut settings = ClientSettings::new(ClientKind::Service);
    settings.backchannel_logout_uri = Some("https://api.example/logged-out".parse().expect("an https URL"));
    let issuer = "https://login.example".parse().expect("an issuer");
    let broken = settings.contradictions(&issuer);
    assert!(
        broken
            .iter()
            .any(|broken| broken.setting == "backchannel_logout_uri"),
        "{broken:?}"
    );
}

#[tokio::test]
async fn what_a_place_answers_and_never_takes_is_given_up_soon() {
    let place = Place::start().await;
    place.says("404 Not Found", "", "");
    let postern = told_at(&place).await;
    let tokens = alice(&postern, "site").await;
    postern.phone_of("site").revoke(&tokens.refresh).await;
    let mut tries = 0;
    while waiting(&postern).await > 0 {
        postern.sends().await;
        tries += place.take_requests().len();
        postern.advance("10m");
    }
    assert_eq!(tries, 10, "it may not be the one who asked for it");
    assert_eq!(postern.count_events("message.undelivered").await, 1);
}

#[tokio::test]
async fn what_waits_behind_a_dead_place_is_forgotten_after_a_day() {
    let place = Place::start().await;
    let postern = Postern::start().await;
    postern
        .add_client("site", |settings| hears(settings, &place))
        .await;
    for _ in 0..12 {
        alice(&postern, "site").await;
    }
    postern.end_everything_of(ALICE).await;
    postern.advance("23h");
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(waiting(&postern).await, 12);
    postern.advance("61m");
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(waiting(&postern).await, 0);
}
