//! A small API that keeps people's notes: `notes:read` to read one's own, `notes:write` to add one. It follows the issuer's
//! revocations: a session that ends is refused at once.
//!
//! With a server on this machine, in the folder of the repository:
//!
//! ```text
//! postern init       --data notes-demo --public-url http://localhost:8080
//! postern client add robot --data notes-demo --name Robot --kind service \
//!     --scope "notes:read notes:write" --resource http://localhost:3000
//! postern client add notes-api --data notes-demo --name "Notes API" --kind service --scope revocations
//! postern serve      --data notes-demo --listen 127.0.0.1:8080 &
//! CLIENT_SECRET=SECRET_OF_NOTES_API cargo run -p postern-resource-server --example notes-api -- \
//!     http://localhost:8080 http://localhost:3000 notes-api &
//!
//! TOKEN=$(curl -s -u robot:SECRET -d grant_type=client_credentials -d scope=notes:read http://localhost:8080/token |
//!     sed 's/.*"access_token":"\([^"]*\).*/\1/')
//! curl -i http://localhost:3000/notes -H "Authorization: Bearer $TOKEN"
//! curl -i http://localhost:3000/notes -H "Authorization: Bearer $TOKEN" -d 'buy milk'    # 403: it may only read
//! curl -i http://localhost:3000/notes                                                    # 401
//! ```
//!
//! With a token of a person, from any app of theirs that may ask for `notes:read`, and its session, which
//! `postern session list --data notes-demo` shows:
//!
//! ```text
//! curl -i http://localhost:3000/notes -H "Authorization: Bearer $THEIRS"                 # 200
//! postern session end dse_... --data notes-demo
//! curl -i http://localhost:3000/notes -H "Authorization: Bearer $THEIRS"                 # 401, within a second
//! ```
//!
//! `SECRET` and `SECRET_OF_NOTES_API` are what `client add` printed. An issuer behind https wants `--features tls`.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Extension, Json, Router};
use postern_resource_server::{Follow, HasScope, Postern, Scope, scopes};
use tokio::net::TcpListener;

/// The notes of each person, by `sub`.
type Notes = Arc<Mutex<HashMap<String, Vec<String>>>>;

scopes! {
    NotesRead = "notes:read";
    NotesWrite = "notes:write";
}

/// A handler that names a scope cannot run without it.
async fn read(token: HasScope<NotesRead>, Extension(notes): Extension<Notes>) -> Json<Vec<String>> {
    Json(locked(&notes).get(&token.sub).cloned().unwrap_or_default())
}

async fn add(token: HasScope<NotesWrite>, Extension(notes): Extension<Notes>, note: String) -> StatusCode {
    locked(&notes).entry(token.sub.clone()).or_default().push(note);
    StatusCode::CREATED
}

fn locked(notes: &Notes) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The API, for tokens of this issuer that are made for it and have not ended.
pub(crate) async fn api(issuer: &str, audience: &str, follow: Follow) -> Result<Router, Box<dyn Error>> {
    let postern = Postern::discover(issuer, audience).follow(follow).await?;
    let about = postern.protected_resource()?.name("Notes");
    let about = about.scopes([NotesRead::NAME, NotesWrite::NAME]);
    let routes = Router::new()
        .route("/notes", get(read).post(add))
        .layer(DefaultBodyLimit::max(4096))
        .layer(Extension(Notes::default()))
        .layer(postern.layer());
    // Apps that know nothing but this API find the issuer by it (RFC 9728).
    Ok(about.describe(routes))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a secret comes from the environment, not from what everybody on the machine sees"
)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (Ok(secret), [issuer, audience, client]) = (std::env::var("CLIENT_SECRET"), words.as_slice()) else {
        return Err("usage: CLIENT_SECRET=SECRET notes-api ISSUER AUDIENCE CLIENT_ID".into());
    };
    let api = api(issuer, audience, Follow::as_client(client, secret)).await?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, api).await?)
}
