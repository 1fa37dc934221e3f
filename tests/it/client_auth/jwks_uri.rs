//! Keys that a client has at a place of its own: fetched with limits, kept for a while, and never from where only the
//! server can reach.

use super::{Key, Proof, Site, publish, refused};
use crate::harness::{Place, Postern};
use postern::domain::client::ClientKind;
use serde_json::json;

/// A service whose keys are there.
async fn with_keys_at<'a>(postern: &'a Postern, id: &'static str, url: &str, key: Key) -> Site<'a> {
    Site::with_keys_at(postern, id, ClientKind::Service, url, key).await
}

#[tokio::test]
async fn keys_are_fetched_kept_and_fetched_again_when_one_is_new() {
    let place = Place::start().await;
    let postern = place.trusted_by_a_server().await;
    let mut site = with_keys_at(&postern, "worker", &place.url("/jwks.json"), Key::es256("one")).await;
    publish(&place, &[site.key()]);
    for _ in 0..5 {
        let answer = site.own_token().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(place.requests(), 1, "kept");

    // The client has a new key. Unknown names cost one request in ten seconds, whoever makes them up.
    let old = std::mem::replace(&mut site.proof, Proof::Key(Key::es256("two")));
    publish(&place, &[site.key()]);
    refused(&site.own_token().await, 401, "invalid_client");
    assert_eq!(place.requests(), 1);
    postern.advance("10s");
    assert_eq!(site.own_token().await.status, 200);
    assert_eq!(place.requests(), 2);
    let Proof::Key(old) = old else { panic!("a key") };
    for _ in 0..5 {
        let assertion = old.assertion(&postern, "worker");
        let form = [("grant_type", "client_credentials")];
        refused(
            &site.assert("/token", &assertion, &form).await,
            401,
            "invalid_client",
        );
    }
    assert_eq!(place.requests(), 2);

    // Known names are asked for anew after ten minutes, and while nobody answers the old keys stay for a day.
    postern.advance("10m");
    assert_eq!(site.own_token().await.status, 200);
    assert_eq!(place.requests(), 3);
    place.says("503 Service Unavailable", "", "");
    for hours in ["1h", "22h"] {
        postern.advance(hours);
        assert_eq!(site.own_token().await.status, 200, "{hours}");
    }
    postern.advance("2h");
    refused(&site.own_token().await, 401, "invalid_client");
    postern.advance("10s");
    publish(&place, &[site.key()]);
    assert_eq!(site.own_token().await.status, 200);
}

#[tokio::test]
async fn many_at_once_share_one_fetch() {
    let place = Place::start().await;
    let postern = place.trusted_by_a_server().await;
    let site = with_keys_at(&postern, "worker", &place.url("/jwks.json"), Key::es256("k")).await;
    publish(&place, &[site.key()]);
    let answers = futures_util::future::join_all((0..16).map(|_| site.own_token())).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(place.requests(), 1);
}

#[tokio::test]
async fn the_server_reaches_nothing_that_only_it_can_reach() {
    let place = Place::start().await;
    // The default: the public internet only.
    let postern = Postern::start().await;
    for (id, url) in [
        ("a", format!("https://127.0.0.1:{}/", place.port)),
        ("b", format!("https://localhost:{}/", place.port)),
        ("c", format!("https://[::1]:{}/", place.port)),
        ("d", format!("https://[::ffff:127.0.0.1]:{}/", place.port)),
        ("e", format!("https://0x7f000001:{}/", place.port)),
        ("f", format!("https://2130706433:{}/", place.port)),
        ("g", format!("https://0.0.0.0:{}/", place.port)),
        ("h", "https://169.254.169.254/latest/meta-data".to_owned()),
    ] {
        let site = with_keys_at(&postern, id, &url, Key::es256("k")).await;
        publish(&place, &[site.key()]);
        refused(&site.own_token().await, 401, "invalid_client");
    }
    assert_eq!(place.connections(), 0);
    for url in [
        "http://app.example/jwks",
        "file:///etc/passwd",
        "https://a@app.example/",
        "https:///x#y",
    ] {
        assert!(url.parse::<postern::base::url::HttpsUrl>().is_err(), "{url}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_plainly_a_key_set_is_none() {
    let place = Place::start().await;
    let postern = place.trusted_by_a_server().await;
    let site = with_keys_at(&postern, "worker", &place.url("/jwks.json"), Key::es256("k")).await;
    let keys = json!({ "keys": [site.key().public()] }).to_string();
    let location = format!("location: https://localhost:{}/other\r\n", place.port);
    let padded = format!("{}{keys}", " ".repeat(64 * 1024));
    for (status, headers, body) in [
        ("302 Found", location.as_str(), keys.as_str()),
        ("404 Not Found", "", &keys),
        ("204 No Content", "", ""),
        ("200 OK", "", "{}"),
        ("200 OK", "", "<html>"),
        ("200 OK", "", &padded),
        ("200 OK", "content-encoding: gzip\r\n", "\u{1f}\u{8b}"),
        ("200 OK", "content-length: 100000\r\n", &keys),
    ] {
        place.says(status, headers, body);
        let before = place.requests();
        refused(&site.own_token().await, 401, "invalid_client");
        assert_eq!(
            place.requests(),
            before + 1,
            "{status}: asked once, and nowhere else"
        );
        postern.advance("10s");
    }
    publish(&place, &[site.key()]);
    assert_eq!(site.own_token().await.status, 200);
}

#[tokio::test]
async fn a_place_that_nobody_vouches_for_is_not_believed() {
    let (place, other) = (Place::start().await, Place::start().await);
    let postern = other.trusted_by_a_server().await;
    let site = with_keys_at(&postern, "worker", &place.url("/jwks.json"), Key::es256("k")).await;
    publish(&place, &[site.key()]);
    refused(&site.own_token().await, 401, "invalid_client");
    assert_eq!((place.connections(), place.requests()), (1, 0));
}
