//! DPoP (RFC 9449) at the token endpoint: what a proof must be, when it must have been made, and what it binds.

use aws_lc_rs::hmac;
use postern::{
    domain::{
        client::{ClientSettings, DpopPolicy},
        key::Ring,
        oauth_error::ErrorCode,
    },
    flows::{dpop, keys::rotate::rotate, token::TokenError},
};
use postern_resource_server::PresentedProof;
use serde_json::json;

use super::{number, refused, row, signed_in};
use crate::harness::{
    ALICE, Answer, Phone, Postern, ProofKey, Tokens,
    proof::{Draft, base64},
};

/// A code of an app that has a key and has not used it yet.
async fn code(postern: &Postern) -> (Phone<'_>, String) {
    let phone = Phone::with_key(postern, "notes");
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    (phone, code)
}

/// A bound session of Alice.
async fn bound(postern: &Postern) -> (Phone<'_>, Tokens) {
    let (phone, code) = code(postern).await;
    let tokens = Tokens::of(&phone.redeem(&code).await);
    (phone, tokens)
}

/// The one nonce of an answer.
#[track_caller]
fn nonce(answer: &Answer) -> String {
    let all: Vec<_> = answer.headers.get_all("dpop-nonce").iter().collect();
    assert_eq!(all.len(), 1, "{answer:?}");
    let nonce = all[0].to_str().expect("ASCII");
    // RFC 9449 section 8.1
    assert!(!nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic()));
    nonce.to_owned()
}

/// Sends a refresh with one proof.
async fn refresh_by(phone: &Phone<'_>, token: &str, proof: &str) -> Answer {
    phone
        .post_with_proofs("/token", &phone.refreshing(token), &[proof])
        .await
}

#[tokio::test]
async fn an_app_with_a_key_gets_tokens_that_only_it_can_use() {
    let postern = Postern::start().await;
    let (phone, code) = code(&postern).await;
    let jkt = phone.key.as_ref().expect("a key").jkt();

    let answer = phone.redeem(&code).await;

    nonce(&answer);
    let first = Tokens::of(&answer);
    assert_eq!(first.answer["token_type"], "DPoP");
    assert_eq!(first.claims()["cnf"], json!({ "jkt": jkt }));
    assert!(row(&postern, &first).await.jkt.is_some());
    let info = phone.userinfo(&first.access).await;
    assert_eq!(info.status, 200, "{info:?}");
    nonce(&info);

    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    assert_eq!(second.answer["token_type"], "DPoP");
    assert_eq!(second.claims()["cnf"], json!({ "jkt": jkt }));
    // Its answer was lost: the same successor, however late.
    postern.advance("2h");
    let again = Tokens::of(&phone.refresh(&first.refresh).await);
    assert_eq!(again.refresh, second.refresh);
}

#[tokio::test]
async fn an_app_without_a_key_gets_bearer_tokens_and_no_nonce() {
    let postern = Postern::start().await;
    let (phone, first) = signed_in(&postern, "notes").await;

    assert_eq!(first.answer["token_type"], "Bearer");
    assert_eq!(first.claims().get("cnf"), None);
    for answer in [
        phone.refresh(&first.refresh).await,
        phone.userinfo(&first.access).await,
    ] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("dpop-nonce"), "");
    }
}

/// The proofs of an attacker, or of a broken client, for one request to the token endpoint.
fn wrong_proofs(phone: &Phone<'_>, tokens: &Tokens) -> Vec<(&'static str, String)> {
    let other = ProofKey::new();
    let draft = || phone.draft("POST", "/token");
    let without = |name: &str| {
        let mut draft = draft();
        draft.claims.as_object_mut().expect("an object").remove(name);
        draft.sign()
    };
    let without_header = |name: &str| {
        let mut draft = draft();
        draft.header.as_object_mut().expect("an object").remove(name);
        draft.sign()
    };
    let mut private = phone.key.as_ref().expect("a key").jwk();
    private["d"] = "AAAA".into();
    let good = draft().sign();
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let resigned = draft().header("jwk", other.jwk()).sign();
    let id_token = tokens.answer["id_token"]
        .as_str()
        .expect("an ID token")
        .to_owned();
    vec![
        ("another typ", draft().header("typ", "JWT").sign()),
        ("an access token's typ", draft().header("typ", "at+jwt").sign()),
        ("no typ", without_header("typ")),
        ("an ID token", id_token),
        ("the access token", tokens.access.clone()),
        ("the refresh token", tokens.refresh.clone()),
        (
            "alg none",
            format!("{}.", draft().header("alg", "none").unsigned()),
        ),
        ("alg none, signed", draft().header("alg", "none").sign()),
        ("alg RS256", draft().header("alg", "RS256").sign()),
        ("alg PS256 with an EC key", draft().header("alg", "PS256").sign()),
        (
            "the public key as HMAC secret",
            by_public_key(&draft().header("alg", "HS256")),
        ),
        (
            "a symmetric key",
            draft().header("jwk", json!({ "kty": "oct", "k": "AAAA" })).sign(),
        ),
        ("no jwk", without_header("jwk")),
        ("a private jwk", draft().header("jwk", private).sign()),
        (
            "a critical extension",
            draft().header("crit", json!(["exp"])).sign(),
        ),
        ("the key of another", resigned),
        ("no signature", format!("{signed}.")),
        ("a signature of zeros", format!("{signed}.{}", base64(&[0; 64]))),
        ("another signature", format!("{}.{signature}", draft().unsigned())),
        ("no jti", without("jti")),
        ("an empty jti", draft().claim("jti", "").sign()),
        ("a long jti", draft().claim("jti", "x".repeat(257)).sign()),
        ("no htm", without("htm")),
        ("another method", draft().claim("htm", "GET").sign()),
        ("the method in lower case", draft().claim("htm", "post").sign()),
        ("no htu", without("htu")),
        (
            "another endpoint",
            draft().claim("htu", "http://localhost:8080/userinfo").sign(),
        ),
        (
            "another server",
            draft().claim("htu", "http://localhost:8081/token").sign(),
        ),
        ("no iat", without("iat")),
        ("iat as text", draft().claim("iat", "1790000000").sign()),
        ("a huge proof", draft().claim("x", "x".repeat(4096)).sign()),
        ("nothing", String::new()),
        ("no JWT", "a.b.c".to_owned()),
        ("a list", format!("{good}, {good}")),
    ]
}

/// RFC 8725 section 2.1: what is public must never be taken for a secret.
fn by_public_key(draft: &Draft<'_>) -> String {
    let (unsigned, jwk) = (draft.unsigned(), draft.header["jwk"].to_string());
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, jwk.as_bytes()),
        unsigned.as_bytes(),
    );
    format!("{unsigned}.{}", base64(tag.as_ref()))
}

#[tokio::test]
async fn every_wrong_proof_is_refused_and_nothing_is_spent() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let (other, code) = code(&postern).await;
    let before = row(&postern, &first).await;
    for (what, proof) in wrong_proofs(&phone, &first) {
        let answer = refresh_by(&phone, &first.refresh, &proof).await;
        assert_eq!(answer.error(), "invalid_dpop_proof", "{what}: {answer:?}");
        refused(&answer, 400, "invalid_dpop_proof");
        nonce(&answer);
        let answer = other
            .post_with_proofs("/token", &other.redemption(&code), &[&proof])
            .await;
        refused(&answer, 400, "invalid_dpop_proof");
    }
    assert_eq!(row(&postern, &first).await, before);

    Tokens::of(&phone.refresh(&first.refresh).await);
    Tokens::of(&other.redeem(&code).await);
    assert_eq!(postern.count_events("session.ended").await, 0);
}

#[tokio::test]
async fn one_header_only() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let proofs = [(); 2].map(|()| phone.draft("POST", "/token").sign());

    let pairs = phone.refreshing(&first.refresh);
    let answer = phone
        .post_with_proofs("/token", &pairs, &[&proofs[0], &proofs[1]])
        .await;

    refused(&answer, 400, "invalid_dpop_proof");
    // Neither was used.
    for proof in &proofs {
        assert_eq!(refresh_by(&phone, &first.refresh, proof).await.status, 200);
    }
}

#[tokio::test]
async fn what_does_not_matter_is_tolerated() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let now = postern.clock.now().seconds();
    let draft = || phone.draft("POST", "/token");
    for proof in [
        draft().claim("nbf", now + 3600).claim("exp", now - 3600),
        draft()
            .claim("ath", "unasked")
            .claim("anything", json!({ "a": [1] })),
        draft().header("kid", "k1").header("x5c", json!(["MIIB"])),
        draft().header("typ", "application/DPoP+jwt"),
        draft().claim("htu", "HTTP://LOCALHOST:8080/token?a=b#c"),
        draft().claim("htu", "http://localhost:8080/%74oken"),
    ] {
        let answer = refresh_by(&phone, &first.refresh, &proof.sign()).await;
        assert_eq!(answer.status, 200, "{} {answer:?}", proof.claims);
    }
}

#[tokio::test]
async fn a_proof_is_used_once() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let proof = phone.draft("POST", "/token").sign();
    assert_eq!(refresh_by(&phone, &first.refresh, &proof).await.status, 200);

    refused(
        &refresh_by(&phone, &first.refresh, &proof).await,
        400,
        "invalid_dpop_proof",
    );
    let same_jti = {
        let draft = phone.draft("POST", "/token");
        let used: serde_json::Value = claims_of(&proof);
        draft.claim("jti", used["jti"].clone()).sign()
    };
    refused(
        &refresh_by(&phone, &first.refresh, &same_jti).await,
        400,
        "invalid_dpop_proof",
    );

    // With a nonce it could be used for five minutes, and is remembered for as long.
    let with_nonce =
        |phone: &Phone<'_>, nonce: &str| phone.draft("POST", "/token").claim("nonce", nonce).sign();
    let proof = with_nonce(&phone, &nonce(&phone.refresh(&first.refresh).await));
    assert_eq!(refresh_by(&phone, &first.refresh, &proof).await.status, 200);
    for _ in 0..4 {
        postern.advance("74s");
        postern.poll().await;
        refused(
            &refresh_by(&phone, &first.refresh, &proof).await,
            400,
            "invalid_dpop_proof",
        );
    }
    // Somebody else's ids are their own.
    let (other, second) = bound(&postern).await;
    let used = claims_of(&proof)["jti"].clone();
    let proof = other.draft("POST", "/token").claim("jti", used).sign();
    assert_eq!(refresh_by(&other, &second.refresh, &proof).await.status, 200);
}

fn claims_of(jwt: &str) -> serde_json::Value {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let claims = jwt.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).expect("base64url")).expect("JSON")
}

#[tokio::test]
async fn ten_seconds_of_a_wrong_clock_need_no_nonce_and_more_are_told_of_one() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let now = postern.clock.now().seconds();
    let made = |off: i64| phone.draft("POST", "/token").claim("iat", now + off);
    for off in [-10, 0, 10] {
        let answer = refresh_by(&phone, &first.refresh, &made(off).sign()).await;
        assert_eq!(answer.status, 200, "{off}: {answer:?}");
    }
    for off in [-11, 11, -3600, 3600, -now, 1_000_000_000] {
        let answer = refresh_by(&phone, &first.refresh, &made(off).sign()).await;
        refused(&answer, 400, "use_dpop_nonce");

        let proof = made(off).claim("nonce", nonce(&answer)).sign();
        let answer = refresh_by(&phone, &first.refresh, &proof).await;
        assert_eq!(answer.status, 200, "{off}: {answer:?}");
        // The next one, from a 2xx (RFC 9449 section 8.2).
        let proof = made(off).claim("nonce", nonce(&answer)).sign();
        assert_eq!(
            refresh_by(&phone, &first.refresh, &proof).await.status,
            200,
            "{off}"
        );
    }
}

#[tokio::test]
async fn a_nonce_is_ours_and_young_or_none() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let good = nonce(&phone.refresh(&first.refresh).await);
    let foreign = {
        let elsewhere = Postern::start_with(|config| {
            config.server.public_url = "http://localhost:8081".parse().expect("a URL");
        })
        .await;
        dpop::nonce(elsewhere.provider())
    };
    let mut changed = good.clone();
    changed.replace_range(40..41, if &good[40..41] == "A" { "B" } else { "A" });
    let late = || phone.draft("POST", "/token").claim("iat", 1);
    let csrf = {
        let page = postern.browser().open(&phone.authorize_url(&[])).await.page();
        page.form("/sign-in").field("request").to_owned()
    };
    for bad in [
        foreign.as_str(),
        &changed,
        &good[1..],
        &csrf,
        "",
        "x",
        &"A".repeat(60),
        &"A".repeat(2000),
        "\u{1F600}",
    ] {
        let answer = refresh_by(&phone, &first.refresh, &late().claim("nonce", bad).sign()).await;
        refused(&answer, 400, "use_dpop_nonce");
    }
    let by = |nonce: &str| late().claim("nonce", nonce).sign();
    postern.advance("299999ms");
    assert_eq!(refresh_by(&phone, &first.refresh, &by(&good)).await.status, 200);
    postern.advance("1ms");
    refused(
        &refresh_by(&phone, &first.refresh, &by(&good)).await,
        400,
        "use_dpop_nonce",
    );
    // Who slept with an old nonce and has a right clock is not sent around.
    let proof = phone.draft("POST", "/token").claim("nonce", good).sign();
    assert_eq!(refresh_by(&phone, &first.refresh, &proof).await.status, 200);
}

/// A good nonce makes a proof good whatever its clock says. Kept, it must not be good again when that time has come.
#[tokio::test]
async fn a_proof_of_a_fast_clock_is_not_good_again_when_its_time_has_come() {
    for fast in [340, 1200, 3500, 3700, 90_000] {
        let postern = Postern::start().await;
        let (phone, first) = bound(&postern).await;
        let good = nonce(&phone.refresh(&first.refresh).await);
        let iat = postern.clock.now().seconds() + fast;
        let proof = phone.draft("POST", "/token").claim("iat", iat);
        let proof = proof.claim("nonce", good).sign();
        assert_eq!(refresh_by(&phone, &first.refresh, &proof).await.status, 200);
        for wait in [fast - 5, 5, 5] {
            postern.advance(&format!("{wait}s"));
            dpop::forget(postern.provider(), postern.clock.now());
            let answer = refresh_by(&phone, &first.refresh, &proof).await;
            assert_eq!(answer.status, 400, "{fast}: {answer:?}");
        }
    }
}

/// Nobody can tell when a proof was made whose nonce is very old, or not ours.
#[tokio::test]
async fn beside_a_nonce_that_says_nothing_a_clock_is_not_believed() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let good = nonce(&phone.refresh(&first.refresh).await);
    let by = |nonce: &str| phone.draft("POST", "/token").claim("nonce", nonce).sign();
    for (wait, nonce) in [("0s", "of-another-server"), ("3600s", &good)] {
        postern.advance(wait);
        let answer = refresh_by(&phone, &first.refresh, &by(nonce)).await;
        refused(&answer, 400, "use_dpop_nonce");
    }
}

#[tokio::test]
async fn a_nonce_of_one_node_is_good_at_every_other_also_with_a_newer_key() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let beside = postern.beside().await;
    let by = |nonce: &str| {
        phone
            .draft("POST", "/token")
            .claim("iat", 1)
            .claim("nonce", nonce)
            .sign()
    };

    let there = phone.at(&beside);
    let theirs = nonce(&there.refresh(&first.refresh).await);
    assert_eq!(refresh_by(&phone, &first.refresh, &by(&theirs)).await.status, 200);

    // The other node seals with a key that this one has not seen.
    for _ in 0..2 {
        postern.advance("31s");
        rotate(
            beside.provider(),
            &[Ring::Seal],
            postern::domain::actor::Actor::Operator,
        )
        .await
        .expect("old enough");
    }
    let newer = nonce(&there.refresh(&first.refresh).await);
    let answer = refresh_by(&phone, &first.refresh, &by(&newer)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn another_key_or_none_refreshes_nothing_and_the_session_lives() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let (thief, none) = (Phone::with_key(&postern, "notes"), postern.phone());
    let before = row(&postern, &first).await;

    refused(&thief.refresh(&first.refresh).await, 400, "invalid_grant");
    refused(&none.refresh(&first.refresh).await, 400, "invalid_grant");

    assert_eq!(row(&postern, &first).await, before);
    Tokens::of(&phone.refresh(&first.refresh).await);
}

#[tokio::test]
async fn a_proof_at_a_bearer_session_binds_only_that_access_token() {
    let postern = Postern::start().await;
    let (bearer, first) = signed_in(&postern, "notes").await;
    let phone = Phone::with_key(&postern, "notes");

    let second = Tokens::of(&phone.refresh(&first.refresh).await);

    assert_eq!(second.answer["token_type"], "DPoP");
    assert_eq!(phone.userinfo(&second.access).await.status, 200);
    assert_eq!(bearer.userinfo(&second.access).await.status, 401);
    assert_eq!(
        row(&postern, &first).await.jkt,
        None,
        "a thief cannot bind what he stole"
    );
    let third = Tokens::of(&bearer.refresh(&second.refresh).await);
    assert_eq!(third.answer["token_type"], "Bearer");
    assert_eq!(bearer.userinfo(&third.access).await.status, 200);
}

#[tokio::test]
async fn the_time_of_a_proof_is_its_nonces_and_decides_between_slow_and_stolen() {
    let postern = Postern::start().await;
    for (with_old_nonce, ended) in [(true, false), (false, true)] {
        let (phone, first) = bound(&postern).await;
        let second = Tokens::of(&phone.refresh(&first.refresh).await);
        let answer = phone.refresh(&second.refresh).await;
        let (old, third) = (nonce(&answer), Tokens::of(&answer));
        postern.advance("4m");
        let draft = phone.draft("POST", "/token");
        let proof = if with_old_nonce {
            draft.claim("nonce", old)
        } else {
            draft
        };

        refused(
            &refresh_by(&phone, &first.refresh, &proof.sign()).await,
            400,
            "invalid_grant",
        );

        let state = row(&postern, &third).await.state;
        assert_eq!(
            state == "ended",
            ended,
            "a proof made late means that the key was copied"
        );
    }
    assert_eq!(postern.count_events("refresh.slow_process").await, 1);
}

#[tokio::test]
async fn a_request_may_name_the_key_that_redeems() {
    let postern = Postern::start().await;
    let phone = Phone::with_key(&postern, "notes");
    let jkt = phone.key.as_ref().expect("a key").jkt();
    let mut browser = postern.browser();
    let page = browser
        .open(&phone.authorize_url(&[("dpop_jkt", &jkt)]))
        .await
        .page();
    let page = browser.sign_in(&page, ALICE).await.page();
    let code = phone.code(&browser.press(&page, "allow").await.app());

    let thief = phone.proving(Some(ProofKey::new()));
    let none = phone.proving(None);
    refused(&thief.redeem(&code).await, 400, "invalid_grant");
    refused(&none.redeem(&code).await, 400, "invalid_grant");
    let tokens = Tokens::of(&phone.redeem(&code).await);
    assert_eq!(tokens.claims()["cnf"], json!({ "jkt": jkt }));
    // Who has the code and its verifier, but not the key, ends nothing by trying again.
    refused(&thief.redeem(&code).await, 400, "invalid_grant");
    assert_eq!(row(&postern, &tokens).await.state, "active");
}

/// Started anew, a request names the same key.
#[tokio::test]
async fn a_named_key_is_kept_when_a_request_starts_again() {
    let postern = Postern::start().await;
    let phone = Phone::with_key(&postern, "notes");
    let jkt = phone.key.as_ref().expect("a key").jkt();
    let url = phone.authorize_url(&[("dpop_jkt", &jkt)]);
    let page = postern.browser().open(&url).await.page();
    let request = page.form("/sign-in").field("request").to_owned();
    let mut elsewhere = postern.browser();
    let page = elsewhere
        .open(&format!("/continue?request={request}"))
        .await
        .page();
    assert_eq!(page.form("/authorize").field("dpop_jkt"), jkt);

    let page = elsewhere.submit(&page.form("/authorize")).await.page();
    let page = elsewhere.sign_in(&page, ALICE).await.page();
    let code = phone.code(&elsewhere.press(&page, "allow").await.app());
    refused(&phone.proving(None).redeem(&code).await, 400, "invalid_grant");
    Tokens::of(&phone.redeem(&code).await);
}

#[test]
fn an_app_that_was_registered_before_may_use_it() {
    let row =
        r#"{"kind":"native","redirect_uris":["http://127.0.0.1/callback"],"scope":"openid","consent":"ask"}"#;
    let settings: ClientSettings = serde_json::from_str(row).expect("an old row reads");
    assert_eq!(settings.dpop, DpopPolicy::Allowed);
}

#[tokio::test]
async fn a_key_that_is_none_is_not_ignored() {
    let postern = Postern::start().await;
    let phone = postern.phone();
    let jkt = ProofKey::new().jkt();
    let padded = format!("{jkt}=");
    let twice = format!("{}&dpop_jkt={jkt}", phone.authorize_url(&[("dpop_jkt", &jkt)]));
    let urls =
        [&jkt[1..], &padded, "x", &"A".repeat(44)].map(|bad| phone.authorize_url(&[("dpop_jkt", bad)]));
    for url in urls.into_iter().chain([twice]) {
        let back = postern.browser().open(&url).await.app();
        let query = back.query().unwrap_or_default();
        assert!(query.contains("error=invalid_request"), "{back}");
    }
}

#[tokio::test]
async fn a_client_that_must_prove_gets_nothing_without() {
    let postern = Postern::start().await;
    postern
        .add_client("strict", |settings| settings.dpop = DpopPolicy::Required)
        .await;
    let phone = Phone::with_key(&postern, "strict");
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    let none = phone.proving(None);

    refused(&none.redeem(&code).await, 400, "invalid_dpop_proof");
    let tokens = Tokens::of(&phone.redeem(&code).await);
    refused(&none.refresh(&tokens.refresh).await, 400, "invalid_dpop_proof");
    Tokens::of(&phone.refresh(&tokens.refresh).await);
}

/// RFC 9449 section 5: an app that sent a proof throws bearer tokens away, so they are not given to it.
#[tokio::test]
async fn a_client_without_dpop_is_told_before_its_code_is_spent() {
    let postern = Postern::start().await;
    postern
        .add_client("plain", |settings| settings.dpop = DpopPolicy::Off)
        .await;
    let phone = Phone::with_key(&postern, "plain");
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;

    refused(&phone.redeem(&code).await, 400, "invalid_request");
    let answer = phone
        .post_with_proofs("/token", &phone.redemption(&code), &["x", "y"])
        .await;
    refused(&answer, 400, "invalid_request");
    let jkt = ProofKey::new().jkt();
    let back = postern
        .browser()
        .open(&phone.authorize_url(&[("dpop_jkt", &jkt)]))
        .await
        .app();
    assert!(
        back.query()
            .is_some_and(|query| query.contains("error=invalid_request")),
        "{back}"
    );

    let none = phone.proving(None);
    assert_eq!(
        Tokens::of(&none.redeem(&code).await).answer["token_type"],
        "Bearer"
    );
}

/// RFC 9449 section 10.1, for the endpoint that takes pushed requests.
#[tokio::test]
async fn a_pushed_request_names_its_key_by_proof_by_thumbprint_or_by_both() {
    let postern = Postern::start().await;
    let phone = Phone::with_key(&postern, "notes");
    let client = postern.provider().clients.find("notes").expect("a known client");
    let (own, other) = (
        phone.key.as_ref().expect("a key").thumbprint(),
        ProofKey::new().thumbprint(),
    );
    let push = async |path: &str, with_proof: bool, named| {
        let proof = phone.draft("POST", path).sign();
        let sent = with_proof.then_some(PresentedProof::from_bytes(proof.as_bytes()));
        dpop::at_par(postern.provider(), &client, sent.transpose(), named).await
    };

    assert_eq!(push("/par", true, None).await.expect("right"), Some(own));
    assert_eq!(push("/par", true, Some(own)).await.expect("right"), Some(own));
    assert_eq!(
        push("/par", false, Some(other)).await.expect("right"),
        Some(other)
    );
    assert_eq!(push("/par", false, None).await.expect("right"), None);
    for (path, named) in [("/par", Some(other)), ("/token", None)] {
        let refusal = push(path, true, named).await.expect_err("a refusal");
        assert!(
            matches!(&refusal, TokenError::Refused(error) if error.code == ErrorCode::InvalidDpopProof),
            "{refusal:?}"
        );
    }
}

/// RFC 7009: who gives a token back need not prove that it is theirs to use.
#[tokio::test]
async fn a_bound_access_token_is_revoked_singly_and_without_a_proof() {
    let postern = Postern::start().await;
    let (phone, first) = bound(&postern).await;
    let second = Tokens::of(&phone.refresh(&first.refresh).await);
    assert_eq!(phone.userinfo(&first.access).await.status, 200);

    assert_eq!(phone.revoke(&first.access).await.status, 200);

    assert_eq!(phone.userinfo(&first.access).await.status, 401);
    assert_eq!(phone.userinfo(&second.access).await.status, 200);
    assert_eq!(
        number(&postern, "SELECT COUNT(*) FROM revocations WHERE kind = 'token'").await,
        1
    );
    assert_eq!(row(&postern, &first).await.state, "active");
    assert_eq!(phone.revoke(&second.refresh).await.status, 200);
    assert_eq!(row(&postern, &first).await.state, "ended");
}
