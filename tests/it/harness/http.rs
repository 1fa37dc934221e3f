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

/// A form post.
pub(crate) fn form_post(path: &str, pairs: &[(&str, &str)]) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encode(pairs)))
        .expect("a request")
}

/// Pairs in form encoding.
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
