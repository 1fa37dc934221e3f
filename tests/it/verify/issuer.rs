//! The real server on a port, and one token of each kind that an API meets.

use std::net::TcpListener;

use aws_lc_rs::hmac;
use base64ct::{Base64UrlUnpadded, Encoding};
use postern::{
    base::time::{Clock, Lifetime},
    domain::client::{AuthMethod, ClientKind, ClientSettings},
    server::serve,
};
use serde_json::{Value, json};

use super::{API, OTHER_API};
use crate::harness::{ALICE, Postern, ProofKey, Tokens};

/// Until the test's runtime ends.
pub(super) struct Issuer {
    pub(super) postern: Postern,
    listener: Option<TcpListener>,
    secret: String,
    /// A token that was good ten minutes ago.
    pub(super) expired: String,
}

impl Issuer {
    /// Its clock stands at the present, by which everybody else goes.
    pub(super) async fn start() -> Self {
        let mut issuer = Self::not_yet_there().await;
        issuer.appears();
        issuer
    }

    /// Its port is taken, and nobody answers there.
    pub(super) async fn not_yet_there() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let before = Clock::system().now().minus(Lifetime::from_secs(600));
        let postern = Postern::start_by(Clock::manual(before), |config| {
            config.server.public_url = format!("http://{address}").parse().expect("a public URL");
        })
        .await;
        let settings = ClientSettings {
            token_endpoint_auth_method: AuthMethod::ClientSecretPost,
            scope: "notes:read notes:write".parse().expect("valid"),
            resource: API.parse().ok(),
            resources: vec![OTHER_API.parse().expect("valid")],
            ..ClientSettings::new(ClientKind::Service)
        };
        let registered = postern.register("robot", settings).await;
        let secret = registered.secret.expect("a service").secret;
        let is_for_the_api = |settings: &mut ClientSettings| {
            settings.resource = API.parse().ok();
            settings.scope = "openid profile offline_access notes:read".parse().expect("valid");
        };
        postern.add_client("app", is_for_the_api).await;
        let mut issuer = Self {
            postern,
            listener: Some(listener),
            secret: secret.expose().to_owned(),
            expired: String::new(),
        };
        issuer.expired = issuer.token("notes:read").await;
        issuer.postern.advance("10m");
        issuer
    }

    /// Begins to answer.
    pub(super) fn appears(&mut self) {
        let listener = self.listener.take().expect("it does not answer yet");
        let (router, config) = (self.postern.app.router(), self.postern.config.server.clone());
        tokio::spawn(async move { serve(listener, router, &config, std::future::pending()).await });
    }

    pub(super) fn url(&self) -> &str {
        self.postern.issuer()
    }

    /// A token of a service, for the API.
    pub(super) async fn token(&self, scope: &str) -> String {
        self.token_for(API, scope, None).await
    }

    pub(super) async fn token_for(&self, api: &str, scope: &str, key: Option<&ProofKey>) -> String {
        let pairs = [
            ("grant_type", "client_credentials"),
            ("client_id", "robot"),
            ("client_secret", &self.secret),
            ("scope", scope),
            ("resource", api),
        ];
        let robot = self.postern.phone_of("robot");
        let url = format!("{}/token", self.url());
        let proof = key.map(|key| key.draft("POST", &url, self.postern.clock.now().seconds()).sign());
        let proofs: Vec<&str> = proof.iter().map(String::as_str).collect();
        let answer = robot.post_with_proofs("/token", &pairs, &proofs).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Alice's tokens in an app that calls the API.
    pub(super) async fn alices(&self) -> Tokens {
        let mut phone = self.postern.phone_of("app");
        phone.scope = "openid profile offline_access notes:read";
        phone.signed_in(&mut self.postern.browser(), ALICE).await
    }

    /// The claims of a good token, signed with what everybody knows in the place of the private key (RFC 8725 section 2.1).
    pub(super) async fn forged(&self) -> [String; 3] {
        let good = self.token("notes:read").await;
        let mut parts = good.split('.');
        let header = Base64UrlUnpadded::decode_vec(parts.next().expect("a header")).expect("base64url");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        let claims = parts.next().expect("claims");
        let keys = self.postern.get("/jwks.json").await.json();
        let key = keys["keys"].as_array().expect("keys").iter();
        let key = key
            .clone()
            .find(|key| key["kid"] == header["kid"])
            .expect("its key");
        let signed = |alg: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
            let mut header = header.clone();
            header["alg"] = json!(alg);
            let unsigned = format!("{}.{claims}", base64(header.to_string().as_bytes()));
            let signature = base64(&sign(unsigned.as_bytes()));
            format!("{unsigned}.{signature}")
        };
        let mac = |secret: &[u8]| {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            move |text: &[u8]| hmac::sign(&secret, text).as_ref().to_vec()
        };
        let point = key["x"].as_str().expect("a point");
        [
            signed("none", &|_| Vec::new()),
            signed("HS256", &mac(key.to_string().as_bytes())),
            signed(
                "HS256",
                &mac(&Base64UrlUnpadded::decode_vec(point).expect("base64url")),
            ),
        ]
    }
}

fn base64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
