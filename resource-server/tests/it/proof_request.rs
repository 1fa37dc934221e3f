//! An API that accepts tokens which are bound to a key (RFC 9449 section 7).

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use postern_resource_server::{Authenticated, DiscoverError, Postern};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::signer::base64;
use crate::harness::{AUDIENCE, Issuer, Prover, Signer, lasting_claims, proof_claims};

const URL: &str = "https://notes.example.com/v1/notes";

async fn read(token: Authenticated) -> String {
    token.sub.clone()
}

/// The API is nested, as larger ones are: a proof is for the whole path.
fn router(api: &Postern) -> Router {
    let notes = Router::new().route("/notes", get(read).post(read));
    Router::new().nest("/v1", notes.layer(api.layer()))
}

struct World {
    issuer: Issuer,
    signer: Signer,
    router: Router,
}

impl World {
    async fn new() -> Self {
        let signer = Signer::new("k1");
        let issuer = Issuer::start(&[&signer]).await;
        let api = Postern::discover(&issuer.url(), AUDIENCE).await.unwrap();
        Self {
            issuer,
            signer,
            router: router(&api),
        }
    }

    /// An access token with this `cnf`.
    fn token(&self, cnf: Value) -> String {
        let mut claims = lasting_claims(&self.issuer.url());
        claims["cnf"] = cnf;
        self.signer.token(&claims)
    }

    fn bound(&self, prover: &Prover) -> String {
        self.token(json!({ "jkt": jkt(prover) }))
    }

    async fn ask(&self, method: &str, authorization: &str, proofs: &[&str]) -> Response {
        let mut request = Request::builder().method(method).uri("/v1/notes?order=new");
        request = request.header(header::AUTHORIZATION, authorization);
        for proof in proofs {
            request = request.header("DPoP", *proof);
        }
        let request = request.body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// RFC 7638, of an EC key.
fn jkt(prover: &Prover) -> String {
    let jwk = prover.jwk();
    let canonical = format!(
        r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
        jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]
    );
    base64(digest(&SHA256, canonical.as_bytes()).as_ref())
}

#[expect(clippy::disallowed_methods, reason = "the API has no other clock either")]
fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn claims(token: &str) -> Value {
    let mut claims = proof_claims("GET", URL, now());
    claims["ath"] = base64(digest(&SHA256, token.as_bytes()).as_ref()).into();
    claims
}

fn proof(prover: &Prover, token: &str) -> String {
    prover.sign(&prover.header(), &claims(token))
}

#[track_caller]
fn refused(response: &Response, error: &str) {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenges = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
    let dpop: Vec<_> = challenges
        .map(|value| value.to_str().unwrap())
        .filter(|challenge| challenge.starts_with("DPoP "))
        .collect();
    assert_eq!(dpop.len(), 1);
    assert!(dpop[0].contains(&format!(r#"error="{error}""#)), "{dpop:?}");
}

#[tokio::test]
async fn a_bound_token_with_its_proof() {
    let world = World::new().await;
    let prover = Prover::new();
    let token = world.bound(&prover);
    for scheme in ["DPoP", "dpop", "DPOP"] {
        let response = world
            .ask("GET", &format!("{scheme} {token}"), &[&proof(&prover, &token)])
            .await;
        assert_eq!(response.status(), StatusCode::OK, "{scheme}");
    }
    let mut post = claims(&token);
    post["htm"] = "POST".into();
    let post = prover.sign(&prover.header(), &post);
    let response = world.ask("POST", &format!("DPoP {token}"), &[&post]).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_bound_token_without_its_proof() {
    let world = World::new().await;
    let (prover, thief) = (Prover::new(), Prover::new());
    let token = world.bound(&prover);
    let good = proof(&prover, &token);
    refused(
        &world.ask("GET", &format!("Bearer {token}"), &[&good]).await,
        "invalid_token",
    );
    refused(
        &world.ask("GET", &format!("DPoP {token}"), &[]).await,
        "invalid_dpop_proof",
    );
    let stolen = world
        .ask("GET", &format!("DPoP {token}"), &[&proof(&thief, &token)])
        .await;
    refused(&stolen, "invalid_token");
    let both = world
        .ask("GET", &format!("DPoP {token}"), &[&good, &proof(&prover, &token)])
        .await;
    refused(&both, "invalid_dpop_proof");

    // For another request.
    let other = world.bound(&Prover::new());
    for (name, value) in [
        ("htm", json!("POST")),
        ("htu", json!("https://notes.example.com/notes")),
        ("htu", json!("https://evil.example/v1/notes")),
        ("ath", base64(digest(&SHA256, other.as_bytes()).as_ref()).into()),
        ("iat", json!(now() - 60)),
        ("iat", json!(now() + 60)),
    ] {
        let mut claims = claims(&token);
        claims[name] = value;
        let proof = prover.sign(&prover.header(), &claims);
        refused(
            &world.ask("GET", &format!("DPoP {token}"), &[&proof]).await,
            "invalid_dpop_proof",
        );
    }
    assert_eq!(
        world
            .ask("GET", &format!("DPoP {token}"), &[&good])
            .await
            .status(),
        StatusCode::OK
    );
    refused(
        &world.ask("GET", &format!("DPoP {token}"), &[&good]).await,
        "invalid_dpop_proof",
    );
}

/// Otherwise whoever steals a bearer token dresses it up with a key of their own (RFC 9449 section 7.2).
#[tokio::test]
async fn a_bearer_token_with_a_proof() {
    let world = World::new().await;
    let prover = Prover::new();
    let token = world.signer.token(&lasting_claims(&world.issuer.url()));
    let response = world
        .ask("GET", &format!("DPoP {token}"), &[&proof(&prover, &token)])
        .await;
    refused(&response, "invalid_token");
    let response = world
        .ask("GET", &format!("Bearer {token}"), &[&proof(&prover, &token)])
        .await;
    assert_eq!(response.status(), StatusCode::OK);
}

/// What cannot be checked is not ignored.
#[tokio::test]
async fn a_token_that_is_bound_to_more() {
    let world = World::new().await;
    let prover = Prover::new();
    let jkt = jkt(&prover);
    for cnf in [
        json!({ "jkt": jkt, "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        json!({}),
    ] {
        let token = world.token(cnf.clone());
        let response = world
            .ask("GET", &format!("DPoP {token}"), &[&proof(&prover, &token)])
            .await;
        refused(&response, "invalid_token");
    }
}

#[tokio::test]
async fn a_wrong_clock() {
    let world = World::new().await;
    let api = Postern::discover(&world.issuer.url(), AUDIENCE).nonces(&[7; 32]);
    let world = World {
        router: router(&api.await.unwrap()),
        ..world
    };
    let prover = Prover::new();
    let token = world.bound(&prover);
    let made = |off: i64, nonce: &str| {
        let mut claims = claims(&token);
        claims["iat"] = now().saturating_add_signed(off).into();
        claims["nonce"] = nonce.into();
        prover.sign(&prover.header(), &claims)
    };
    let ask = async |proof: &str| world.ask("GET", &format!("DPoP {token}"), &[proof]).await;
    // Beside a nonce of somebody else a right clock is not believed: nobody can tell how old that is.
    for off in [-3600, 0, 3600] {
        let response = ask(&made(off, "of somebody else")).await;
        refused(&response, "use_dpop_nonce");
        let nonces: Vec<_> = response.headers().get_all("dpop-nonce").iter().collect();
        assert_eq!(nonces.len(), 1);
        let proof = made(off, nonces[0].to_str().unwrap());
        assert_eq!(ask(&proof).await.status(), StatusCode::OK);
        refused(&ask(&proof).await, "invalid_dpop_proof");
    }
}

#[tokio::test]
async fn where_an_api_is_asked() {
    let world = World::new().await;
    let prover = Prover::new();
    let ask = async |audience: &str, public_url: Option<&str>, htu: &str| {
        let mut api = Postern::discover(&world.issuer.url(), audience);
        if let Some(url) = public_url {
            api = api.public_url(url);
        }
        let api = api.await.unwrap();
        let mut token = lasting_claims(&world.issuer.url());
        (token["aud"], token["cnf"]) = (audience.into(), json!({ "jkt": jkt(&prover) }));
        let token = world.signer.token(&token);
        let mut claims = claims(&token);
        claims["htu"] = htu.into();
        let request = Request::get("/v1/notes")
            .header(header::HOST, "evil.example")
            .header(header::AUTHORIZATION, format!("DPoP {token}"))
            .header("DPoP", prover.sign(&prover.header(), &claims));
        let response = router(&api).oneshot(request.body(Body::empty()).unwrap()).await;
        response.unwrap().status().as_u16()
    };
    for (audience, public_url, htu, status) in [
        ("https://a.example/notes", None, "https://a.example/v1/notes", 200),
        (
            "https://a.example/notes",
            None,
            "https://evil.example/v1/notes",
            401,
        ),
        (
            "https://a.example",
            Some("https://b.example:8443/api/"),
            "https://b.example:8443/api/v1/notes",
            200,
        ),
        (
            "https://a.example",
            Some("https://b.example"),
            "https://a.example/v1/notes",
            401,
        ),
        (
            "urn:notes",
            Some("http://127.0.0.1:3000"),
            "http://127.0.0.1:3000/v1/notes",
            200,
        ),
        ("urn:notes", None, "urn:notes/v1/notes", 400),
    ] {
        assert_eq!(
            ask(audience, public_url, htu).await,
            status,
            "{audience} {public_url:?} {htu}"
        );
    }
    let api = Postern::discover(&world.issuer.url(), AUDIENCE).public_url("notes.example.com");
    assert!(matches!(api.await, Err(DiscoverError::PublicUrl(_))));
}
