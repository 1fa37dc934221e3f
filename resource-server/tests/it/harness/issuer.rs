//! An authorization server on a socket, which publishes metadata and keys and counts who asks.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Signer;

pub(crate) struct Issuer {
    address: SocketAddr,
    published: Arc<Published>,
    server: JoinHandle<()>,
}

struct Published {
    metadata: Mutex<Value>,
    jwks: Mutex<Keys>,
    fetches: AtomicUsize,
    /// Requests for keys are held up while this is false.
    answers: watch::Sender<bool>,
}

/// What is answered to a request for the keys.
#[derive(Clone)]
enum Keys {
    Json(Value, &'static str),
    Status(StatusCode, Option<String>),
    Endless,
}

impl Issuer {
    pub(crate) async fn start(signers: &[&Signer]) -> Self {
        Self::start_at("/.well-known/openid-configuration", signers).await
    }

    /// With its metadata at another path.
    pub(crate) async fn start_at(path: &str, signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = format!("http://{address}");
        let published = Arc::new(Published {
            metadata: Mutex::new(json!({ "issuer": base, "jwks_uri": format!("{base}/jwks") })),
            jwks: Mutex::new(jwks(signers, "")),
            fetches: AtomicUsize::new(0),
            answers: watch::Sender::new(true),
        });
        let router = Router::new()
            .route(path, get(metadata))
            .route("/jwks", get(keys))
            .with_state(published.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            published,
            server,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often the keys were asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.published.fetches.load(Ordering::SeqCst)
    }

    pub(crate) fn rotate_to(&self, signers: &[&Signer]) {
        self.publish(jwks(signers, ""));
    }

    pub(crate) fn rotate_to_cached(&self, signers: &[&Signer], cache_control: &'static str) {
        self.publish(jwks(signers, cache_control));
    }

    pub(crate) fn fail(&self, status: StatusCode) {
        self.publish(Keys::Status(status, None));
    }

    pub(crate) fn redirect_keys(&self, location: &str) {
        self.publish(Keys::Status(StatusCode::FOUND, Some(location.to_owned())));
    }

    /// A body that never ends, of which no length is announced.
    pub(crate) fn flood(&self) {
        self.publish(Keys::Endless);
    }

    pub(crate) fn set_metadata(&self, name: &str, value: &str) {
        self.published.metadata.lock().unwrap()[name] = json!(value);
    }

    /// Holds answers back, or lets them go.
    pub(crate) fn answer(&self, answers: bool) {
        self.published.answers.send_replace(answers);
    }

    /// Nobody listens any more.
    pub(crate) async fn die(self) {
        self.server.abort();
        assert!(self.server.await.unwrap_err().is_cancelled());
    }

    fn publish(&self, keys: Keys) {
        *self.published.jwks.lock().unwrap() = keys;
    }
}

fn jwks(signers: &[&Signer], cache_control: &'static str) -> Keys {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    Keys::Json(json!({ "keys": keys }), cache_control)
}

async fn metadata(State(published): State<Arc<Published>>) -> String {
    published.metadata.lock().unwrap().to_string()
}

async fn keys(State(published): State<Arc<Published>>) -> Response {
    published.fetches.fetch_add(1, Ordering::SeqCst);
    published
        .answers
        .subscribe()
        .wait_for(|answers| *answers)
        .await
        .unwrap();
    let keys = published.jwks.lock().unwrap().clone();
    match keys {
        Keys::Json(jwks, cache_control) => {
            ([(header::CACHE_CONTROL, cache_control)], jwks.to_string()).into_response()
        }
        Keys::Status(status, location) => {
            (status, [(header::LOCATION, location.unwrap_or_default())]).into_response()
        }
        Keys::Endless => {
            let chunks = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8192]));
            Body::from_stream(chunks).into_response()
        }
    }
}
