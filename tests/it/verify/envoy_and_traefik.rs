//! The sidecar, asked in the very form of two proxies that are not run here. Envoy: `ext_authz` with an `http_service`
//! sends method, path behind `path_prefix`, `Host`, `Authorization` and what `allowed_headers` names, `Content-Length: 0`
//! and no body (`envoy.extensions.filters.http.ext_authz.v3`). Traefik: a GET with all headers of the request and
//! `X-Forwarded-*` written over (`forwardAuth`).

use reqwest::{Method, RequestBuilder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    API, Told, app,
    issuer::Issuer,
    sidecar::{Sidecar, now},
};
use crate::harness::ProofKey;

/// A token of a key, and proofs for requests that present it.
struct Bound {
    key: ProofKey,
    token: String,
}

impl Bound {
    async fn to_a_new_key(issuer: &Issuer) -> Self {
        let key = ProofKey::new();
        let token = issuer.token_for(API, "notes:read", Some(&key)).await;
        Self { key, token }
    }

    fn present(&self, request: RequestBuilder, method: &str, path: &str) -> RequestBuilder {
        let draft = self.key.draft(method, &format!("{API}{path}"), now());
        let proof = draft.for_token(&self.token).sign();
        let authorization = format!("DPoP {}", self.token);
        request
            .header("authorization", authorization)
            .header("dpop", proof)
    }
}

async fn told(request: RequestBuilder) -> Told {
    Told::of(request.send().await.expect("an answer")).await
}

/// The question of Envoy about a request.
fn envoy(sidecar: &Sidecar, method: Method, path: &str) -> RequestBuilder {
    let question = app().request(method, format!("{}/envoy{path}", sidecar.url));
    question
        .header("host", "notes.example")
        .header("content-length", "0")
        .header("x-envoy-internal", "true")
        .header("x-forwarded-for", "203.0.113.7")
}

/// The first line of the answer to a question whose path no client library would send as it is.
async fn raw(sidecar: &Sidecar, path: &str) -> String {
    let address = sidecar.url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let question = format!("GET /envoy{path} HTTP/1.1\r\nhost: notes.example\r\nconnection: close\r\n\r\n");
    connection.write_all(question.as_bytes()).await.expect("written");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn envoy_asks_by_the_request_itself() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &["--proxy", "envoy", "--scope", "notes:read"]).await;
    let (reader, writer) = (
        issuer.token("notes:read").await,
        issuer.token("notes:write").await,
    );
    for path in ["", "/", "/notes?x=1", "/a/b/../c", "/notes?scope=admin"] {
        let asked = envoy(&sidecar, Method::PUT, path).bearer_auth(&reader);
        assert_eq!(
            told(asked).await.status,
            if path.is_empty() { 500 } else { 200 },
            "{path}"
        );
        let asked = envoy(&sidecar, Method::GET, path);
        assert!([401, 500].contains(&told(asked).await.status), "{path}");
    }
    let asked = envoy(&sidecar, Method::GET, "/notes").bearer_auth(&writer);
    told(asked).await.refused(403, "insufficient_scope");
    // The path is the client's: it finds no other question and no other scope than the operator's.
    for path in ["/verify?scope=notes:write", "//verify"] {
        let asked = envoy(&sidecar, Method::GET, path);
        assert_eq!(told(asked).await.status, 401, "{path}");
    }
    for path in ["/../health", "/../verify", "/%2e%2e/health", "/..%2fhealth"] {
        assert_eq!(raw(&sidecar, path).await, "HTTP/1.1 401 Unauthorized", "{path}");
    }
    assert_eq!(
        told(app().get(format!("{}/verify", sidecar.url)).bearer_auth(&reader))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn behind_envoy_a_proof_is_for_the_requests_method_and_path_and_taken_once() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &["--proxy", "envoy", "--public-url", API]).await;
    let bound = Bound::to_a_new_key(&issuer).await;
    let asked = envoy(&sidecar, Method::POST, "/notes?x=1");
    let asked = bound.present(asked, "POST", "/notes");
    let again = asked.try_clone().expect("no stream");
    assert_eq!(told(asked).await.status, 200);
    told(again).await.refused_dpop("invalid_dpop_proof");
    // Headers that a client sends choose nothing.
    let asked = envoy(&sidecar, Method::POST, "/other");
    let asked = asked
        .header("x-original-uri", "/notes")
        .header("x-forwarded-uri", "/notes");
    told(bound.present(asked, "POST", "/notes"))
        .await
        .refused_dpop("invalid_dpop_proof");
    let asked = envoy(&sidecar, Method::DELETE, "/notes");
    told(bound.present(asked, "POST", "/notes"))
        .await
        .refused_dpop("invalid_dpop_proof");
}

/// The question of Traefik about a request.
fn traefik(sidecar: &Sidecar, query: &str, method: &str, uri: &str) -> RequestBuilder {
    let question = app().get(format!("{}/verify{query}", sidecar.url));
    question
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-forwarded-host", "notes.example")
        .header("x-forwarded-method", method)
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-uri", uri)
        .header("accept-encoding", "gzip")
}

#[tokio::test]
async fn traefik_asks_by_its_forwarded_headers() {
    let issuer = Issuer::start().await;
    let sidecar = Sidecar::start(&issuer, &["--proxy", "traefik", "--public-url", API]).await;
    let reader = issuer.token("notes:read").await;
    let query = "?scope=notes:read";
    let asked = traefik(&sidecar, query, "GET", "/notes?x=1").bearer_auth(&reader);
    assert_eq!(told(asked).await.status, 200);
    told(traefik(&sidecar, query, "GET", "/notes"))
        .await
        .refused(401, "");
    let asked = traefik(&sidecar, "?scope=notes:write", "GET", "/notes").bearer_auth(&reader);
    told(asked).await.refused(403, "insufficient_scope");

    let bound = Bound::to_a_new_key(&issuer).await;
    let asked = bound.present(traefik(&sidecar, query, "PUT", "/notes/1?x=1"), "PUT", "/notes/1");
    assert_eq!(told(asked).await.status, 200);
    let asked = bound.present(traefik(&sidecar, query, "PUT", "/notes/2"), "PUT", "/notes/1");
    told(asked).await.refused_dpop("invalid_dpop_proof");
    // A second header beside Traefik's own, which a client cannot bring past it, or none.
    let asked = traefik(&sidecar, query, "PUT", "/notes/2").header("x-forwarded-uri", "/notes/1");
    let asked = bound.present(asked, "PUT", "/notes/1");
    assert_eq!(told(asked).await.status, 500);
    let asked = app().get(format!("{}/verify", sidecar.url)).bearer_auth(&reader);
    assert_eq!(told(asked).await.status, 500, "Traefik always sends them");
}
