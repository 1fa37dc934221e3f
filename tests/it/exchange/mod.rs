//! Token exchange (RFC 8693): APIs that pass requests on, and apps that sign in by each other.

mod apps;
mod attacks;
mod delegation;
mod native_sso;
mod races;
mod refusals;
mod withdrawn;

use axum::{body::Body, http::Request};
use base64ct::{Base64, Encoding};
use postern::domain::client::{ClientKind, ClientSettings, GrantType};
use serde_json::Value;

use crate::harness::{ALICE, Answer, Phone, Postern, ProofKey, Tokens, encode};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

const ORDERS: &str = "https://orders.example";
const STOCK: &str = "https://stock.example";
const MAIL: &str = "https://mail.example";

/// An API at work, with its secret.
struct Api<'a> {
    postern: &'a Postern,
    id: String,
    secret: String,
    key: Option<ProofKey>,
}

impl<'a> Api<'a> {
    /// Registers one that is called as `audience` and calls `next`, as `change` says otherwise.
    async fn register(
        postern: &'a Postern,
        id: &str,
        (audience, next): (&str, &[&str]),
        change: impl FnOnce(&mut ClientSettings),
    ) -> Self {
        let mut next = next.iter().map(|api| api.parse().expect("valid"));
        let mut settings = ClientSettings {
            scope: "stock:read mail:send".parse().expect("valid"),
            audience: Some(audience.parse().expect("valid")),
            resource: next.next(),
            resources: next.collect(),
            ..ClientSettings::new(ClientKind::Service)
        };
        settings.grant_types.insert(GrantType::TokenExchange);
        change(&mut settings);
        let secret = postern.register(id, settings).await.secret.expect("a secret");
        Self {
            postern,
            id: id.to_owned(),
            secret: secret.secret.expose().to_owned(),
            key: None,
        }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let basic = Base64::encode_string(format!("{}:{}", self.id, self.secret).as_bytes());
        let mut request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {basic}"));
        if let Some(key) = &self.key {
            let url = self.postern.provider().issuer.at(path);
            let proof = key.draft("POST", &url, self.postern.clock.now().seconds());
            request = request.header("dpop", proof.sign());
        }
        let request = request.body(Body::from(encode(form))).expect("a request");
        self.postern.send(request).await
    }

    /// Exchanges a token that somebody called it with.
    async fn exchange(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let usual = [
            ("grant_type", GRANT_TYPE),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        let others = usual
            .into_iter()
            .filter(|(name, _)| !more.iter().any(|(changed, _)| changed == name));
        let form: Vec<_> = others.chain(more.iter().copied()).collect();
        self.post("/token", &form).await
    }

    /// The token that it gets for the next API.
    async fn exchanged(&self, token: &str, more: &[(&str, &str)]) -> String {
        token_of(&self.exchange(token, more).await)
    }

    async fn own_token(&self) -> String {
        let form = [("grant_type", "client_credentials")];
        token_of(&self.post("/token", &form).await)
    }

    async fn introspect(&self, token: &str) -> Value {
        self.post("/introspect", &[("token", token)]).await.json()
    }
}

#[track_caller]
fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().expect("text").to_owned()
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    use base64ct::Base64UrlUnpadded;
    let claims = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).expect("base64url")).expect("JSON")
}

/// An app that calls the orders.
async fn app(postern: &Postern) -> Phone<'_> {
    postern
        .add_client("shop", |settings| {
            settings.resource = Some(ORDERS.parse().expect("valid"));
            settings.scope = "openid email offline_access orders:write stock:read mail:send"
                .parse()
                .expect("valid");
        })
        .await;
    let mut phone = postern.phone_of("shop");
    phone.scope = "openid email offline_access orders:write stock:read mail:send";
    phone
}

/// The app signed in, and the API that it calls, which calls the stock and the mail.
async fn world(postern: &Postern) -> (Phone<'_>, Tokens, Api<'_>) {
    let phone = app(postern).await;
    let orders = Api::register(postern, "orders", (ORDERS, &[STOCK, MAIL]), |_| {}).await;
    let tokens = phone.signed_in(&mut postern.browser(), ALICE).await;
    // The first use of a secret on a day is written, which is not what the tests count.
    orders.introspect("x").await;
    (phone, tokens, orders)
}

/// An app that asks for this.
fn app_of<'a>(postern: &'a Postern, client: &'static str, scope: &'static str) -> Phone<'a> {
    let mut phone = postern.phone_of(client);
    phone.scope = scope;
    phone
}

/// A refusal as RFC 6749 section 5.2 wants it, which tells nothing of what was sent.
#[track_caller]
fn refused(answer: &Answer, error: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.error().as_str()),
        (400, error),
        "{answer:?}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    for private in ["pst_", "eyJ", "dse_", "usr_"] {
        assert!(!answer.body.contains(private), "{answer:?}");
    }
}
