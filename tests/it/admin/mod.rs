//! The private listener: who may ask, what admins may do, and what they see.

mod acts;
mod api;
mod clients;
mod console;
mod life;
mod listener;
mod mass_ends;
mod once;
mod openapi;
mod pages;
mod permissions;
mod roles;
mod schema;
mod sessions;
mod tokens;
mod told;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use postern::{
    config::{Config, PrivateConfig},
    domain::{
        client::{AuthMethod, ClientKind, ClientSettings},
        role::{Permission, Role},
    },
    flows::admin::{By, people},
};
use serde_json::Value;

use crate::{
    client_auth::register,
    harness::{Answer, Browser, Postern, Went, encode, request},
};

const URL: &str = "http://127.0.0.1:9090";
const HERE: [u8; 4] = [127, 0, 0, 1];

fn private(config: &mut Config) {
    config.server.private = Some(PrivateConfig {
        listen: SocketAddr::from((HERE, 9090)),
        url: URL.parse().expect("a URL"),
        allow: "127.0.0.0/8, ::1, 10.1.0.0/16".parse().expect("networks"),
    });
}

async fn start() -> Postern {
    Postern::start_with(private).await
}

fn router(postern: &Postern) -> Router {
    postern.app.private_router().expect("a private listener")
}

/// Sends a request to the private listener from this machine.
async fn send(postern: &Postern, request: Request<Body>) -> Answer {
    send_from(postern, HERE, request).await
}

async fn send_from(postern: &Postern, from: impl Into<IpAddr>, asked: Request<Body>) -> Answer {
    request(&router(postern), SocketAddr::new(from.into(), 40_000), asked).await
}

/// A machine with an access token for the admin API.
struct Machine<'a> {
    postern: &'a Postern,
    token: String,
}

static MACHINES: AtomicU64 = AtomicU64::new(0);

/// A service with these settings over the usual ones: its id and its secret.
async fn machine(
    postern: &Postern,
    scope: &str,
    change: impl FnOnce(&mut ClientSettings),
) -> (String, String) {
    let id = format!("machine-{}", MACHINES.fetch_add(1, Ordering::Relaxed));
    let api = format!("{}/api/v1", postern.issuer());
    let (_, secret) = register(postern, &id, ClientKind::Service, |settings| {
        settings.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
        settings.scope = scope.parse().expect("scopes");
        settings.resource = Some(api.parse().expect("a resource"));
        change(settings);
    })
    .await;
    (id, secret.expect("a secret"))
}

/// A token of it, with all of its scope or some.
async fn granted(postern: &Postern, id: &str, secret: &str, scope: Option<&str>) -> String {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
    ];
    form.extend(scope.map(|scope| ("scope", scope)));
    let answer = postern.post("/token", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

/// The token of a service of its own.
async fn token_of(postern: &Postern, scope: &str, change: impl FnOnce(&mut ClientSettings)) -> String {
    let (id, secret) = machine(postern, scope, change).await;
    granted(postern, &id, &secret, None).await
}

fn scope_of(permissions: impl IntoIterator<Item = Permission>) -> String {
    let scopes: Vec<_> = permissions.into_iter().map(Permission::scope).collect();
    scopes.join(" ")
}

impl<'a> Machine<'a> {
    /// One that may do everything.
    async fn mighty(postern: &'a Postern) -> Self {
        Self::with(postern, Permission::ALL.iter().copied()).await
    }

    async fn with(postern: &'a Postern, permissions: impl IntoIterator<Item = Permission>) -> Self {
        let token = token_of(postern, &scope_of(permissions), |_| {}).await;
        Self { postern, token }
    }

    /// Sends a request; every answer is what the document says.
    async fn send(&self, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let mut asked = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                asked = asked.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = send(self.postern, asked.body(body).expect("a request")).await;
        schema::check(self.postern, method, path, &answer).await;
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body), &[]).await
    }

    /// A POST without a body.
    async fn tell(&self, path: &str) -> Answer {
        self.send("POST", path, None, &[]).await
    }
}

/// What kind of problem an answer is.
#[track_caller]
fn problem(answer: &Answer) -> String {
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{answer:?}"
    );
    let body = answer.json();
    assert_eq!(body["status"], answer.status.as_u16(), "{answer:?}");
    let kind = body["type"].as_str().expect("a type");
    kind.strip_prefix("urn:postern:problem:")
        .expect("one of ours")
        .to_owned()
}

async fn give_role(postern: &Postern, email: &str, role: Option<Role>) {
    let id = postern.user(email).await.id;
    let given = people::set_role(postern.provider(), &By::operator(), id, role).await;
    given.expect("a role");
}

/// A browser that an admin uses: with the public server and with the console, which are two places to it.
struct Admin<'a> {
    postern: &'a Postern,
    browser: Browser<'a>,
    cookies: BTreeMap<String, String>,
}

impl<'a> Admin<'a> {
    fn new(postern: &'a Postern) -> Self {
        Self {
            postern,
            browser: postern.browser(),
            cookies: BTreeMap::new(),
        }
    }

    /// Somebody who has signed in to the console.
    async fn signed_in(postern: &'a Postern, email: &str) -> Self {
        let mut admin = Self::new(postern);
        let answer = admin.sign_in(email).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        admin
    }

    /// Opens the console, signs in where that is asked, and comes back.
    async fn sign_in(&mut self, email: &str) -> Answer {
        let answer = self.open("/console").await;
        self.go_on(answer, email).await
    }

    /// From an answer that leads to the public server and back, until there is a page of the console.
    async fn go_on(&mut self, mut answer: Answer, email: &str) -> Answer {
        while answer.status.is_redirection() {
            let to = answer.location().to_owned();
            answer = match to.strip_prefix(self.postern.issuer()) {
                Some(_) => {
                    let mut went = self.browser.open(&to).await;
                    if let Went::Page(page) = &went {
                        assert_eq!(page.answer.status, 200, "{page:?}");
                        went = self.browser.sign_in(page, email).await;
                    }
                    let back = went.app().to_string();
                    self.open(back.strip_prefix(URL).expect("back at the console"))
                        .await
                }
                None => self.open(&to).await,
            };
        }
        answer
    }

    /// One request to the console, no redirects followed.
    async fn open(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    /// Posts a form as a page of the console does, but for these headers.
    async fn post(&mut self, path: &str, pairs: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut asked = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        self.send(asked.body(Body::from(encode(pairs))).expect("a request"))
            .await
    }

    /// The API by the session of the console.
    async fn api(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut asked = Request::builder().method(method).uri(format!("/api/v1{path}"));
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        if method != "GET" {
            asked = asked.header(header::CONTENT_TYPE, "application/json");
        }
        let body = if method == "GET" { "" } else { "{}" };
        self.send(asked.body(Body::from(body)).expect("a request")).await
    }

    async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, "text/html".parse().expect("a header"));
        if !cookies.is_empty() {
            headers.insert(header::COOKIE, cookies.join("; ").parse().expect("a header"));
        }
        let answer = send(self.postern, request).await;
        for set in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie::Cookie::parse(set.to_str().expect("ASCII")).expect("a cookie");
            if cookie.value().is_empty() {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        answer
    }

    /// The token of the forms of a page.
    fn csrf(page: &Answer) -> String {
        let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").expect("a form");
        rest.split('"').next().expect("a token").to_owned()
    }
}

const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");
