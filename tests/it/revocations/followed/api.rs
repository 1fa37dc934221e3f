//! An API as its authors write it: axum, the crate's layer, a handler that names a scope.

use std::time::Duration;

use axum::{Router, routing::get};
use postern::base::time::Clock;
use postern_resource_server::{Follow, HasScope, Postern, StreamHealth, WhenDown, scopes};
use reqwest::Client;
use tokio::{net::TcpListener, time::sleep};

use super::{Session, World, surely, world::API};

scopes! {
    NotesRead = "notes:read";
}

async fn read(_: HasScope<NotesRead>) -> &'static str {
    "notes"
}

/// It answers until the test's runtime ends.
pub(super) struct Api {
    postern: Postern,
    url: String,
    http: Client,
}

impl Api {
    /// One that follows, and knows everything by now.
    pub(super) async fn follow(world: &World) -> Self {
        Self::follow_or(world, WhenDown::Introspect, 30).await
    }

    /// The same with what it does after so many seconds without news.
    pub(super) async fn follow_or(world: &World, choice: WhenDown, after: u64) -> Self {
        let follow = Follow::as_client("api", &world.secret).when_down(choice, Duration::from_secs(after));
        let postern = Postern::discover(world.issuer(), API).follow(follow).await;
        let postern = postern.expect("an issuer that answers");
        let routes = Router::new().route("/notes", get(read)).layer(postern.layer());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let http = Client::builder().no_proxy().build().expect("a client");
        let api = Self { postern, url, http };
        api.is_up().await;
        api
    }

    /// What is answered to who presents the session's token.
    pub(super) async fn ask(&self, session: &Session) -> u16 {
        let request = self.http.get(format!("{}/notes", self.url));
        let request = match &session.key {
            None => request.bearer_auth(&session.access),
            Some(key) => {
                let draft = key.draft("GET", &format!("{API}/notes"), Clock::system().now().seconds());
                let proof = draft.for_token(&session.access).sign();
                let request = request.header("authorization", format!("DPoP {}", session.access));
                request.header("dpop", proof)
            }
        };
        let answer = request.send().await.expect("an answer");
        answer.status().as_u16()
    }

    pub(super) async fn accepts(&self, session: &Session) {
        assert_eq!(self.ask(session).await, 200, "{:?}", self.health());
    }

    /// Refused, at once.
    pub(super) async fn refuses(&self, session: &Session) {
        assert_eq!(self.ask(session).await, 401, "{:?}", self.health());
    }

    /// Refused when the end has arrived, and from then on.
    pub(super) async fn refuses_at_last(&self, session: &Session) {
        self.answers(session, 401).await;
        self.refuses(session).await;
    }

    pub(super) async fn answers(&self, session: &Session, status: u16) {
        surely(&format!("{status}"), async {
            while self.ask(session).await != status {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    pub(super) fn health(&self) -> StreamHealth {
        self.postern.health().revocations
    }

    pub(super) async fn is_up(&self) {
        self.becomes("up", |health| matches!(health, StreamHealth::Up { .. }))
            .await;
    }

    /// It has noticed, and does now what it chose.
    pub(super) async fn has_chosen(&self) {
        let chosen = |health| matches!(health, StreamHealth::Down { choice: Some(_), .. });
        self.becomes("down", chosen).await;
    }

    pub(super) async fn becomes(&self, what: &str, holds: impl Fn(StreamHealth) -> bool) {
        surely(what, async {
            while !holds(self.health()) {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// Stops in order.
    pub(super) async fn stop(&self) {
        self.postern.stop().await;
    }
}
