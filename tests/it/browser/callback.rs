//! The app's end of the redirect: a listener that waits for the browser to come back.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    response::Html,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    time::timeout,
};
use url::Url;

use super::tls_proxy::TlsProxy;

/// Listens for redirects, on a port of its own, until the test's runtime ends.
pub(crate) struct Callback {
    redirect_uri: String,
    arrived: Mutex<mpsc::UnboundedReceiver<Redirect>>,
}

/// A redirect that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Redirect {
    /// As the browser sent it, such as `GET /callback?code=...&state=...`.
    pub(crate) request_line: String,
    /// Of a form post.
    pub(crate) content_type: String,
    /// Of a form post.
    pub(crate) body: String,
    url: Url,
}

impl Redirect {
    /// A query parameter, decoded.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.url
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

impl Callback {
    /// `http://127.0.0.1:PORT/callback`
    pub(crate) async fn ipv4() -> Self {
        let (address, arrived) = listen(Ipv4Addr::LOCALHOST.into()).await;
        Self {
            redirect_uri: format!("http://{address}/callback"),
            arrived,
        }
    }

    /// `http://[::1]:PORT/callback`
    pub(crate) async fn ipv6() -> Self {
        let (address, arrived) = listen(Ipv6Addr::LOCALHOST.into()).await;
        Self {
            redirect_uri: format!("http://{address}/callback"),
            arrived,
        }
    }

    /// `https://localhost:PORT/callback`
    pub(crate) async fn https() -> Self {
        let (address, arrived) = listen(Ipv4Addr::LOCALHOST.into()).await;
        let proxy = TlsProxy::bind().await;
        let redirect_uri = format!("{}/callback", proxy.url());
        proxy.forward_to(address);
        Self {
            redirect_uri,
            arrived,
        }
    }

    /// What the client registers (a loopback one may leave the port away) and asks for.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits for the next redirect.
    pub(crate) async fn received(&self) -> Redirect {
        timeout(super::PATIENCE, self.next())
            .await
            .unwrap_or_else(|_| panic!("no redirect came to {}", self.redirect_uri))
    }

    /// Whether nothing more has come, and nothing comes in a moment.
    pub(crate) async fn stays_quiet(&self) -> bool {
        timeout(Duration::from_millis(300), self.next()).await.is_err()
    }

    async fn next(&self) -> Redirect {
        self.arrived
            .lock()
            .await
            .recv()
            .await
            .expect("the listener runs as long as the test")
    }
}

async fn listen(ip: IpAddr) -> (SocketAddr, Mutex<mpsc::UnboundedReceiver<Redirect>>) {
    let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (tell, arrived) = mpsc::unbounded_channel();
    let app = Router::new().fallback(record).with_state(tell);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, Mutex::new(arrived))
}

async fn record(State(tell): State<mpsc::UnboundedSender<Redirect>>, request: Request) -> Html<&'static str> {
    let target = request.uri().to_string();
    // Browsers ask every new host for an icon.
    if target != "/favicon.ico" {
        let url = Url::parse("http://callback.invalid")
            .and_then(|base| base.join(&target))
            .expect("a target");
        let request_line = format!("{} {target}", request.method());
        let content_type = request.headers().get("content-type");
        let content_type = content_type
            .map_or("", |kind| kind.to_str().expect("ASCII"))
            .to_owned();
        let body = axum::body::to_bytes(request.into_body(), 1 << 20)
            .await
            .expect("a body");
        let redirect = Redirect {
            request_line,
            content_type,
            body: String::from_utf8(body.to_vec()).expect("text"),
            url,
        };
        // The test may be over.
        let _ = tell.send(redirect);
    }
    Html(
        r#"<!doctype html><html lang="en"><title>Back in the app</title><main><h1>Back in the app</h1></main></html>"#,
    )
}
