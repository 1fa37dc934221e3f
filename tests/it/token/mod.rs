//! The token endpoint, revocation, userinfo, keys and discovery.

mod bad_input;
mod browserless;
mod code;
mod discovery;
mod dpop;
mod dpop_userinfo;
mod model;
mod races;
mod refresh;
mod refresh_bound;
mod refresh_loss;
mod revoke;
mod scope_and_resource;
mod statements;
mod userinfo;

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, header},
};
use postern::{
    base::{digest::Digest, id::DeviceSessionId, time::Instant},
    domain::{binding::Proof, client::Client},
    flows::{
        issue,
        token::{TokenError, code::CodeRequest, refresh::RefreshRequest},
    },
    store::db::Statement,
};
use sqlx::FromRow;

use crate::harness::{ALICE, Phone, Postern, Tokens, refused};

/// What the row of a device session says.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct Row {
    state: String,
    generation: i64,
    retries: i64,
    rotated_at: i64,
    jkt: Option<Vec<u8>>,
    end_reason: Option<String>,
}

/// Changes the session of `tokens` behind the server's back, as a restored backup does.
async fn set(postern: &Postern, tokens: &Tokens, changes: &str) {
    let text = format!("UPDATE device_sessions SET {changes} WHERE id = $1 RETURNING state");
    let statement: Statement<(DeviceSessionId,), (String,)> = Statement::new(text.leak());
    let row = postern.provider().db.execute(statement, (session(tokens),)).await;
    assert!(row.expect("the change fits").is_some());
}

/// A single number from the database.
async fn number(postern: &Postern, query: &'static str) -> i64 {
    postern.number(query).await
}

async fn row(postern: &Postern, tokens: &Tokens) -> Row {
    const FIND: Statement<(DeviceSessionId,), Row> = Statement::new(
        "SELECT state, generation, retries, rotated_at, jkt, end_reason FROM device_sessions WHERE id = $1",
    );
    let row = postern.provider().db.read(FIND, (session(tokens),)).await;
    row.expect("the database answers").expect("a row")
}

fn session(tokens: &Tokens) -> DeviceSessionId {
    tokens.sid().parse().expect("a session's id")
}

/// Alice signs in with the app `client`.
async fn signed_in<'a>(postern: &'a Postern, client: &'static str) -> (Phone<'a>, Tokens) {
    let phone = postern.phone_of(client);
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    (phone, tokens)
}

/// A code that waits to be redeemed.
async fn code(postern: &Postern) -> (Phone<'_>, String) {
    let phone = postern.phone();
    let code = phone.allowed_code(&mut postern.browser(), ALICE).await;
    (phone, code)
}

/// The revocations in force: kind, id and until when.
async fn revocations(postern: &Postern) -> Vec<(String, Vec<u8>, Instant)> {
    let now = postern.clock.now();
    let listed = postern
        .provider()
        .db
        .read_all(postern::store::revocations::LIST, (now,));
    listed.await.expect("revocations")
}

/// A form post with a body as it is.
fn raw_post(path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header(header::CONTENT_TYPE, content_type);
    request.body(body.into()).expect("a request")
}

const FORM: &str = "application/x-www-form-urlencoded";

/// An app whose requests carry a checked DPoP proof of `key`, made whenever the test says; `dpop.rs` has those over HTTP.
struct Prover<'a> {
    postern: &'a Postern,
    client: Arc<Client>,
    key: Digest,
}

impl<'a> Prover<'a> {
    fn new(postern: &'a Postern, key: &str) -> Self {
        Self {
            postern,
            client: postern.provider().clients.find("notes").expect("a known client"),
            key: Digest::of(key.as_bytes()),
        }
    }

    fn proof(&self, made_at: Instant) -> Proof {
        Proof {
            key: self.key,
            made_at,
        }
    }

    /// Redeems a code with a proof: the session is bound from its first token on.
    async fn redeem(&self, phone: &Phone<'_>, code: &str) -> Result<issue::Tokens, TokenError> {
        let request = CodeRequest {
            code,
            redirect_uri: Some(&phone.redirect_uri),
            code_verifier: Some(&phone.verifier),
            resource: &[],
            details: None,
            proof: Some(self.proof(self.postern.clock.now())),
            address: None,
            app_version: None,
        };
        postern::flows::token::code::redeem(self.postern.provider(), &self.client, request).await
    }

    /// A bound session of Alice.
    async fn signed_in(&self) -> Tokens {
        let (phone, code) = code(self.postern).await;
        tokens(&self.redeem(&phone, &code).await.expect("a right code"))
    }

    /// Refreshes with a proof made now.
    async fn refresh(&self, token: &str) -> Result<Tokens, TokenError> {
        self.refresh_proved_at(token, self.postern.clock.now()).await
    }

    async fn refresh_proved_at(&self, token: &str, made_at: Instant) -> Result<Tokens, TokenError> {
        let request = RefreshRequest {
            refresh_token: token,
            scope: None,
            resource: &[],
            details: None,
            proof: Some(self.proof(made_at)),
            address: None,
            app_version: None,
        };
        let done =
            postern::flows::token::refresh::refresh(self.postern.provider(), &self.client, request).await;
        done.map(|issued| tokens(&issued))
    }
}

fn tokens(issued: &issue::Tokens) -> Tokens {
    Tokens {
        access: issued.access_token.expose().clone(),
        refresh: issued
            .refresh_token
            .as_ref()
            .expect("a refresh token")
            .expose()
            .clone(),
        answer: serde_json::Value::Null,
    }
}

/// A refusal of the verb, by its `error`.
fn why<T: std::fmt::Debug>(result: Result<T, TokenError>) -> &'static str {
    match result.expect_err("a refusal") {
        TokenError::Refused(error) | TokenError::NotOurs(error) => error.code.as_str(),
        fault @ (TokenError::Issue(_) | TokenError::Store(_)) => panic!("{fault}"),
    }
}
