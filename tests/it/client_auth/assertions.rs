//! `private_key_jwt`: what an assertion has to say, and that it is used once.

use postern::{
    base::{
        jws::JwsAlgorithm,
        time::{Instant, Lifetime},
    },
    domain::client::{AssertionAudience, ClientKind, ClientSettings, RegisteredBy},
    flows::sweep::sweep,
    store::{db::Statement, used_assertions::MANY_OF_UNCHECKED},
};
use serde_json::{Value, json};

use super::{Key, Site, post, refused};
use crate::harness::{Answer, Postern};

const GRANT: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn worker(postern: &Postern, key: Key) -> Site<'_> {
    Site::with_key(postern, "worker", ClientKind::Service, key, |_| {}).await
}

/// An assertion with some claims changed; null takes one out.
async fn with(site: &Site<'_>, changes: Value) -> Answer {
    let mut claims = site.key().claims(site.postern, site.id);
    let claims = claims.as_object_mut().map(|claims| {
        for (name, value) in changes.as_object().expect("an object") {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        Value::Object(claims.clone())
    });
    let assertion = site.key().sign(&site.key().header(), &claims.expect("an object"));
    site.assert("/token", &assertion, &GRANT).await
}

#[tokio::test]
async fn every_claim_is_checked() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 1000).await;
    let site = worker(&postern, Key::es256("k")).await;
    postern.add_client("other", |_| {}).await;
    let now = postern.clock.now().seconds();
    let issuer = postern.issuer();
    for good in [
        json!({}),
        json!({ "iat": null, "nbf": null }),
        json!({ "iat": now + 10, "nbf": now + 10 }),
        json!({ "exp": now + 3600 }),
        json!({ "exp": now + 1 }),
        json!({ "exp": format!("{}.5", now + 30).parse::<f64>().expect("a number") }),
        json!({ "something": { "else": [1, 2] } }),
    ] {
        let answer = with(&site, good.clone()).await;
        assert_eq!(answer.status, 200, "{good}: {}", answer.body);
    }
    for bad in [
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": "other", "sub": "other" }),
        json!({ "iss": issuer }),
        json!({ "iss": 1 }),
        json!({ "aud": null }),
        json!({ "aud": [issuer] }),
        json!({ "aud": format!("{issuer}/") }),
        json!({ "aud": format!("{issuer}/token") }),
        json!({ "aud": format!("{issuer}/par") }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": "" }),
        json!({ "exp": null }),
        json!({ "exp": now - 300 }),
        json!({ "exp": now + 7200 }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": -1 }),
        json!({ "exp": 1e300 }),
        json!({ "iat": now + 61 }),
        json!({ "nbf": now + 61 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": "x".repeat(257) }),
        json!({ "jti": 7 }),
    ] {
        let answer = with(&site, bad.clone()).await;
        refused(&answer, 401, "invalid_client");
    }
}

#[tokio::test]
async fn a_client_that_is_set_so_may_name_the_token_endpoint() {
    let postern = Postern::start_with(|config| config.limits.token_failures.burst = 1000).await;
    let change = |settings: &mut ClientSettings| {
        settings.assertion_audience = AssertionAudience::IssuerOrTokenEndpoint;
    };
    let site = Site::with_key(&postern, "worker", ClientKind::Service, Key::es256("k"), change).await;
    let issuer = postern.issuer();
    let endpoint = format!("{issuer}/token");
    for good in [
        json!(issuer),
        json!(endpoint),
        json!([issuer]),
        json!([endpoint, issuer]),
    ] {
        assert_eq!(with(&site, json!({ "aud": good })).await.status, 200, "{good}");
    }
    // Whoever else it is for could use it here.
    for bad in [
        json!([issuer, "https://other.example"]),
        json!([]),
        json!(format!("{issuer}/authorize")),
    ] {
        refused(&with(&site, json!({ "aud": bad })).await, 401, "invalid_client");
    }
}

#[tokio::test]
async fn an_assertion_is_used_once_on_all_nodes_and_forgotten_when_it_is_over() {
    let postern = Postern::start().await;
    let beside = postern.beside().await;
    let site = worker(&postern, Key::es256("k")).await;
    beside.poll().await;
    let assertion = site.key().assertion(&postern, "worker");
    assert_eq!(site.assert("/token", &assertion, &GRANT).await.status, 200);
    refused(
        &site.assert("/token", &assertion, &GRANT).await,
        401,
        "invalid_client",
    );
    let there = [
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", super::TYPE),
    ];
    let again = post(&beside, "/token", None, &[&there[..], &GRANT].concat()).await;
    refused(&again, 401, "invalid_client");
    // At another endpoint too.
    refused(
        &site.assert("/revoke", &assertion, &[("token", "x")]).await,
        401,
        "invalid_client",
    );
    // The same jti of another client is another assertion.
    let other = Site::with_key(&postern, "other", ClientKind::Service, Key::es256("k"), |_| {}).await;
    assert_eq!(other.own_token().await.status, 200);
    assert_eq!(postern.number("SELECT COUNT(*) FROM used_assertions").await, 2);

    sweep(postern.provider()).await.expect("swept");
    refused(
        &site.assert("/token", &assertion, &GRANT).await,
        401,
        "invalid_client",
    );
    postern.advance("3m");
    sweep(postern.provider()).await.expect("swept");
    assert_eq!(postern.number("SELECT COUNT(*) FROM used_assertions").await, 0);
    refused(
        &site.assert("/token", &assertion, &GRANT).await,
        401,
        "invalid_client",
    );
}

#[tokio::test]
async fn of_many_uses_at_once_one_is_taken() {
    for postern in Postern::on_each().await {
        let site = worker(&postern, Key::es256("k")).await;
        let assertion = site.key().assertion(&postern, "worker");
        let at_once = (0..16).map(|_| site.assert("/token", &assertion, &GRANT));
        let answers = futures_util::future::join_all(at_once).await;
        let taken = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(taken, 1);
    }
}

#[tokio::test]
async fn rs256_is_for_clients_that_name_it() {
    let postern = Postern::start().await;
    let strict = worker(&postern, Key::rsa("k")).await;
    let sign = |site: &Site<'_>, alg: &str| {
        let key = site.key();
        key.sign(&json!({ "alg": alg, "kid": "k" }), &key.claims(&postern, site.id))
    };
    // FAPI 2.0 Security Profile section 5.4.1.
    refused(
        &strict.assert("/token", &sign(&strict, "RS256"), &GRANT).await,
        401,
        "invalid_client",
    );
    assert_eq!(
        strict
            .assert("/token", &sign(&strict, "PS256"), &GRANT)
            .await
            .status,
        200
    );
    let change = |settings: &mut ClientSettings| {
        settings.token_endpoint_auth_signing_alg = Some(JwsAlgorithm::Rs256);
    };
    let old = Site::with_key(&postern, "old", ClientKind::Service, Key::rsa("k"), change).await;
    assert_eq!(
        old.assert("/token", &sign(&old, "RS256"), &GRANT).await.status,
        200
    );
    refused(
        &old.assert("/token", &sign(&old, "PS256"), &GRANT).await,
        401,
        "invalid_client",
    );
}

#[tokio::test]
async fn a_fresh_assertion_comes_with_each_request_and_a_code_is_still_used_once() {
    let postern = Postern::start().await;
    let site = Site::with_key(&postern, "site", ClientKind::Web, Key::es256("k"), |_| {}).await;
    let phone = site.phone();
    let code = phone
        .allowed_code(&mut postern.browser(), crate::harness::ALICE)
        .await;
    let tokens = crate::harness::Tokens::of(&site.redeem(&phone, &code).await);
    refused(&site.redeem(&phone, &code).await, 400, "invalid_grant");
    // The second redemption meant theft: the session is over.
    refused(&site.refresh(&tokens.refresh).await, 400, "invalid_grant");
    assert_eq!(phone.userinfo(&tokens.access).await.status, 401);
}

/// Anybody may make as many clients with keys as there is room for: all of them have one allowance, and clients that somebody
/// has checked have the rest.
#[tokio::test]
async fn clients_that_nobody_has_checked_share_one_allowance() {
    for postern in Postern::on_each().await {
        let checked = worker(&postern, Key::es256("k")).await;
        let itself = |settings: &mut ClientSettings| settings.registered_by = RegisteredBy::Itself;
        let stranger = Site::with_key(&postern, "one", ClientKind::Service, Key::es256("k"), itself).await;
        let other = Site::with_key(&postern, "two", ClientKind::Service, Key::es256("k"), itself).await;
        let sql = if postern.database.is_some() {
            "INSERT INTO used_assertions (digest, expires_at, unchecked)
             SELECT sha256(n::text::bytea), $2, 1 FROM generate_series(2, $1) AS n"
        } else {
            "INSERT INTO used_assertions (digest, expires_at, unchecked)
             WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
             SELECT randomblob(32), $2, 1 FROM numbers"
        };
        let until = postern.clock.now().plus(Lifetime::from_secs(600));
        let _: Option<()> = postern
            .provider()
            .db
            .execute(
                Statement::<(i64, Instant), ()>::new(sql),
                (MANY_OF_UNCHECKED, until),
            )
            .await
            .expect("filled");

        let last = stranger.key().assertion(&postern, "one");
        assert_eq!(stranger.assert("/token", &last, &GRANT).await.status, 200);
        for site in [&stranger, &other] {
            let answer = site.own_token().await;
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(!answer.header("retry-after").is_empty());
        }
        // What was used is still refused, not put off.
        refused(
            &stranger.assert("/token", &last, &GRANT).await,
            401,
            "invalid_client",
        );
        assert_eq!(checked.own_token().await.status, 200);
        postern.advance("600s");
        assert_eq!(other.own_token().await.status, 200);
    }
}
