//! The server as its clients see it: https, on a port. And Alice, who does what a client asks her for.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use postern::{
    base::time::Clock,
    config::Config,
    domain::{
        client::{AuthMethod, ClientKind, ClientSettings, RegistrationMode},
        key::Ring,
    },
    flows::keys::rotate::rotate,
    server::serve,
};
use serde_json::{Value, json};

use super::program::Program;
use crate::{
    browser::TlsProxy,
    harness::{ALICE, Browser, Postern},
};

/// Where people come back to a client that signs them in, and where they are sent when they have signed out.
const CALLBACK: &str = "https://app.example/callback";
const SIGNED_OUT: &str = "https://app.example/signed-out";

/// What a service calls.
const API: &str = "https://api.example";

/// Behind TLS, until the test's runtime ends.
pub(super) struct Online {
    pub(super) postern: Postern,
    certificate: PathBuf,
}

impl Online {
    /// By the real clock, as programs go by it.
    pub(super) async fn start() -> Self {
        Self::start_by(Clock::system()).await
    }

    /// By a clock that the test moves, for programs that ask it what time it is.
    pub(super) async fn start_by(clock: Clock) -> Self {
        Self::start_at(clock, |_| {}).await
    }

    /// By the real clock, where whoever `mode` lets may register.
    pub(super) async fn registers(mode: RegistrationMode) -> Self {
        Self::start_at(Clock::system(), |config| config.registration.mode = mode).await
    }

    async fn start_at(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let proxy = TlsProxy::bind().await;
        let (public_url, certificate) = (proxy.url(), proxy.certificate());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        proxy.forward_to(listener.local_addr().expect("an address"));
        let postern = Postern::start_by(clock, |config| {
            config.server.public_url = public_url.parse().expect("a public URL");
            change(config);
        })
        .await;
        let file = postern.folder().join("certificate.pem");
        std::fs::write(&file, certificate).expect("written");
        let (router, config) = (postern.app.router(), postern.config.server.clone());
        tokio::spawn(async move { serve(listener, router, &config, std::future::pending()).await });
        Self {
            postern,
            certificate: file,
        }
    }

    /// What its certificate is checked by.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Registers a client; its secret, if it has one.
    pub(super) async fn register(&self, id: &str, settings: ClientSettings) -> Option<String> {
        let secret = self.postern.register(id, settings).await.secret?;
        Some(secret.secret.expose().to_owned())
    }

    /// Runs a program as a client of these settings to its report. A client that signs is registered when it has told its
    /// public keys.
    pub(super) async fn run(&self, program: Command, id: &str, settings: ClientSettings) -> Value {
        self.run_with(program, id, settings, json!({})).await
    }

    /// The same; the program is told more.
    pub(super) async fn run_with(
        &self,
        program: Command,
        id: &str,
        settings: ClientSettings,
        mut more: Value,
    ) -> Value {
        more["client_id"] = id.into();
        if settings.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt {
            return self.play(program, more, Some((id, settings))).await;
        }
        more["client_secret"] = self.register(id, settings).await.into();
        self.play(program, more, None).await
    }

    /// Runs a program that is no client yet, and registers itself.
    pub(super) async fn run_newcomer(&self, program: Command, more: Value) -> Value {
        self.play(program, more, None).await
    }

    async fn play(
        &self,
        mut program: Command,
        more: Value,
        mut signing: Option<(&str, ClientSettings)>,
    ) -> Value {
        let mut told = json!({
            "issuer": self.postern.issuer(),
            "redirect_uri": CALLBACK,
            "post_logout_redirect_uri": SIGNED_OUT,
            "certificate": self.certificate,
            "now": self.postern.clock.now().seconds(),
        });
        let more = more.as_object().expect("an object").clone();
        told.as_object_mut().expect("an object").extend(more);
        let mut program = Program::start(&mut program, &told);
        let mut browser = self.postern.browser();
        loop {
            let told = program.told().await;
            let text = |name: &str| {
                told[name]
                    .as_str()
                    .unwrap_or_else(|| panic!("no {name} in {told}"))
            };
            let answer = match told["ask"].as_str() {
                None => return told,
                Some("open") => json!({ "url": browser.allow(text("url"), ALICE).await.as_str() }),
                Some("allow device") => allow_device(&mut browser, text("url")).await,
                Some("register") => {
                    let (id, mut settings) = signing.take().expect("a client that signs");
                    settings.jwks = Some(told["jwks"].to_string().parse().expect("public keys"));
                    self.register(id, settings).await;
                    json!({})
                }
                Some("rotate keys") => {
                    // The key that signs from now on was not published when the last rotation was.
                    for _ in 0..2 {
                        self.postern.advance("15m");
                        let rotated = rotate(
                            self.postern.provider(),
                            &[Ring::SigningEs256],
                            postern::domain::actor::Actor::Operator,
                        )
                        .await;
                        rotated.expect("rotated");
                    }
                    json!({ "now": self.postern.clock.now().seconds() })
                }
                Some(other) => panic!("the program asks for {other:?}"),
            };
            program.say(&answer);
        }
    }

    /// The `sub` of Alice.
    pub(super) async fn alice(&self) -> String {
        self.postern.user(ALICE).await.id.to_string()
    }

    /// State and reason of the end of every device session.
    pub(super) async fn sessions(&self) -> Vec<String> {
        let all = "SELECT state || ' ' || COALESCE(end_reason, '-') FROM device_sessions ORDER BY id";
        self.postern.texts(all).await
    }

    /// How many device sessions are bound to a key.
    pub(super) async fn bound(&self) -> i64 {
        let all = "SELECT COUNT(*) FROM device_sessions WHERE jkt IS NOT NULL";
        self.postern.number(all).await
    }
}

/// A client that signs people in: an app without a secret, or a web server.
pub(super) fn signs_people_in(kind: ClientKind) -> ClientSettings {
    for_people(ClientSettings::new(kind))
}

/// The same with other settings to start from.
pub(super) fn for_people(settings: ClientSettings) -> ClientSettings {
    ClientSettings {
        redirect_uris: vec![CALLBACK.parse().expect("valid")],
        post_logout_redirect_uris: vec![SIGNED_OUT.parse().expect("valid")],
        scope: "openid profile email offline_access".parse().expect("valid"),
        ..settings
    }
}

/// A program without people.
pub(super) fn service() -> ClientSettings {
    ClientSettings {
        scope: "read write".parse().expect("valid"),
        ..ClientSettings::new(ClientKind::Service)
    }
}

/// A service that may call an API, and what the program is told of that one.
pub(super) async fn calls_an_api(online: &Online, method: AuthMethod) -> (ClientSettings, Value) {
    let api = ClientSettings {
        audience: API.parse().ok(),
        ..ClientSettings::new(ClientKind::Service)
    };
    let secret = online.register("api", api).await;
    let settings = ClientSettings {
        token_endpoint_auth_method: method,
        resources: vec![API.parse().expect("valid")],
        ..service()
    };
    (settings, json!({ "api": API, "api_secret": secret }))
}

/// Opens the link that a device shows: the code is filled in; she looks at it, signs in and allows.
async fn allow_device(browser: &mut Browser<'_>, url: &str) -> Value {
    let page = browser.open(url).await.page();
    let mut page = browser.submit(&page.form("/device")).await.page();
    if !page.forms("/sign-in").is_empty() {
        page = browser.sign_in(&page, ALICE).await.page();
    }
    let form = page.form("/device/decide").with("decision", "allow");
    let done = browser.submit(&form).await.page();
    assert_eq!(done.heading(), "Your device is connected");
    json!({})
}
