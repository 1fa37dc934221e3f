//! The real server on a port of its own, and what a person does with its pages.

use std::net::{SocketAddr, TcpListener};

use postern::{
    base::text::Email,
    config::{Config, PrivateConfig, ServerConfig},
    domain::{
        client::{ClientKind, ClientSettings},
        password::Password,
    },
    flows::{account, clients},
    server,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use url::Url;

use super::{Browser, Callback, TlsProxy};
use crate::harness::{ALICE, Answer, PASSWORD, Phone, Postern, Tokens};

/// A server that browsers can reach. It stops with the test.
pub(super) struct Site {
    pub(super) postern: Postern,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Site {
    /// `http://localhost:PORT`
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with other settings.
    pub(super) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (listener, address) = bind();
        Self::serve_with(listener, &format!("http://localhost:{}", address.port()), change).await
    }

    /// `https://localhost:PORT`, behind a proxy that ends TLS.
    pub(super) async fn start_behind_tls() -> Self {
        let (listener, address) = bind();
        let proxy = TlsProxy::bind().await;
        let public_url = proxy.url();
        proxy.forward_to(address);
        Self::serve(listener, &public_url).await
    }

    /// The same with a private listener, and its URL.
    pub(super) async fn start_with_console(private: impl Fn(SocketAddr) -> PrivateConfig) -> (Self, String) {
        let ((listener, address), (console, at)) = (bind(), bind());
        let private = private(at);
        let url = private.url.to_string();
        let public_url = format!("http://localhost:{}", address.port());
        let site = Self::serve_with(listener, &public_url, |config| {
            config.server.private = Some(private);
        })
        .await;
        let router = site.postern.app.private_router().expect("a private listener");
        let config = site.postern.config.server.clone();
        // It ends with the test.
        tokio::spawn(async move { server::serve(console, router, &config, std::future::pending()).await });
        (site, url)
    }

    async fn serve(listener: TcpListener, public_url: &str) -> Self {
        Self::serve_with(listener, public_url, |_| {}).await
    }

    async fn serve_with(listener: TcpListener, public_url: &str, change: impl FnOnce(&mut Config)) -> Self {
        let postern = Postern::start_with(|config| {
            config.server.public_url = public_url.parse().expect("a public URL");
            change(config);
        })
        .await;
        let (stop, stopped) = oneshot::channel();
        let address = listener.local_addr().expect("an address");
        let (router, config): (_, ServerConfig) = (postern.app.router(), postern.config.server.clone());
        let served = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            server::serve(listener, router, &config, stopped).await
        });
        Self {
            postern,
            address,
            stop,
            served,
        }
    }

    /// Stops it as an operator does. A browser's idle connections must not hold it up.
    pub(super) async fn stop(self) {
        self.stop.send(()).expect("the server runs");
        let ended = timeout(super::PATIENCE, self.served)
            .await
            .expect("the server stops");
        ended
            .expect("the server does not panic")
            .expect("the server ends well");
    }

    /// The address of a page.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.postern.issuer())
    }

    /// Registers an app.
    pub(super) async fn add_app(&self, id: &'static str, name: &str, redirect_uris: &[&str]) -> Phone<'_> {
        let redirect_uris = redirect_uris
            .iter()
            .map(|uri| uri.parse().expect("a redirect URI"));
        let settings = ClientSettings {
            redirect_uris: redirect_uris.collect(),
            scope: "openid profile email offline_access".parse().expect("valid"),
            ..ClientSettings::new(ClientKind::Native)
        };
        let (client, name) = (id.parse().expect("a client id"), name.parse().expect("a name"));
        clients::add(self.postern.provider(), client, name, settings)
            .await
            .expect("a new client");
        self.postern.phone_of(id)
    }

    /// Adds a person with a name.
    pub(super) async fn add_person(&self, email: &str, name: &str) {
        let email: Email = email.parse().expect("an address");
        let password = Password::chosen(PASSWORD.to_owned(), &email).expect("a good password");
        let name = name.parse().expect("a name");
        account::add(self.postern.provider(), email, Some(name), password)
            .await
            .expect("a new address");
    }

    /// The app `notes` with its listener on this machine.
    pub(super) async fn notes(&self) -> (Phone<'_>, Callback) {
        listening(self.postern.phone(), Callback::ipv4().await)
    }

    /// An app with its listener on this machine, at an IPv6 address.
    pub(super) async fn desk(&self) -> (Phone<'_>, Callback) {
        let phone = self.add_app("desk", "Desk", &["http://[::1]/callback"]).await;
        listening(phone, Callback::ipv6().await)
    }

    /// An app that claims an https address.
    pub(super) async fn news(&self) -> (Phone<'_>, Callback) {
        let callback = Callback::https().await;
        listening(
            self.add_app("news", "News", &[callback.redirect_uri()]).await,
            callback,
        )
    }

    /// The app opens the system browser.
    pub(super) async fn authorize(&self, browser: &Browser, phone: &Phone<'_>, changes: &[(&str, &str)]) {
        browser.goto(&self.url(&phone.authorize_url(changes))).await;
    }

    /// Redeems a code over the network.
    pub(super) async fn redeem(&self, phone: &Phone<'_>, code: &str) -> Tokens {
        Tokens::of(&self.redeemed(phone, code).await)
    }

    /// What the token endpoint answers to a code over the network.
    pub(super) async fn redeemed(&self, phone: &Phone<'_>, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", phone.client),
            ("redirect_uri", &phone.redirect_uri),
            ("code_verifier", &phone.verifier),
            ("code", code),
        ];
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("an HTTP client");
        let response = http
            .post(format!("http://{}/token", self.address))
            .form(&form)
            .send()
            .await
            .expect("the server answers");
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.expect("text"),
        }
    }

    /// The code that came back to the app's listener, after the checks that the app owes.
    pub(super) async fn code(&self, browser: &Browser, phone: &Phone<'_>, callback: &Callback) -> String {
        let redirect = callback.received().await;
        assert!(
            redirect.request_line.starts_with("GET /callback?"),
            "{redirect:?}"
        );
        browser.wait_for_url(callback.redirect_uri()).await;
        let url: Url = browser.current_url().await.parse().expect("a URL");
        let code = phone.code(&url);
        assert_eq!(redirect.param("code").as_ref(), Some(&code));
        code
    }

    /// Alice signs in to the app and allows it.
    pub(super) async fn sign_in_to(
        &self,
        browser: &Browser,
        phone: &Phone<'_>,
        callback: &Callback,
    ) -> Tokens {
        self.authorize(browser, phone, &[]).await;
        sign_in(browser, ALICE, PASSWORD).await;
        browser.click("#allow").await;
        let code = self.code(browser, phone, callback).await;
        self.redeem(phone, &code).await
    }
}

/// The app comes back to where it listens.
fn listening(mut phone: Phone<'_>, callback: Callback) -> (Phone<'_>, Callback) {
    callback.redirect_uri().clone_into(&mut phone.redirect_uri);
    (phone, callback)
}

fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Fills in the sign-in page.
pub(super) async fn sign_in(browser: &Browser, email: &str, password: &str) {
    browser.wait_for_heading("Sign in").await;
    browser.fill("#email", email).await;
    browser.fill("#password", password).await;
    browser.click("#sign-in").await;
}
