//! An API that knows nothing of tokens: it answers with what it was sent.

use axum::{Json, Router, extract::Request};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Its address. It answers until the test's runtime ends.
pub(super) async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(echo)).await });
    address
}

async fn echo(request: Request) -> Json<Value> {
    let mut headers = serde_json::Map::new();
    for (name, value) in request.headers() {
        let value = value.to_str().expect("ASCII");
        let all = headers.entry(name.as_str()).or_insert_with(|| json!([]));
        all.as_array_mut().expect("a list").push(value.into());
    }
    Json(json!({ "method": request.method().as_str(), "uri": request.uri().to_string(), "headers": headers }))
}
