//! Software statements (RFC 7591 section 2.3): whose word counts, and what it changes.

use postern::domain::registration::{StatementIssuer, StatementKeys};
use serde_json::{Value, json};

use super::{Mine, app, clients, open_server_with, refused, register, site, with};
use crate::{
    client_auth::{Key, publish},
    harness::{Place, Postern},
};

const ISSUER: &str = "https://publisher.example";

async fn trusting(key: &Key, required: bool) -> Postern {
    let jwks = json!({ "keys": [key.public()] }).to_string();
    open_server_with(|config| {
        config.registration.software_statement_required = required;
        config.registration.software_statement_issuers = vec![StatementIssuer {
            issuer: ISSUER.to_owned(),
            keys: StatementKeys::Inline(jwks.parse().expect("a key set")),
        }];
    })
    .await
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "software_id": "sketches", "client_name": "Sketches by Publisher",
        "redirect_uris": ["https://sketches.example/cb"], "tos_uri": "https://publisher.example/terms",
    })
}

fn statement(key: &Key, claims: &Value) -> String {
    key.sign(&key.header(), claims)
}

fn with_statement(members: Value, statement: &str) -> Value {
    with(members, json!({ "software_statement": statement }))
}

#[tokio::test]
async fn what_a_statement_says_wins_over_what_the_program_says() {
    let key = Key::es256("publisher");
    let postern = trusting(&key, false).await;
    let signed = statement(&key, &claims());
    let said = with(
        site(),
        json!({ "redirect_uris": ["https://evil.example/cb"], "client_name": "Evil", "contacts": ["a@b.example"] }),
    );
    let mine = Mine::of(&register(&postern, None, &with_statement(said, &signed)).await);
    for member in ["software_id", "client_name", "redirect_uris", "tos_uri"] {
        assert_eq!(mine.answer[member], claims()[member], "{member}");
    }
    assert_eq!(
        mine.answer["contacts"],
        json!(["a@b.example"]),
        "it says nothing of this"
    );
    // RFC 7591 section 3.2.1: as it came.
    assert_eq!(mine.answer["software_statement"], signed);

    // An update does not shake it off.
    let other = with(
        site(),
        json!({ "client_id": mine.id(), "redirect_uris": ["https://evil.example/cb"] }),
    );
    let put = mine.ask(&postern, "PUT", Some(&other)).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(put.json()["redirect_uris"], claims()["redirect_uris"]);
    assert_eq!(put.json()["software_statement"], signed);
    // A new one takes its place.
    let newer = statement(
        &key,
        &with(
            claims(),
            json!({ "redirect_uris": ["https://sketches.example/new"] }),
        ),
    );
    let put = mine
        .ask(&postern, "PUT", Some(&with_statement(other, &newer)))
        .await;
    assert_eq!(
        put.json()["redirect_uris"],
        json!(["https://sketches.example/new"])
    );
}

#[tokio::test]
async fn a_statement_that_nobody_signed_whom_we_trust_is_refused() {
    let (key, foreign) = (Key::es256("publisher"), Key::es256("publisher"));
    let postern = trusting(&key, false).await;
    let now = postern.clock.now().seconds();
    let unsigned = statement(&key, &claims());
    let (head, _) = unsigned.rsplit_once('.').expect("three parts");
    let (_, payload) = head.split_once('.').expect("two parts");
    let none = {
        use base64ct::{Base64UrlUnpadded, Encoding};
        format!(
            "{}.{payload}.",
            Base64UrlUnpadded::encode_string(br#"{"alg":"none"}"#)
        )
    };
    let with_header = |header: Value| key.sign(&header, &claims());
    let changed = |others: Value| statement(&key, &with(claims(), others));
    for (why, text, error) in [
        ("alg none", none, "invalid_software_statement"),
        ("no signature", format!("{head}."), "invalid_software_statement"),
        (
            "another key",
            statement(&foreign, &claims()),
            "invalid_software_statement",
        ),
        (
            "its own key",
            foreign.sign(&json!({ "alg": "ES256", "jwk": foreign.public() }), &claims()),
            "invalid_software_statement",
        ),
        (
            "a public key as secret",
            with_header(json!({ "alg": "HS256" })),
            "invalid_software_statement",
        ),
        (
            "another type",
            with_header(json!({ "alg": "ES256", "typ": "at+jwt" })),
            "invalid_software_statement",
        ),
        (
            "an extension",
            with_header(json!({ "alg": "ES256", "crit": ["x"] })),
            "invalid_software_statement",
        ),
        (
            "another issuer",
            changed(json!({ "iss": "https://evil.example" })),
            "unapproved_software_statement",
        ),
        (
            "no issuer",
            changed(json!({ "iss": null })),
            "unapproved_software_statement",
        ),
        (
            "over",
            changed(json!({ "exp": now - 60 })),
            "invalid_software_statement",
        ),
        (
            "not yet",
            changed(json!({ "nbf": now + 600 })),
            "invalid_software_statement",
        ),
        (
            "a strange time",
            changed(json!({ "exp": "tomorrow" })),
            "invalid_software_statement",
        ),
        (
            "for another server",
            changed(json!({ "aud": "https://other.example" })),
            "invalid_software_statement",
        ),
        ("no JWT", "x".to_owned(), "invalid_software_statement"),
        (
            "what it says is judged too",
            changed(json!({ "redirect_uris": ["javascript:x"] })),
            "invalid_redirect_uri",
        ),
    ] {
        let answer = register(&postern, None, &with_statement(site(), &text)).await;
        assert_eq!(answer.status, 400, "{why}: {}", answer.body);
        refused(&answer, 400, error);
    }
    let us = changed(json!({ "aud": [postern.issuer()], "exp": now + 60 }));
    Mine::of(&register(&postern, None, &with_statement(site(), &us)).await);
    assert_eq!(clients(&postern).await, 2);
}

#[tokio::test]
async fn where_one_is_needed_nobody_registers_without() {
    let key = Key::es256("publisher");
    let postern = trusting(&key, true).await;
    refused(
        &register(&postern, None, &app()).await,
        400,
        "unapproved_software_statement",
    );
    Mine::of(
        &register(
            &postern,
            None,
            &with_statement(site(), &statement(&key, &claims())),
        )
        .await,
    );
    // Where nobody is trusted, no statement counts.
    let plain = super::open_server().await;
    let answer = register(&plain, None, &with_statement(site(), &statement(&key, &claims()))).await;
    refused(&answer, 400, "unapproved_software_statement");
}

#[tokio::test]
async fn the_issuers_keys_may_be_at_a_place_of_theirs() {
    let place = Place::start().await;
    let key = Key::es256("publisher");
    publish(&place, &[&key]);
    let postern = open_server_with(|config| {
        place.trusted(config);
        config.registration.software_statement_issuers = vec![StatementIssuer {
            issuer: ISSUER.to_owned(),
            keys: StatementKeys::At(place.url("/jwks.json").parse().expect("an https URL")),
        }];
    })
    .await;
    let good = with_statement(site(), &statement(&key, &claims()));
    for _ in 0..3 {
        Mine::of(&register(&postern, None, &good).await);
    }
    assert_eq!(place.requests(), 1, "kept");
    let forged = with_statement(site(), &statement(&Key::es256("publisher"), &claims()));
    refused(
        &register(&postern, None, &forged).await,
        400,
        "invalid_software_statement",
    );
}
