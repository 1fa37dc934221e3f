//! An authorization server that tells of what ended, as its script says: metadata, keys, a token, the stream, acknowledgements,
//! introspection.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Form, Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::Signer;

pub(crate) const CLIENT: &str = "https://notes.example/api";
pub(crate) const SECRET: &str = "pst_cs_a b";

pub(crate) struct Teller {
    url: String,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

/// What is said, and what was heard.
pub(crate) struct Script {
    metadata: Value,
    jwks: Value,
    /// With which a connection begins.
    greeting: Mutex<String>,
    open: Mutex<Vec<UnboundedSender<String>>>,
    /// Instead of a stream.
    refusal: Mutex<Option<StatusCode>>,
    token_life: Mutex<u64>,
    /// What introspection answers; none: it fails.
    active: Mutex<Option<bool>>,
    heard: Mutex<Heard>,
}

/// What was asked, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// The queries and the tokens of those who wanted the stream.
    pub(crate) streams: Vec<(HashMap<String, String>, String)>,
    pub(crate) tokens: Vec<HashMap<String, String>>,
    pub(crate) acknowledged: Vec<(String, u64)>,
    pub(crate) left: Vec<String>,
    pub(crate) introspected: usize,
}

impl Teller {
    pub(crate) async fn start(signer: &Signer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Script {
            metadata: json!({
                "issuer": url,
                "jwks_uri": format!("{url}/jwks"),
                "token_endpoint": format!("{url}/token"),
                "introspection_endpoint": format!("{url}/introspect"),
                "revocation_stream_endpoint": format!("{url}/revocations"),
            }),
            jwks: json!({ "keys": [signer.jwk()] }),
            greeting: Mutex::default(),
            open: Mutex::default(),
            refusal: Mutex::default(),
            token_life: Mutex::new(300),
            active: Mutex::default(),
            heard: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/introspect", post(introspect))
            .route("/revocations", get(revocations))
            .route("/revocations/acknowledge", post(acknowledge))
            .route("/revocations/instances/{instance}", delete(leave))
            .with_state(script.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, script, server }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// What each connection begins with from now on.
    pub(crate) fn greet(&self, events: &[String]) {
        *self.script.greeting.lock().unwrap() = events.concat();
    }

    /// To all who are connected.
    pub(crate) fn say(&self, event: &str) {
        for open in self.script.open.lock().unwrap().iter() {
            // Who has gone hears nothing.
            let _ = open.send(event.to_owned());
        }
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        self.script.open.lock().unwrap().clear();
    }

    pub(crate) fn refuse(&self, status: Option<StatusCode>) {
        *self.script.refusal.lock().unwrap() = status;
    }

    pub(crate) fn give_tokens_for(&self, seconds: u64) {
        *self.script.token_life.lock().unwrap() = seconds;
    }

    pub(crate) fn introspection(&self, active: Option<bool>) {
        *self.script.active.lock().unwrap() = active;
    }

    pub(crate) fn heard(&self) -> Heard {
        self.script.heard.lock().unwrap().clone()
    }

    /// Nobody listens any more.
    pub(crate) fn die(&self) {
        self.cut();
        self.server.abort();
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// A whole snapshot.
pub(crate) fn snapshot(revocations: &[Value], polled_at: u64) -> Vec<String> {
    vec![
        event("snapshot", &json!({ "count": revocations.len() })),
        event("revoked", &json!({ "revocations": revocations })),
        event(
            "complete",
            &json!({ "polled_at": polled_at, "acknowledge": true }),
        ),
    ]
}

/// Of tokens that were issued until then; far from over.
pub(crate) fn revocation(kind: &str, id: &str, issued_before: u64) -> Value {
    json!({ "kind": kind, "id": id, "issued_before": issued_before, "until": 4_102_444_800_u64 })
}

async fn metadata(State(script): State<Arc<Script>>) -> Json<Value> {
    Json(script.metadata.clone())
}

async fn keys(State(script): State<Arc<Script>>) -> Json<Value> {
    Json(script.jwks.clone())
}

/// `client_secret_basic`, each half form-encoded.
fn is_client(headers: &HeaderMap) -> bool {
    use base64ct::{Base64, Encoding};
    let credentials = Base64::encode_string(b"https%3A%2F%2Fnotes.example%2Fapi:pst_cs_a%20b");
    headers[header::AUTHORIZATION] == format!("Basic {credentials}")
}

async fn token(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    if !is_client(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let tokens = &mut script.heard.lock().unwrap().tokens;
    tokens.push(form);
    let (name, life) = (
        format!("own-{}", tokens.len()),
        *script.token_life.lock().unwrap(),
    );
    Json(json!({ "access_token": name, "token_type": "Bearer", "expires_in": life })).into_response()
}

fn bearer(headers: &HeaderMap) -> String {
    let value = headers[header::AUTHORIZATION].to_str().unwrap();
    value.strip_prefix("Bearer ").unwrap().to_owned()
}

async fn revocations(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    assert_eq!(headers[header::ACCEPT], "text/event-stream");
    let (says, hears) = unbounded_channel();
    says.send(script.greeting.lock().unwrap().clone()).unwrap();
    script
        .heard
        .lock()
        .unwrap()
        .streams
        .push((query, bearer(&headers)));
    if let Some(status) = *script.refusal.lock().unwrap() {
        return status.into_response();
    }
    script.open.lock().unwrap().push(says);
    let next = async |mut hears: UnboundedReceiver<String>| {
        let said = hears.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(said)), hears))
    };
    let body = Body::from_stream(stream::unfold(hears, next));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

async fn acknowledge(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    Json(said): Json<Value>,
) -> StatusCode {
    assert!(bearer(&headers).starts_with("own-"));
    let said = (
        said["instance"].as_str().unwrap().to_owned(),
        said["polled_at"].as_u64().unwrap(),
    );
    script.heard.lock().unwrap().acknowledged.push(said);
    StatusCode::NO_CONTENT
}

async fn leave(
    State(script): State<Arc<Script>>,
    Path(instance): Path<String>,
    headers: HeaderMap,
) -> StatusCode {
    assert!(bearer(&headers).starts_with("own-"));
    script.heard.lock().unwrap().left.push(instance);
    StatusCode::NO_CONTENT
}

async fn introspect(State(script): State<Arc<Script>>, headers: HeaderMap) -> Response {
    assert!(is_client(&headers));
    script.heard.lock().unwrap().introspected += 1;
    match *script.active.lock().unwrap() {
        Some(active) => Json(json!({ "active": active })).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
