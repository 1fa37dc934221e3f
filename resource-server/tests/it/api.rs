//! An API behind the layer, with axum and without it: the claims are a handler's argument, a refusal is its answer.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use postern_resource_server::{Authenticated, HasScope, Postern, Rejection, scopes};
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::harness::{AUDIENCE, Issuer, Signer, lasting_claims};

scopes! {
    /// Which every token of the tests has.
    NotesRead = "notes:read";
    /// Which none has.
    NotesDelete = "notes:delete";
}

async fn read(token: HasScope<NotesRead>, State(title): State<&'static str>) -> String {
    format!("{title} of {} in {:?}", token.sub, token.sid)
}

async fn delete(_: HasScope<NotesDelete>) {}

async fn whoever(token: Authenticated, same: HasScope<NotesRead>) -> String {
    assert_eq!(token.jti, same.jti);
    token.scope.to_string()
}

struct World {
    signer: Signer,
    issuer: Issuer,
    postern: Postern,
}

impl World {
    async fn new() -> Self {
        let signer = Signer::new("k1");
        let issuer = Issuer::start(&[&signer]).await;
        let postern = Postern::discover(&issuer.url(), AUDIENCE).await.unwrap();
        Self {
            signer,
            issuer,
            postern,
        }
    }

    fn bearer(&self) -> String {
        let token = self.signer.token(&lasting_claims(&self.issuer.url()));
        format!("Bearer {token}")
    }

    fn notes(&self) -> Router {
        Router::new()
            .route("/notes", get(read).delete(delete))
            .route("/", get(whoever))
            .with_state("the notes")
            .layer(self.postern.layer())
    }
}

fn request<B: Default>(method: &str, uri: &str, authorization: Option<&str>) -> Request<B> {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    request.body(B::default()).unwrap()
}

async fn answer(api: &Router, method: &str, uri: &str, authorization: Option<&str>) -> Response {
    let request: Request<Body> = request(method, uri, authorization);
    api.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 4096).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_handler_gets_the_claims() {
    let world = World::new().await;
    let (api, bearer) = (world.notes(), world.bearer());
    let response = answer(&api, "GET", "/notes", Some(&bearer)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, r#"the notes of user_1 in Some("ds_1")"#);
    let response = answer(&api, "GET", "/", Some(&bearer)).await;
    assert_eq!(text(response).await, "notes:read notes:write");
}

#[tokio::test]
async fn a_scope_too_few() {
    let world = World::new().await;
    let response = answer(&world.notes(), "DELETE", "/notes", Some(&world.bearer())).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(
        challenge.contains(r#"error="insufficient_scope""#) && challenge.ends_with(r#"scope="notes:delete""#)
    );
}

/// The floor of a whole router holds for handlers that ask for nothing.
#[tokio::test]
async fn a_scope_for_everything_behind_a_layer() {
    let world = World::new().await;
    let bearer = world.bearer();
    for (layer, status) in [
        (world.postern.layer().require::<NotesRead>(), StatusCode::OK),
        (
            world.postern.layer().require::<NotesDelete>(),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let api: Router = Router::new().route("/", get(async || "hello")).layer(layer);
        assert_eq!(answer(&api, "GET", "/", Some(&bearer)).await.status(), status);
    }
}

/// Whoever forgets the layer finds out with the first request, and lets nobody in.
#[tokio::test]
async fn a_handler_without_the_layer_answers_nobody() {
    let world = World::new().await;
    let api: Router = Router::new()
        .route("/", get(whoever))
        .route("/notes", get(delete));
    for uri in ["/", "/notes"] {
        for authorization in [None, Some(world.bearer())] {
            let response = answer(&api, "GET", uri, authorization.as_deref()).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{uri}");
            assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
        }
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_no_token() {
    let world = World::new().await;
    let token = world.bearer().replace("Bearer ", "");
    let response = answer(
        &world.notes(),
        "GET",
        &format!("/notes?access_token={token}"),
        None,
    )
    .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.headers()[header::WWW_AUTHENTICATE],
        r#"Bearer realm="api""#
    );
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let problem: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(
        problem,
        json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "an access token is needed",
        })
    );
}

/// Any service of any body, without axum.
#[tokio::test]
async fn a_service_that_is_not_axums() {
    let world = World::new().await;
    let service = service_fn(async |request: Request<Vec<u8>>| {
        let response = match HasScope::<NotesRead>::of(request.extensions()) {
            Ok(token) => http::Response::new(token.sub.clone()),
            Err(rejection) => rejection.into_http(),
        };
        Ok::<_, Infallible>(response)
    });
    let mut api = world.postern.layer().layer(service);
    let bearer = world.bearer();
    for (authorization, status, body) in [
        (None, StatusCode::UNAUTHORIZED, "an access token is needed"),
        (
            Some("Bearer x"),
            StatusCode::UNAUTHORIZED,
            "the token is malformed",
        ),
        (
            Some("Bearer"),
            StatusCode::BAD_REQUEST,
            "the Authorization header is malformed",
        ),
        (Some(bearer.as_str()), StatusCode::OK, "user_1"),
    ] {
        let response: http::Response<String> = api
            .ready()
            .await
            .unwrap()
            .call(request("GET", "/", authorization))
            .await
            .unwrap();
        assert_eq!(response.status(), status);
        assert!(response.body().contains(body), "{}", response.body());
    }
    // In a stack of layers, which want a service that can be cloned and sent.
    let stack = ServiceBuilder::new()
        .layer(world.postern.layer())
        .service(service_fn(async |_: Request<Body>| {
            Ok::<_, Infallible>(http::Response::new(String::new()))
        }));
    let response = tokio::spawn(stack.oneshot(request("GET", "/", None)))
        .await
        .unwrap();
    assert_eq!(response.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn what_can_be_a_scope() {
    use postern_resource_server::is_scope;
    assert!(is_scope("notes:read") && is_scope("https://a.example/x") && is_scope("!"));
    for none in ["", "a b", "a\"", "a\\", "a\n", "ä"] {
        assert!(!is_scope(none), "{none}");
    }
}

#[test]
fn the_answers_that_are_our_fault_challenge_nobody() {
    for (rejection, status, retry) in [
        (Rejection::KeysUnavailable, 503, true),
        (Rejection::RevocationsUnavailable, 503, true),
        (Rejection::NotChecked, 500, false),
    ] {
        let response: http::Response<String> = rejection.into_http();
        assert_eq!(response.status().as_u16(), status);
        assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
        assert_eq!(response.headers().contains_key(header::RETRY_AFTER), retry);
    }
}

/// Over HTTP, with both challenges (RFC 6750 section 3, RFC 9449 section 7.1).
#[tokio::test]
async fn every_wrong_token_is_told_what_is_wrong_in_both_schemes() {
    let world = World::new().await;
    let api = world.notes();
    let good = lasting_claims(&world.issuer.url());
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        world.signer.token(&claims)
    };
    let certificate = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";
    for (token, told) in [
        (
            world.signer.token_with_header("typ", "JWT", &good),
            "the token is not an access token",
        ),
        (
            world.signer.token_with_header("alg", "none", &good),
            "the token is signed with another algorithm than its key's",
        ),
        (
            world.signer.token_with_header("kid", "k9", &good),
            "the token is signed with an unknown key",
        ),
        (
            Signer::new("k1").token(&good),
            "the signature of the token is wrong",
        ),
        (
            with("iss", json!("https://evil.example")),
            "the token is from another issuer",
        ),
        (
            with("aud", json!("https://other.example")),
            "the token is for another audience",
        ),
        (with("exp", json!(1_700_000_001)), "the token has expired"),
        (
            with("nbf", json!(4_000_000_000_u64)),
            "the token is not valid yet",
        ),
        (
            with("cnf", json!({ "jkt": "x" })),
            "the token is bound to a key and is no bearer token",
        ),
        (
            with("cnf", json!({ "x5t#S256": certificate })),
            "the token is bound to a key and is no bearer token",
        ),
    ] {
        let response = answer(&api, "GET", "/notes", Some(&format!("Bearer {token}"))).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{told}");
        let challenges: Vec<_> = response
            .headers()
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .collect();
        let wrong = format!(r#"realm="api", error="invalid_token", error_description="{told}""#);
        assert_eq!(
            challenges,
            [
                format!("Bearer {wrong}").as_str(),
                &format!(r#"DPoP {wrong}, algs="ES256 PS256 EdDSA Ed25519""#)
            ]
        );
    }
}
