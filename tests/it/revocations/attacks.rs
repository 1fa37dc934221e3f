//! Those who may not follow the stream, and those who say what is not so.

use axum::{body::Body, http::Request};
use postern::{
    domain::client::{ClientKind, ClientSettings},
    flows::clients::{self, ClientError},
};

use super::{by_a_manual_clock, by_the_real_clock, signed_in, something_ends};
use crate::harness::{ALICE, Answer, Follower, Postern, ProofKey};

const STREAM: &str = "/revocations?instance=one&down=refuse&down_after=30";
const ENDPOINTS: [(&str, &str); 3] = [
    ("GET", STREAM),
    ("POST", "/revocations/acknowledge"),
    ("DELETE", "/revocations/instances/one"),
];

async fn ask(postern: &Postern, endpoint: (&str, &str), authorization: &str) -> Answer {
    ask_with(postern, endpoint, authorization, &[]).await
}

/// The same with DPoP proofs.
async fn ask_with(
    postern: &Postern,
    (method, path): (&str, &str),
    authorization: &str,
    proofs: &[&str],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !authorization.is_empty() {
        request = request.header("authorization", authorization);
    }
    for proof in proofs {
        request = request.header("dpop", *proof);
    }
    postern
        .send(request.body(Body::empty()).expect("a request"))
        .await
}

#[tokio::test]
async fn who_may_not_follow_is_told_why_at_every_endpoint() {
    let postern = by_the_real_clock().await;
    postern.poll().await;
    let follower = Follower::new(&postern, "api").await;
    let (_, tokens) = signed_in(&postern).await;
    let without_scope = follower.new_token(&[("scope", "read")]).await;
    postern
        .set_client("api", |settings| {
            settings.resource = Some("https://api.example/".parse().expect("valid"));
        })
        .await;
    let of_an_api = follower.new_token(&[]).await;
    for endpoint in ENDPOINTS {
        for (authorization, status, challenge) in [
            (String::new(), 401, r#"Bearer realm="api""#),
            ("Bearer nonsense".to_owned(), 401, "invalid_token"),
            (format!("Basic {}", follower.secret), 401, r#"Bearer realm="api""#),
            (format!("Bearer {}", tokens.access), 403, r#"scope="revocations""#),
            (format!("Bearer {without_scope}"), 403, r#"scope="revocations""#),
            (format!("Bearer {of_an_api}"), 401, "another audience"),
            (format!("DPoP {}", follower.token), 401, "DPoP"),
        ] {
            let answer = ask(&postern, endpoint, &authorization).await;
            assert_eq!(answer.status, status, "{endpoint:?} {challenge}: {answer:?}");
            let challenges = answer.headers.get_all("www-authenticate").iter();
            let challenges: Vec<_> = challenges.map(|one| one.to_str().expect("text")).collect();
            assert!(
                challenges.iter().any(|one| one.contains(challenge)),
                "{challenges:?}"
            );
        }
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM instances").await, 0);
    assert_eq!(postern.provider().streams.count(), 0);

    // The same client asks for a token for the server itself.
    let own = follower.new_token(&[("resource", postern.issuer())]).await;
    let answer = ask(&postern, ENDPOINTS[2], &format!("Bearer {own}")).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_nothing_without_a_proof_of_that_key() {
    let postern = by_the_real_clock().await;
    postern.poll().await;
    let bound = Follower::new(&postern, "api").await.bound().await;
    let bearer = Follower::new(&postern, "bearer").await;
    let (own, foreign) = (bound.key.clone().expect("its key"), ProofKey::new());
    let token = Some(bound.token.as_str());
    let dpop = format!("DPoP {}", bound.token);
    for endpoint @ (method, path) in ENDPOINTS {
        let right = || bound.proof(&own, method, path, token);
        let other_method = if method == "GET" { "POST" } else { "GET" };
        for (what, authorization, proofs) in [
            ("as a bearer token", format!("Bearer {}", bound.token), vec![]),
            (
                "as a bearer token with a proof",
                format!("Bearer {}", bound.token),
                vec![right()],
            ),
            ("no proof", dpop.clone(), vec![]),
            (
                "another key",
                dpop.clone(),
                vec![bound.proof(&foreign, method, path, token)],
            ),
            ("two proofs", dpop.clone(), vec![right(), right()]),
            (
                "another method",
                dpop.clone(),
                vec![bound.proof(&own, other_method, path, token)],
            ),
            (
                "another path",
                dpop.clone(),
                vec![bound.proof(&own, method, "/userinfo", token)],
            ),
            (
                "no token named",
                dpop.clone(),
                vec![bound.proof(&own, method, path, None)],
            ),
            (
                "another token named",
                dpop.clone(),
                vec![bound.proof(&own, method, path, Some(&bearer.token))],
            ),
            (
                "a token that is not bound",
                format!("DPoP {}", bearer.token),
                vec![bound.proof(&own, method, path, Some(&bearer.token))],
            ),
        ] {
            let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
            let answer = ask_with(&postern, endpoint, &authorization, &proofs).await;
            assert!(
                [400, 401].contains(&answer.status.as_u16()),
                "{endpoint:?} {what}: {answer:?}"
            );
            let challenges = answer.headers.get_all("www-authenticate").iter();
            assert!(challenges.count() > 0, "{endpoint:?} {what}: {answer:?}");
        }
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM instances").await, 0);
    assert_eq!(postern.provider().streams.count(), 0);

    // With the right one it does all that others do, and each proof is good once.
    let mut stream = bound.follow().await;
    let (_, complete) = stream.beginning().await;
    assert_eq!(bound.acknowledge(complete.polled_at()).await.status, 204);
    something_ends(&postern);
    assert!(stream.next().await.is_some());
    let proof = bound.proof(&own, "DELETE", ENDPOINTS[2].1, token);
    assert_eq!(
        ask_with(&postern, ENDPOINTS[2], &dpop, &[&proof]).await.status,
        204
    );
    assert_eq!(
        ask_with(&postern, ENDPOINTS[2], &dpop, &[&proof]).await.status,
        401
    );
}

#[tokio::test]
async fn a_persons_token_is_refused_even_where_it_has_the_scope() {
    let postern = by_the_real_clock().await;
    postern.poll().await;
    postern
        .set_client("notes", |settings| {
            settings.scope = "openid offline_access revocations".parse().expect("scopes");
        })
        .await;
    let mut phone = postern.phone();
    phone.scope = "openid offline_access revocations";
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    assert!(
        tokens.claims()["scope"]
            .as_str()
            .expect("text")
            .contains("revocations")
    );
    let answer = ask(&postern, ENDPOINTS[0], &format!("Bearer {}", tokens.access)).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn only_a_service_may_be_registered_with_the_scope() {
    let postern = by_the_real_clock().await;
    for kind in [ClientKind::Native, ClientKind::Web] {
        let mut settings = ClientSettings::new(kind);
        settings.redirect_uris = vec!["http://127.0.0.1/callback".parse().expect("valid")];
        settings.scope = "openid revocations".parse().expect("scopes");
        let (id, name) = ("spy".parse().expect("an id"), "Spy".parse().expect("a name"));
        let refused = clients::add(postern.provider(), id, name, settings).await;
        assert!(
            matches!(&refused, Err(ClientError::Contradictions(all)) if all[0].setting == "scope"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn nobody_speaks_for_a_copy_of_another_client() {
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let other = Follower::new(&postern, "other").await;
    let mut stream = follower.follow().await;
    let (_, complete) = stream.beginning().await;

    assert_eq!(other.acknowledge(complete.polled_at()).await.status, 404);
    assert_eq!(
        other.leave().await.status,
        204,
        "it has none of its own to remove"
    );
    let mut others = other.followed().await;
    assert_eq!(other.acknowledge(complete.polled_at()).await.status, 204);

    let rows = "SELECT client_id || CASE WHEN acknowledged_at IS NULL THEN '' ELSE ' has' END FROM instances ORDER BY 1";
    assert_eq!(postern.texts(rows).await, ["api", "other has"]);
    assert_eq!(follower.acknowledge(complete.polled_at()).await.status, 204);
    assert_eq!(postern.texts(rows).await, ["api has", "other has"]);
    assert_eq!(other.leave().await.status, 204);
    assert_eq!(postern.texts(rows).await, ["api has"]);
    something_ends(&postern);
    assert!(stream.next().await.is_some() && others.next().await.is_some());
}

#[tokio::test]
async fn what_has_not_happened_cannot_be_acknowledged() {
    let postern = by_a_manual_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let mut stream = follower.follow().await;
    let (_, complete) = stream.beginning().await;
    let now = complete.polled_at();
    let answer = follower.acknowledge(now + 60_000).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(follower.acknowledge(i64::MAX).await.status, 400);
    assert_eq!(follower.acknowledge(now).await.status, 204);
    // An old one, that comes late, takes nothing back.
    assert_eq!(follower.acknowledge(now - 5000).await.status, 204);
    let acknowledged = "SELECT acknowledged_at FROM instances";
    assert_eq!(postern.number(acknowledged).await, now);
}

#[tokio::test]
async fn a_query_that_is_not_right_is_refused_and_nothing_is_written() {
    let postern = by_the_real_clock().await;
    postern.poll().await;
    let follower = Follower::new(&postern, "api").await;
    let authorization = format!("Bearer {}", follower.token);
    let long = "x".repeat(65);
    for query in [
        "",
        "instance=one",
        "instance=one&down=refuse",
        "instance=one&down=perhaps&down_after=30",
        "instance=one&down=refuse&down_after=5",
        "instance=one&down=refuse&down_after=3601",
        "instance=one&down=refuse&down_after=-30",
        "instance=one&down=refuse&down_after=30s",
        "instance=a%20b&down=refuse&down_after=30",
        "instance=one&instance=two&down=refuse&down_after=30",
        &format!("instance={long}&down=refuse&down_after=30"),
    ] {
        let answer = ask(
            &postern,
            ("GET", &format!("/revocations?{query}")),
            &authorization,
        )
        .await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(postern.number("SELECT COUNT(*) FROM instances").await, 0);
}

#[tokio::test]
async fn a_client_has_a_bounded_number_of_copies_and_of_streams() {
    let postern = by_the_real_clock().await;
    let follower = Follower::new(&postern, "api").await;
    let full = "INSERT INTO instances (client_id, name, down, down_after, opened_at, seen_at)
         SELECT 'api', 'copy' || code.n, 'refuse', 30000, 1, 9000000000000000
         FROM (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000) SELECT n FROM n) AS code";
    postern.tamper(full).await;
    let answer = follower.try_follow().await.err().expect("refused");
    assert_eq!(
        (answer.status.as_u16(), answer.header("retry-after")),
        (429, "2"),
        "{answer:?}"
    );
    assert_eq!(
        follower.copy("copy7").followed().await.ready(),
        None,
        "a copy comes again"
    );
    Follower::new(&postern, "other").await.followed().await;
    postern.tamper("DELETE FROM instances").await;

    let few = postern
        .beside_with(|config| {
            config.limits.revocation_streams.at_node = 3;
            config.limits.revocation_streams.of_client = 2;
        })
        .await;
    let follower = follower.at(&few);
    let first = follower.followed().await;
    let _second = follower.copy("two").followed().await;
    let answer = follower.copy("three").try_follow().await.err().expect("refused");
    assert_eq!(answer.status, 429, "{answer:?}");
    let other = Follower::new(&few, "another").await;
    let _third = other.followed().await;
    let answer = other.copy("two").try_follow().await.err().expect("refused");
    assert_eq!(answer.status, 503, "{answer:?}");
    drop(first);
    follower.copy("three").followed().await;
}
