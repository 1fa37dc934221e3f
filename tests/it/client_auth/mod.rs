//! Clients that authenticate: their secrets and keys, what they may do, and who pretends to be one.

mod apis;
mod assertions;
mod authorization_details;
mod confusion;
mod credentials;
mod fapi2;
mod introspection;
mod jwks_uri;
mod jwt_bearer;
mod keeping;
mod kinds;
mod long_requests;
mod request_objects;
mod rs256;
mod secrets;
mod signed_answers;

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256,
    },
};
use axum::{body::Body, http::Request};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use postern::{
    base::time::Lifetime,
    domain::client::{AuthMethod, ClientKind, ClientSettings},
    flows::clients::secrets as verbs,
};
use serde_json::{Value, json};

use crate::harness::{ALICE, Answer, Phone, Place, Postern, Tokens, encode, refused};

const API: &str = "https://api.example";

/// The place publishes these keys.
pub(crate) fn publish(place: &Place, keys: &[&Key]) {
    let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
    let body = json!({ "keys": keys }).to_string();
    place.says("200 OK", "content-type: application/json\r\n", &body);
}

/// A confidential client at work.
struct Site<'a> {
    postern: &'a Postern,
    id: &'static str,
    proof: Proof,
}

/// How it shows who it is.
enum Proof {
    Basic(String),
    Post(String),
    Key(Key),
}

impl<'a> Site<'a> {
    /// Registers a client that authenticates with a secret in the header, or as `change` says.
    async fn with_secret(
        postern: &'a Postern,
        id: &'static str,
        kind: ClientKind,
        change: impl FnOnce(&mut ClientSettings),
    ) -> Self {
        let (method, secret) = register(postern, id, kind, change).await;
        let secret = secret.expect("a client with a secret");
        let proof = match method {
            AuthMethod::ClientSecretPost => Proof::Post(secret),
            _ => Proof::Basic(secret),
        };
        Self { postern, id, proof }
    }

    /// Registers one that signs.
    async fn with_key(
        postern: &'a Postern,
        id: &'static str,
        kind: ClientKind,
        key: Key,
        change: impl FnOnce(&mut ClientSettings),
    ) -> Self {
        let jwks = json!({ "keys": [key.public()] }).to_string();
        register(postern, id, kind, |settings| {
            settings.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            settings.jwks = Some(jwks.parse().expect("a key set"));
            change(settings);
        })
        .await;
        Self {
            postern,
            id,
            proof: Proof::Key(key),
        }
    }

    /// Registers one that signs, and publishes its keys at a place of its own.
    async fn with_keys_at(
        postern: &'a Postern,
        id: &'static str,
        kind: ClientKind,
        url: &str,
        key: Key,
    ) -> Self {
        register(postern, id, kind, |settings| {
            settings.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            settings.jwks_uri = Some(url.parse().expect("an https URL"));
        })
        .await;
        let proof = Proof::Key(key);
        Self { postern, id, proof }
    }

    fn phone(&self) -> Phone<'a> {
        self.postern.phone_of(self.id)
    }

    fn secret(&self) -> &str {
        match &self.proof {
            Proof::Basic(secret) | Proof::Post(secret) => secret,
            Proof::Key(_) => panic!("it has a key"),
        }
    }

    fn key(&self) -> &Key {
        match &self.proof {
            Proof::Key(key) => key,
            _ => panic!("it has a secret"),
        }
    }

    /// Sends a form to an endpoint as this client.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        match &self.proof {
            Proof::Basic(secret) => post(self.postern, path, Some(&basic(self.id, secret)), form).await,
            Proof::Post(secret) => {
                let own = [("client_id", self.id), ("client_secret", secret)];
                post(self.postern, path, None, &[&own[..], form].concat()).await
            }
            Proof::Key(key) => {
                let assertion = key.assertion(self.postern, self.id);
                self.assert(path, &assertion, form).await
            }
        }
    }

    /// The same with this assertion.
    async fn assert(&self, path: &str, assertion: &str, form: &[(&str, &str)]) -> Answer {
        let own = [("client_assertion", assertion), ("client_assertion_type", TYPE)];
        post(self.postern, path, None, &[&own[..], form].concat()).await
    }

    /// An access token for itself.
    async fn own_token(&self) -> Answer {
        self.post("/token", &[("grant_type", "client_credentials")]).await
    }

    async fn redeem(&self, phone: &Phone<'_>, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("redirect_uri", &phone.redirect_uri),
            ("code_verifier", &phone.verifier),
            ("code", code),
        ];
        self.post("/token", &form).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.post(
            "/token",
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        )
        .await
    }

    /// Alice signs in.
    async fn signed_in(&self) -> Tokens {
        let phone = self.phone();
        let code = phone.allowed_code(&mut self.postern.browser(), ALICE).await;
        Tokens::of(&self.redeem(&phone, &code).await)
    }

    async fn introspect(&self, token: &str) -> Value {
        let answer = self.post("/introspect", &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.json()
    }
}

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Registers a client; its method and secret.
pub(crate) async fn register(
    postern: &Postern,
    id: &str,
    kind: ClientKind,
    change: impl FnOnce(&mut ClientSettings),
) -> (AuthMethod, Option<String>) {
    let mut settings = ClientSettings::new(kind);
    if kind == ClientKind::Service {
        settings.scope = "read write".parse().expect("valid");
    } else {
        settings.redirect_uris = vec!["http://127.0.0.1/callback".parse().expect("valid")];
        settings.scope = "openid profile email offline_access".parse().expect("valid");
    }
    change(&mut settings);
    let method = settings.token_endpoint_auth_method;
    let secret = postern.register(id, settings).await.secret;
    (method, secret.map(|new| new.secret.expose().to_owned()))
}

/// A new secret of a client, and the ids of the old ones that stay.
async fn rotate(
    postern: &Postern,
    id: &str,
    overlap: &str,
) -> Result<verbs::RotatedSecret, verbs::SecretError> {
    let overlap: Lifetime = overlap.parse().expect("a length of time");
    let id = id.parse().expect("a client id");
    verbs::rotate(
        postern.provider(),
        &id,
        None,
        overlap,
        postern::domain::actor::Actor::Operator,
    )
    .await
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!(
        "Basic {}",
        Base64::encode_string(format!("{id}:{secret}").as_bytes())
    )
}

/// A form post, with an Authorization header if there is one.
pub(crate) async fn post(
    postern: &Postern,
    path: &str,
    authorization: Option<&str>,
    form: &[(&str, &str)],
) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    postern
        .send(request.body(Body::from(encode(form))).expect("a request"))
        .await
}

fn b64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// A client's own key.
pub(crate) struct Key {
    id: &'static str,
    pair: Pair,
    count: AtomicU64,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    fn of(id: &'static str, pair: Pair) -> Self {
        let count = AtomicU64::new(0);
        Self { id, pair, count }
    }

    pub(crate) fn es256(id: &'static str) -> Self {
        Self::of(
            id,
            Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")),
        )
    }

    fn ed25519(id: &'static str) -> Self {
        Self::of(id, Pair::Ed(Ed25519KeyPair::generate().expect("a key")))
    }

    fn rsa(id: &'static str) -> Self {
        Self::of(
            id,
            Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        )
    }

    /// The algorithm that it is for, unless a test says otherwise.
    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
            Pair::Rsa(_) => "PS256",
        }
    }

    pub(crate) fn public(&self) -> Value {
        match &self.pair {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "x": b64(&point[1..33]), "y": b64(&point[33..]) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": b64(pair.public_key().as_ref()) })
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                let (n, e) = (
                    n.big_endian_without_leading_zero(),
                    e.big_endian_without_leading_zero(),
                );
                json!({ "kty": "RSA", "kid": self.id, "n": b64(n), "e": b64(e) })
            }
        }
    }

    /// What a well-made assertion says; no two are the same.
    fn claims(&self, postern: &Postern, client: &str) -> Value {
        let now = postern.clock.now().seconds();
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        json!({
            "iss": client, "sub": client, "aud": postern.issuer(), "jti": format!("{}-{count}", self.id),
            "iat": now, "nbf": now, "exp": now + 60,
        })
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.algorithm(), "kid": self.id })
    }

    pub(crate) fn assertion(&self, postern: &Postern, client: &str) -> String {
        self.sign(&self.header(), &self.claims(postern, client))
    }

    /// Signs by the algorithm that the header names; any other by the key's own.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(header, &claims.to_string())
    }

    /// The same for claims that are written as they are.
    fn sign_text(&self, header: &Value, claims: &str) -> String {
        let part = |text: &str| b64(text.as_bytes());
        let signed = format!("{}.{}", part(&header.to_string()), part(claims));
        let signature = match &self.pair {
            Pair::Ec(pair) => pair
                .sign(&SystemRandom::new(), signed.as_bytes())
                .expect("signed")
                .as_ref()
                .to_vec(),
            Pair::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding: &'static dyn aws_lc_rs::signature::RsaEncoding = if header["alg"] == "RS256" {
                    &RSA_PKCS1_SHA256
                } else {
                    &RSA_PSS_SHA256
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature)
                    .expect("signed");
                signature
            }
        };
        format!("{signed}.{}", b64(&signature))
    }
}
