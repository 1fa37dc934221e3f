//! The issuer's keys over a real socket: how they are found, refreshed, and what an outage does.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use postern_resource_server::{Authenticated, DiscoverError, FetchError, KeyLimits, Postern, Rejection};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::signer::base64;
use crate::harness::{AUDIENCE, Issuer, Signer, claims, lasting_claims};

/// As if the last fetch were always long enough ago.
const NO_PAUSE: KeyLimits = KeyLimits {
    time_limit: Duration::from_secs(5),
    between_fetches: Duration::ZERO,
    fresh_for: Duration::from_mins(10),
    overdue_for: Duration::from_mins(10),
    stale_for: Duration::from_hours(24),
};
/// As if the keys were always due.
const ALWAYS_DUE: KeyLimits = KeyLimits {
    fresh_for: Duration::ZERO,
    ..NO_PAUSE
};

async fn api(issuer: &Issuer, limits: KeyLimits) -> Postern {
    let discover = Postern::discover(&issuer.url(), AUDIENCE).key_limits(limits);
    discover.await.unwrap()
}

async fn refused(issuer: &str) -> DiscoverError {
    Postern::discover(issuer, AUDIENCE).await.unwrap_err()
}

async fn call(api: &Postern, token: &str) -> Result<String, Rejection> {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
    let answer = api
        .authenticate(&Method::GET, &Uri::from_static("/"), &headers)
        .await;
    answer.map(|token: Authenticated| token.sub.clone())
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .expect("it never happened");
}

fn cause(error: &DiscoverError) -> &FetchError {
    match error {
        DiscoverError::Metadata(cause) | DiscoverError::Keys(cause) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_of_a_discovered_issuer() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let api = Postern::discover(&issuer.url(), AUDIENCE).await.unwrap();
    let token = signer.token(&lasting_claims(&issuer.url()));
    for _ in 0..5 {
        assert_eq!(call(&api, &token).await.unwrap(), "user_1");
    }
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(
        call(&api, &signer.token(&claims())).await,
        Err(Rejection::WrongIssuer)
    );
}

#[tokio::test]
async fn an_authorization_server_that_is_no_openid_provider() {
    let issuer = Issuer::start_at("/.well-known/oauth-authorization-server", &[]).await;
    assert!(Postern::discover(&issuer.url(), AUDIENCE).await.is_ok());
}

#[tokio::test]
async fn metadata_of_another_issuer() {
    let issuer = Issuer::start(&[]).await;
    for other in ["https://id.example.com", &format!("{}/", issuer.url()), ""] {
        issuer.set_metadata("issuer", other);
        let error = refused(&issuer.url()).await;
        assert!(matches!(error, DiscoverError::IssuerMismatch { found } if found == other));
    }
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn keys_at_an_untrusted_address() {
    let issuer = Issuer::start(&[]).await;
    for uri in [
        "http://192.0.2.1/jwks",
        "http://id.example.com/jwks",
        "file:///etc/passwd",
        "/jwks",
        "",
    ] {
        issuer.set_metadata("jwks_uri", uri);
        assert!(
            matches!(refused(&issuer.url()).await, DiscoverError::JwksUri),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_refused() {
    let issuer = Issuer::start(&[]).await;
    issuer.flood();
    let error = refused(&issuer.url()).await;
    assert!(matches!(cause(&error), FetchError::TooLarge));

    let elsewhere = Issuer::start(&[]).await;
    issuer.redirect_keys(&format!("{}/jwks", elsewhere.url()));
    let error = refused(&issuer.url()).await;
    assert!(matches!(cause(&error), FetchError::Status(StatusCode::FOUND)));
    assert_eq!(elsewhere.fetches(), 0);

    issuer.fail(StatusCode::INTERNAL_SERVER_ERROR);
    let error = refused(&issuer.url()).await;
    assert!(matches!(
        cause(&error),
        FetchError::Status(StatusCode::INTERNAL_SERVER_ERROR)
    ));

    issuer.answer(false);
    let limits = KeyLimits {
        time_limit: Duration::from_millis(50),
        ..NO_PAUSE
    };
    let discover = Postern::discover(&issuer.url(), AUDIENCE).key_limits(limits);
    let error = discover.await.unwrap_err();
    assert!(matches!(cause(&error), FetchError::NoAnswer(_)));

    let url = issuer.url();
    issuer.die().await;
    let error = refused(&url).await;
    assert!(matches!(error, DiscoverError::Metadata(FetchError::NoAnswer(_))));
}

/// Who sends tokens with made-up key ids must not make us flood the issuer.
#[tokio::test]
async fn two_hundred_unknown_keys_cost_one_fetch() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let api = api(&issuer, KeyLimits::default()).await;
    let claims = lasting_claims(&issuer.url());

    let mut calls = JoinSet::new();
    for n in 0..200 {
        let token = signer.token_with_header("kid", format!("bogus-{n}"), &claims);
        let api = api.clone();
        calls.spawn(async move { call(&api, &token).await });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer, Err(Rejection::UnknownKey));
    }
    assert_eq!(issuer.fetches(), 2);

    // Nor does asking again, within the same ten seconds, even if a new key has come.
    let next = Signer::new("k2");
    issuer.rotate_to(&[&signer, &next]);
    assert_eq!(call(&api, &next.token(&claims)).await, Err(Rejection::UnknownKey));
    assert_eq!(issuer.fetches(), 2);
    assert!(call(&api, &signer.token(&claims)).await.is_ok());
}

/// However many come and however long they go on: one fetch for each pause, so six a minute with the pause of ten seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_unknown_keys_cost_one_fetch_for_each_pause() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let pause = Duration::from_millis(100);
    let limits = KeyLimits {
        between_fetches: pause,
        ..KeyLimits::default()
    };
    let api = api(&issuer, limits).await;
    let claims = lasting_claims(&issuer.url());
    // What is not signed by a known key is not verified, so any signature will do.
    let token = signer.token_with_header("kid", "bogus-0", &claims);
    let (_, rest) = token.split_once('.').unwrap();

    #[expect(clippy::disallowed_methods, reason = "the pauses are of real time")]
    let began = std::time::Instant::now();
    let mut calls = JoinSet::new();
    for n in 0..10_000 {
        let header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": format!("bogus-{n}") });
        let token = format!("{}.{rest}", base64(header.to_string().as_bytes()));
        let api = api.clone();
        calls.spawn(async move { call(&api, &token).await });
        if n % 1000 == 999 {
            // The next thousand comes in another pause.
            until(|| began.elapsed() > pause * (n / 1000)).await;
        }
    }
    for answer in calls.join_all().await {
        assert_eq!(answer, Err(Rejection::UnknownKey));
    }
    let pauses = usize::try_from(began.elapsed().as_millis() / pause.as_millis()).unwrap();
    let caused = issuer.fetches() - 1;
    assert!(
        (2..=pauses + 1).contains(&caused),
        "{caused} fetches in {pauses} pauses"
    );
    assert_eq!(KeyLimits::default().between_fetches, Duration::from_secs(10));
}

#[tokio::test]
async fn a_new_key_is_found_by_its_first_tokens() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let issuer = Issuer::start(&[&old]).await;
    let api = api(&issuer, KeyLimits::default()).await;
    issuer.rotate_to(&[&new]);

    let claims = lasting_claims(&issuer.url());
    let token = new.token(&claims);
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (api, token) = (api.clone(), token.clone());
        calls.spawn(async move { call(&api, &token).await });
    }
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(issuer.fetches(), 2);
    // The withdrawn key is gone with the same fetch.
    assert_eq!(call(&api, &old.token(&claims)).await, Err(Rejection::UnknownKey));
}

/// A caller that hangs up while it waits must not spend the one fetch of ten seconds on nothing.
#[tokio::test]
async fn a_caller_that_hangs_up_leaves_the_fetch_running() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let issuer = Issuer::start(&[&old]).await;
    let api = api(&issuer, KeyLimits::default()).await;
    issuer.rotate_to(&[&old, &new]);
    issuer.answer(false);

    let token = new.token(&lasting_claims(&issuer.url()));
    let impatient = tokio::spawn({
        let (api, token) = (api.clone(), token.clone());
        async move { call(&api, &token).await }
    });
    until(|| issuer.fetches() == 2).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());

    issuer.answer(true);
    assert!(call(&api, &token).await.is_ok());
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn due_keys_are_refreshed_without_waiting() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let issuer = Issuer::start(&[&old]).await;
    let api = api(&issuer, ALWAYS_DUE).await;
    issuer.rotate_to_cached(&[&new], "public, Max-Age=600");
    issuer.answer(false);

    // The issuer hangs; nobody waits for it, and only one asks.
    let claims = lasting_claims(&issuer.url());
    for _ in 0..20 {
        assert!(call(&api, &old.token(&claims)).await.is_ok());
    }
    until(|| issuer.fetches() == 2).await;
    assert!(call(&api, &old.token(&claims)).await.is_ok());

    issuer.answer(true);
    assert!(call(&api, &new.token(&claims)).await.is_ok());
    // And now they are fresh, as the issuer said.
    assert!(call(&api, &new.token(&claims)).await.is_ok());
    assert_eq!(issuer.fetches(), 2);
}

/// An API that nobody called all night must not accept in the morning what was withdrawn in the evening.
#[tokio::test]
async fn overdue_keys_are_waited_for_once() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let issuer = Issuer::start(&[&old]).await;
    let api = api(
        &issuer,
        KeyLimits {
            overdue_for: Duration::ZERO,
            ..ALWAYS_DUE
        },
    )
    .await;
    issuer.rotate_to(&[&new]);

    let claims = lasting_claims(&issuer.url());
    assert_eq!(call(&api, &old.token(&claims)).await, Err(Rejection::UnknownKey));
    assert!(call(&api, &new.token(&claims)).await.is_ok());

    // One request learns that the issuer is down; those after it do not wait for it again.
    issuer.fail(StatusCode::BAD_GATEWAY);
    assert!(call(&api, &new.token(&claims)).await.is_ok());
    issuer.answer(false);
    let token = new.token(&claims);
    let next = tokio::time::timeout(Duration::from_secs(2), call(&api, &token));
    assert!(next.await.expect("it waited").is_ok());
}

#[tokio::test]
async fn keys_outlive_their_issuer() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let api = api(&issuer, ALWAYS_DUE).await;
    let claims = lasting_claims(&issuer.url());
    let token = signer.token(&claims);

    issuer.fail(StatusCode::BAD_GATEWAY);
    assert!(call(&api, &token).await.is_ok());
    until(|| issuer.fetches() > 1).await;
    assert!(call(&api, &token).await.is_ok());

    // Nor does an answer that is no key set replace them.
    issuer.flood();
    assert_eq!(
        call(&api, &Signer::new("k2").token(&claims)).await,
        Err(Rejection::UnknownKey)
    );
    assert!(call(&api, &token).await.is_ok());

    issuer.die().await;
    for _ in 0..5 {
        assert!(call(&api, &token).await.is_ok());
        assert_eq!(
            call(&api, &Signer::new("k2").token(&claims)).await,
            Err(Rejection::UnknownKey)
        );
    }
}

#[tokio::test]
async fn keys_do_not_outlive_their_issuer_for_ever() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(&[&signer]).await;
    let limits = KeyLimits {
        stale_for: Duration::ZERO,
        ..NO_PAUSE
    };
    let api = api(&issuer, limits).await;
    let token = signer.token(&lasting_claims(&issuer.url()));

    // Too old from the first moment on, but the issuer answers: asked before each use.
    assert!(call(&api, &token).await.is_ok());
    assert_eq!(issuer.fetches(), 2);
    issuer.die().await;
    assert_eq!(call(&api, &token).await, Err(Rejection::KeysUnavailable));
}

#[tokio::test]
async fn only_trustworthy_issuers_are_asked() {
    for issuer in [
        "",
        "id.example.com",
        "http://192.0.2.1",
        "ftp://127.0.0.1",
        "https://a.example/?q=1",
    ] {
        assert!(matches!(refused(issuer).await, DiscoverError::Issuer), "{issuer}");
    }
}

#[tokio::test]
async fn malformed_documents() {
    let issuer = Issuer::start(&[]).await;
    issuer.set_metadata(
        "jwks_uri",
        &format!("{}/.well-known/openid-configuration", issuer.url()),
    );
    let error = refused(&issuer.url()).await;
    assert!(matches!(error, DiscoverError::MalformedKeys(_)));

    let no_metadata = Issuer::start_at("/elsewhere", &[]).await;
    let error = refused(&no_metadata.url()).await;
    assert!(matches!(cause(&error), FetchError::Status(StatusCode::NOT_FOUND)));
}
