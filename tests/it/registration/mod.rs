//! Clients that register themselves (RFC 7591) and look after their registration (RFC 7592).

mod attacks;
mod bounds;
mod commands;
mod management;
mod metadata_documents;
mod registering;
mod signed;
mod statements;

use axum::{body::Body, http::Request};
use postern::{
    config::Config,
    domain::{actor::Actor, client::RegistrationMode},
    flows::{registration::tokens, sweep},
};
use serde_json::{Value, json};

use crate::harness::{Answer, Postern};

/// A server at which everybody registers.
async fn open_server() -> Postern {
    open_server_with(|_| {}).await
}

async fn open_server_with(change: impl FnOnce(&mut Config)) -> Postern {
    Postern::start_with(|config| {
        config.registration.mode = RegistrationMode::Open;
        config.limits.registrations.burst = 1000;
        change(config);
    })
    .await
}

/// A server at which those register who have a token.
async fn token_server() -> Postern {
    Postern::start_with(|config| config.registration.mode = RegistrationMode::Token).await
}

/// An initial access token.
async fn token(postern: &Postern, uses: Option<i64>) -> String {
    let life = "7d".parse().expect("a length of time");
    let made = tokens::add(postern.provider(), Some(life), uses, None, Actor::Operator).await;
    made.expect("made").token.expose().to_owned()
}

/// What a native app says of itself.
fn app() -> Value {
    json!({
        "client_name": "Sketches",
        "application_type": "native",
        "redirect_uris": ["http://127.0.0.1/callback", "com.example.sketches:/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    })
}

/// What a web server says of itself.
fn site() -> Value {
    json!({ "client_name": "Site", "redirect_uris": ["https://site.example/cb"] })
}

/// These members with others in their place.
fn with(mut members: Value, others: Value) -> Value {
    let Value::Object(others) = others else {
        panic!("{others} is no object");
    };
    members.as_object_mut().expect("an object").extend(others);
    members
}

async fn send(
    postern: &Postern,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<String>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map_or_else(Body::empty, Body::from);
    postern.send(request.body(body).expect("a request")).await
}

async fn register(postern: &Postern, token: Option<&str>, members: &Value) -> Answer {
    send(postern, "POST", "/register", token, Some(members.to_string())).await
}

/// A registration that was made.
struct Mine {
    answer: Value,
}

impl Mine {
    #[track_caller]
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json");
        Self {
            answer: answer.json(),
        }
    }

    fn text(&self, member: &str) -> &str {
        self.answer[member]
            .as_str()
            .unwrap_or_else(|| panic!("{member} in {}", self.answer))
    }

    fn id(&self) -> &str {
        self.text("client_id")
    }

    fn token(&self) -> &str {
        self.text("registration_access_token")
    }

    /// The path of its configuration endpoint.
    fn path(&self, postern: &Postern) -> String {
        let uri = self.text("registration_client_uri");
        uri.strip_prefix(postern.issuer())
            .expect("below the issuer")
            .to_owned()
    }

    async fn ask(&self, postern: &Postern, method: &str, members: Option<&Value>) -> Answer {
        let body = members.map(ToString::to_string);
        send(postern, method, &self.path(postern), Some(self.token()), body).await
    }
}

/// A refusal that a developer can use.
#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str) {
    let got = (answer.status.as_u16(), answer.error());
    assert_eq!(got, (status, error.to_owned()), "{}", answer.body);
    let hint = answer.json()["error_description"]
        .as_str()
        .expect("a hint")
        .to_owned();
    assert!(hint.len() > 10 && !hint.contains("pst_"), "{hint}");
    if status == 401 {
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer realm="), "{challenge}");
    }
}

async fn swept(postern: &Postern) {
    sweep::sweep(postern.provider()).await.expect("swept");
}

/// How many clients there are.
async fn clients(postern: &Postern) -> i64 {
    postern.number("SELECT COUNT(*) FROM clients").await
}
