//! Versions come to their end, and everybody is told before.

use axum::{body::Body, http::Request};
use postern::{
    base::time::{Instant, Lifetime},
    domain::role::Permission,
    web::private::{Life, Version},
};
use serde_json::json;

use super::{HERE, Machine, problem, start};
use crate::harness::{Answer, Postern, request};

/// A version that was deprecated yesterday, and ends in an hour.
fn versions(now: Instant) -> [Version; 2] {
    let life = Life {
        deprecated: Some(now.minus(Lifetime::from_days(1))),
        sunset: Some(now.plus(Lifetime::from_secs(3600))),
        successor: Some("/api/v1"),
    };
    [Version { name: "v0", life }, Version::ALL[0]]
}

async fn ask(postern: &Postern, versions: &[Version], path: &str, token: &str) -> Answer {
    let router = postern
        .app
        .private_router_of(versions)
        .expect("a private listener");
    let asked = Request::get(path).header("authorization", format!("Bearer {token}"));
    let asked = asked.body(Body::empty()).expect("a request");
    request(&router, (HERE, 40_000).into(), asked).await
}

#[tokio::test]
async fn a_version_that_ends_says_so_counts_its_users_and_is_gone() {
    let postern = start().await;
    let now = postern.clock.now();
    let versions = versions(now);
    let admin = Machine::mighty(&postern).await;
    let reader = Machine::with(&postern, [Permission::ReadUsers]).await;
    for token in [&admin.token, &admin.token, &reader.token] {
        let old = ask(&postern, &versions, "/api/v0/users", token).await;
        assert_eq!(old.status, 200);
        assert_eq!(old.header("deprecation"), format!("@{}", now.seconds() - 86_400));
        assert_eq!(old.header("sunset"), "Mon, 21 Sep 2026 15:13:20 GMT");
        assert_eq!(old.header("link"), "</api/v1>; rel=\"successor-version\"");
        let new = ask(&postern, &versions, "/api/v1/users", token).await;
        assert_eq!(
            (
                new.status.as_u16(),
                new.header("deprecation"),
                new.header("sunset")
            ),
            (200, "", "")
        );
    }
    assert_eq!(
        ask(&postern, &versions, "/api/v0/users", "nobody").await.status,
        401
    );
    let document = ask(&postern, &versions, "/api/v0/openapi.json", &admin.token)
        .await
        .json();
    assert_eq!(document["paths"]["/users"]["get"]["deprecated"], true);

    let uses = admin.get("/legacy-uses").await.json();
    let uses: Vec<_> = uses["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|one| (one["route"].clone(), one["uses"].clone()))
        .collect();
    assert_eq!(
        uses,
        [
            (json!("GET /api/v0/users"), json!(2)),
            (json!("GET /api/v0/users"), json!(1))
        ]
    );

    postern.advance("1h");
    let admin = Machine::mighty(&postern).await;
    let gone = ask(&postern, &versions, "/api/v0/users", &admin.token).await;
    assert_eq!(
        (gone.status.as_u16(), problem(&gone).as_str()),
        (410, "version-gone")
    );
    assert_eq!(gone.json()["detail"], "use /api/v1");
    assert!(!gone.header("sunset").is_empty());
    assert_eq!(
        ask(&postern, &versions, "/api/v1/users", &admin.token)
            .await
            .status,
        200
    );
}

#[test]
fn what_is_within_a_version_does_not_outlive_it() {
    let [old, new] = versions(Instant::from_millis(0));
    let own = Life {
        sunset: Some(Instant::from_millis(5)),
        ..Life::UNBOUNDED
    };
    assert_eq!(own.within(old.life).sunset, own.sunset);
    assert_eq!(Life::UNBOUNDED.within(old.life), old.life);
    assert_eq!(own.within(new.life), own);
    assert!(own.is_gone(Instant::from_millis(5)) && !own.is_gone(Instant::from_millis(4)));
}
