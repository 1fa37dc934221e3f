//! DPoP (RFC 9449 section 7) at the server's own protected resource.

use axum::{
    body::Body,
    http::{Request, header},
};
use postern_resource_server::PROOF_ALGORITHMS;

use super::{FORM, raw_post, signed_in};
use crate::harness::{ALICE, Answer, Phone, Postern, ProofKey, Tokens};

async fn bound(postern: &Postern) -> (Phone<'_>, Tokens) {
    let phone = Phone::with_key(postern, "notes");
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    (phone, tokens)
}

/// What is wrong, in the challenge of the scheme DPoP.
#[track_caller]
fn challenged(answer: &Answer, error: &str) {
    assert_eq!(answer.status, 401, "{answer:?}");
    let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
    let challenges: Vec<&str> = challenges.map(|value| value.to_str().expect("ASCII")).collect();
    let dpop: Vec<_> = challenges
        .iter()
        .filter(|challenge| challenge.starts_with("DPoP "))
        .collect();
    assert_eq!(dpop.len(), 1, "{challenges:?}");
    assert!(dpop[0].contains(&format!(r#"error="{error}""#)), "{challenges:?}");
    let algorithms = PROOF_ALGORITHMS.join(" ");
    assert!(
        dpop[0].contains(&format!(r#"algs="{algorithms}""#)),
        "{challenges:?}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

fn nonces(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("dpop-nonce").iter();
    all.map(|nonce| nonce.to_str().expect("ASCII").to_owned())
        .collect()
}

#[tokio::test]
async fn the_schemes_name_has_no_case() {
    let postern = Postern::start().await;
    let (phone, tokens) = bound(&postern).await;
    for scheme in ["DPoP", "dpop", "DPOP"] {
        let proof = phone.draft("GET", "/userinfo").for_token(&tokens.access).sign();
        let answer = phone
            .userinfo_with(&format!("{scheme} {}", tokens.access), &[&proof])
            .await;
        assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
        assert_eq!(answer.json()["email"], ALICE);
        assert_eq!(nonces(&answer).len(), 1);
    }
    let proof = phone.draft("POST", "/userinfo").for_token(&tokens.access).sign();
    let request = Request::post("/userinfo")
        .header("authorization", format!("DPoP {}", tokens.access))
        .header("dpop", proof);
    let answer = postern
        .send(request.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token() {
    let postern = Postern::start().await;
    let (phone, tokens) = bound(&postern).await;
    let token = &tokens.access;
    let proof = phone.draft("GET", "/userinfo").for_token(token).sign();
    for scheme in ["Bearer", "bEARER"] {
        for proofs in [&[][..], &[proof.as_str()]] {
            let answer = phone.userinfo_with(&format!("{scheme} {token}"), proofs).await;
            challenged(&answer, "invalid_token");
        }
    }
    let answer = postern
        .send(raw_post("/userinfo", FORM, format!("access_token={token}")))
        .await;
    challenged(&answer, "invalid_token");
    challenged(
        &phone.userinfo_with(&format!("DPoP {token}"), &[]).await,
        "invalid_dpop_proof",
    );
    assert_eq!(phone.userinfo(token).await.status, 200);
}

/// RFC 9449 section 7.2: otherwise whoever steals a bearer token dresses it up with a key of their own.
#[tokio::test]
async fn a_bearer_token_is_no_bound_token() {
    let postern = Postern::start().await;
    let (bearer, tokens) = signed_in(&postern, "notes").await;
    let thief = Phone::with_key(&postern, "notes");

    challenged(&thief.userinfo(&tokens.access).await, "invalid_token");
    assert_eq!(bearer.userinfo(&tokens.access).await.status, 200);
}

#[tokio::test]
async fn a_stolen_token_with_another_key_is_worth_nothing() {
    let postern = Postern::start().await;
    let (_, tokens) = bound(&postern).await;
    let (thief, own) = bound(&postern).await;

    challenged(&thief.userinfo(&tokens.access).await, "invalid_token");
    assert_eq!(thief.userinfo(&own.access).await.status, 200);
}

#[tokio::test]
async fn a_proof_is_for_one_token_one_method_one_url_and_one_use() {
    let postern = Postern::start().await;
    let (phone, tokens) = bound(&postern).await;
    let newer = Tokens::of(&phone.refresh(&tokens.refresh).await);
    let token = &tokens.access;
    let draft = || phone.draft("GET", "/userinfo").for_token(token);
    let other = ProofKey::new();
    for (what, proof) in [
        (
            "another token's",
            phone.draft("GET", "/userinfo").for_token(&newer.access).sign(),
        ),
        ("no token's", phone.draft("GET", "/userinfo").sign()),
        ("the token itself", draft().claim("ath", token.as_str()).sign()),
        (
            "another method's",
            phone.draft("POST", "/userinfo").for_token(token).sign(),
        ),
        (
            "the token endpoint's",
            phone.draft("GET", "/token").for_token(token).sign(),
        ),
        (
            "another server's",
            draft().claim("htu", "https://evil.example/userinfo").sign(),
        ),
        ("another type", draft().header("typ", "JWT").sign()),
        (
            "unsigned",
            format!("{}.", draft().header("alg", "none").unsigned()),
        ),
        (
            "with another key in it",
            draft().header("jwk", other.jwk()).sign(),
        ),
        ("huge", draft().claim("x", "x".repeat(4096)).sign()),
        ("the access token", token.clone()),
    ] {
        let answer = phone.userinfo_with(&format!("DPoP {token}"), &[&proof]).await;
        assert_eq!(nonces(&answer).len(), 1, "{what}");
        challenged(&answer, "invalid_dpop_proof");
    }
    let proofs = [(); 2].map(|()| draft().sign());
    let both: Vec<&str> = proofs.iter().map(String::as_str).collect();
    challenged(
        &phone.userinfo_with(&format!("DPoP {token}"), &both).await,
        "invalid_dpop_proof",
    );

    let with = async |proof: &str| phone.userinfo_with(&format!("DPoP {token}"), &[proof]).await;
    assert_eq!(with(&proofs[0]).await.status, 200);
    challenged(&with(&proofs[0]).await, "invalid_dpop_proof");
    assert_eq!(with(&proofs[1]).await.status, 200);
}

#[tokio::test]
async fn a_wrong_clock_is_told_of_a_nonce() {
    let postern = Postern::start().await;
    let (phone, tokens) = bound(&postern).await;
    let token = &tokens.access;
    let now = postern.clock.now().seconds();
    let draft = |off: i64| {
        phone
            .draft("GET", "/userinfo")
            .for_token(token)
            .claim("iat", now + off)
    };
    let with = async |proof: String| phone.userinfo_with(&format!("DPoP {token}"), &[&proof]).await;
    for off in [-10, 10] {
        assert_eq!(with(draft(off).sign()).await.status, 200);
    }
    for off in [-3600, -11, 11, 3600] {
        let answer = with(draft(off).sign()).await;
        challenged(&answer, "use_dpop_nonce");
        let given = nonces(&answer);
        assert_eq!(given.len(), 1);

        let answer = with(draft(off).claim("nonce", given[0].as_str()).sign()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(nonces(&answer).len(), 1);
    }
}

/// Who asks for nothing is told of both schemes (RFC 9449 section 7.2).
#[tokio::test]
async fn a_request_without_a_token_is_told_of_both_schemes() {
    let postern = Postern::start().await;
    let answer = postern.get("/userinfo").await;
    let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
    let challenges: Vec<&str> = challenges.map(|value| value.to_str().expect("ASCII")).collect();
    assert_eq!(answer.status, 401);
    assert_eq!(challenges.len(), 2);
    assert!(challenges[0].starts_with("Bearer ") && challenges[1].starts_with("DPoP "));
    assert!(
        challenges.iter().all(|challenge| !challenge.contains("error")),
        "{challenges:?}"
    );
}
