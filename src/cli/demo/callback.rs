//! Where the browser brings the answer: a loopback redirect on a port of the moment (RFC 8252 section 7.3).

use std::net::Ipv4Addr;

use anyhow::Context;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64ct::{Base64, Encoding};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use url::form_urlencoded;

use crate::base::digest::Digest;

/// The listener; it ends with this.
#[derive(Debug)]
pub(super) struct Callback {
    /// The redirect URI.
    pub(super) uri: String,
    arrivals: mpsc::Receiver<Arrival>,
    task: JoinHandle<()>,
}

/// A browser at the redirect URI, waiting for a page.
#[derive(Debug)]
pub(super) struct Arrival {
    parameters: Vec<(String, String)>,
    answer: oneshot::Sender<Page>,
}

/// What the browser shows then.
#[derive(Debug, Clone, Copy)]
pub(super) enum Page {
    /// Signed in.
    Done,
    /// The person said no, or something failed: the terminal says more.
    NotDone,
    /// Not an answer to anything that this app asked.
    NotOurs,
}

impl Callback {
    /// Listens on a free port.
    pub(super) async fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port for the redirect")?;
        let uri = format!("http://{}/callback", listener.local_addr()?);
        let (sender, arrivals) = mpsc::channel(1);
        let router = Router::new().route("/callback", get(arrive)).with_state(sender);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the redirect's listener failed");
            }
        });
        Ok(Self { uri, arrivals, task })
    }

    /// The next browser that comes.
    pub(super) async fn next(&mut self) -> anyhow::Result<Arrival> {
        self.arrivals
            .recv()
            .await
            .context("the redirect's listener failed")
    }

    /// Whoever comes from now on is told that this is over.
    pub(super) fn close(&mut self) {
        self.arrivals.close();
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Arrival {
    /// A parameter that came exactly once.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Gives the browser its page. It may have gone away.
    pub(super) fn answer(self, page: Page) {
        let _ = self.answer.send(page);
    }
}

async fn arrive(
    method: Method,
    State(app): State<mpsc::Sender<Arrival>>,
    RawQuery(query): RawQuery,
) -> Response {
    // A look ahead is no answer.
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let query = query.unwrap_or_default();
    let parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let (answer, page) = oneshot::channel();
    // Nobody there, or nobody waiting any more: then this is no answer to anything.
    let page = match app.try_send(Arrival { parameters, answer }) {
        Ok(()) => page.await.unwrap_or(Page::NotOurs),
        Err(_) => Page::NotOurs,
    };
    page.into_response()
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::Done => (
                StatusCode::OK,
                "You are signed in",
                "You can go back to the terminal now.",
            ),
            Self::NotDone => (
                StatusCode::OK,
                "You are not signed in",
                "Go back to the terminal: it says what happened.",
            ),
            Self::NotOurs => (
                StatusCode::BAD_REQUEST,
                "This is not ours",
                "The demo did not ask for this answer, or has it already.",
            ),
        };
        let html = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <style>{STYLE}</style><main><h1>{title}</h1><p>{text}</p></main></html>"
        );
        let style = Base64::encode_string(Digest::of(STYLE.as_bytes()).as_bytes());
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let headers = [
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (status, headers, html).into_response()
    }
}

const STYLE: &str = "\
    :root{color-scheme:light dark;font:1.1rem/1.5 system-ui,sans-serif}\
    body{margin:0;min-height:100vh;display:grid;place-items:center}\
    main{padding:2rem;text-align:center}h1{font-size:1.6rem;margin:0 0 .5rem}p{margin:0}";
