//! Requests through the real router, without a socket.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, Response, StatusCode, header},
};
use serde_json::Value;
use tower::ServiceExt;

/// What the server answered, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Reads the body to its end.
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("text");
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("an ASCII header"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// The `error` of an OAuth answer.
    pub(crate) fn error(&self) -> String {
        self.json()["error"]
            .as_str()
            .unwrap_or_else(|| panic!("no error in {self:?}"))
            .to_owned()
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }
}

/// Sends a request from an address.
pub(crate) async fn send(router: &Router, address: SocketAddr, request: Request<Body>) -> Answer {
    Answer::of(open(router, address, request).await).await
}

/// The same, with the answer's body not read yet.
pub(crate) async fn open(router: &Router, address: SocketAddr, mut request: Request<Body>) -> Response<Body> {
    request.extensions_mut().insert(ConnectInfo(address));
    let answered = router.clone().oneshot(request).await;
    answered.expect("the router always answers")
}

/// A refusal as RFC 6749 section 5.2 wants it: status and `error`, nothing to be kept, nothing that is nobody's business.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.error().as_str()),
        (status, error),
        "{answer:?}"
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let is_asked_who_it_is = answer.header("www-authenticate").starts_with("Basic");
    assert_eq!(is_asked_who_it_is, status == 401, "{answer:?}");
    let json = answer.json();
    let members: Vec<&str> = json
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, ["error", "error_description"]);
    let description = json["error_description"].as_str().expect("a description");
    // RFC 6749 appendix A.8
    let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
    assert!(
        !description.is_empty() && description.chars().all(allowed),
        "{description:?}"
    );
    for private in [
        "sqlx",
        "SELECT",
        "panicked",
        "src/",
        "pst_",
        "dse_",
        "cse_",
        "eyJ",
        "secret of it",
    ] {
        assert!(!answer.body.contains(private), "{private} in {}", answer.body);
    }
}

/// A form post.
pub(crate) fn form_post(path: &str, pairs: &[(&str, &str)]) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encode(pairs)))
        .expect("a request")
}

/// Pairs as the senders of forms take them.
pub(crate) fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Pairs in form encoding.
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
