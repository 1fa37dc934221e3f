//! An app on a phone: PKCE, the authorization URL, codes and tokens.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use base64ct::{Base64UrlUnpadded, Encoding};
use postern::{
    base::time::{Instant, Lifetime},
    domain::pkce::Challenge,
};
use serde_json::Value;
use url::Url;

use super::{
    Browser, Postern,
    http::{Answer, borrowed, encode, form_post},
    proof::{Draft, ProofKey},
};

/// An installation of an app.
#[derive(Clone)]
pub(crate) struct Phone<'a> {
    postern: &'a Postern,
    pub(crate) client: &'static str,
    pub(crate) redirect_uri: String,
    pub(crate) scope: &'static str,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    /// The key that it proves with each request, if it has one.
    pub(crate) key: Option<Arc<ProofKey>>,
}

/// A token answer.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) answer: Value,
}

impl Tokens {
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let json = answer.json();
        let text = |name: &str| {
            json[name]
                .as_str()
                .unwrap_or_else(|| panic!("{name} in {json}"))
                .to_owned()
        };
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
            answer: json,
        }
    }

    /// The claims of the access token, unverified.
    pub(crate) fn claims(&self) -> Value {
        claims(&self.access)
    }

    /// The claims of the ID token, unverified.
    pub(crate) fn id_claims(&self) -> Value {
        claims(self.answer["id_token"].as_str().expect("an ID token"))
    }

    pub(crate) fn sid(&self) -> String {
        self.claims()["sid"].as_str().expect("a sid").to_owned()
    }
}

fn claims(jwt: &str) -> Value {
    let claims = jwt.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).expect("base64url")).expect("JSON")
}

impl<'a> Phone<'a> {
    pub(crate) fn new(postern: &'a Postern, client: &'static str) -> Self {
        let random = || Base64UrlUnpadded::encode_string(&postern.provider().entropy.bytes::<32>());
        Self {
            postern,
            client,
            redirect_uri: "http://127.0.0.1:49152/callback".to_owned(),
            scope: "openid profile email offline_access",
            state: random(),
            nonce: random(),
            verifier: random(),
            key: None,
        }
    }

    /// An app that has made itself a key.
    pub(crate) fn with_key(postern: &'a Postern, client: &'static str) -> Self {
        Self {
            key: Some(Arc::new(ProofKey::new())),
            ..Self::new(postern, client)
        }
    }

    /// The same app with another key, or with none.
    pub(crate) fn proving(&self, key: Option<ProofKey>) -> Self {
        Self {
            key: key.map(Arc::new),
            ..self.clone()
        }
    }

    /// A right proof for a request, not signed yet.
    pub(crate) fn draft(&self, method: &str, path: &str) -> Draft<'_> {
        let key = self.key.as_ref().expect("an app with a key");
        let url = self.postern.provider().issuer.at(path);
        key.draft(method, &url, self.postern.clock.now().seconds())
    }

    /// A form post with these DPoP headers.
    pub(crate) async fn post_with_proofs(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        proofs: &[&str],
    ) -> Answer {
        let mut request = form_post(path, pairs);
        for proof in proofs {
            request
                .headers_mut()
                .append("dpop", proof.parse().expect("a header"));
        }
        self.postern.send(request).await
    }

    /// To the token endpoint, with a proof if the app has a key.
    async fn ask(&self, pairs: &[(&str, &str)]) -> Answer {
        let proof = self.key.as_ref().map(|_| self.draft("POST", "/token").sign());
        let proofs: Vec<&str> = proof.iter().map(String::as_str).collect();
        self.post_with_proofs("/token", pairs, &proofs).await
    }

    /// The pairs of a redemption.
    pub(crate) fn redemption<'b>(&'b self, code: &'b str) -> [(&'b str, &'b str); 5] {
        [
            ("grant_type", "authorization_code"),
            ("client_id", self.client),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &self.verifier),
            ("code", code),
        ]
    }

    /// The pairs of a refresh.
    pub(crate) fn refreshing<'b>(&'b self, token: &'b str) -> [(&'b str, &'b str); 3] {
        [
            ("grant_type", "refresh_token"),
            ("client_id", self.client),
            ("refresh_token", token),
        ]
    }

    /// The same phone, whose requests another node answers.
    pub(crate) fn at<'b>(&self, postern: &'b Postern) -> Phone<'b> {
        Phone {
            postern,
            ..self.clone()
        }
    }

    /// The parameters of the authorization request.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let challenge = Challenge::of_verifier(&self.verifier)
            .expect("a verifier")
            .digest()
            .to_base64url();
        let pairs = [
            ("response_type", "code"),
            ("client_id", self.client),
            ("redirect_uri", &self.redirect_uri),
            ("scope", self.scope),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The same, with more parameters or others in the place of the usual ones. An empty value leaves the parameter out.
    pub(crate) fn parameters_with(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut pairs = self.parameters();
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        pairs
    }

    /// The authorization URL, with such changes.
    pub(crate) fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let pairs = self.parameters_with(changes);
        let pairs = borrowed(&pairs);
        format!("/authorize?{}", encode(&pairs))
    }

    /// The code of a redirect that came back, after the checks that every app owes (RFC 9207, RFC 6749 10.12).
    pub(crate) fn code(&self, back: &Url) -> String {
        let find = |name: &str| {
            back.query_pairs()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        assert_eq!(
            find("state").as_deref(),
            Some(self.state.as_str()),
            "state came back in {back}"
        );
        assert_eq!(
            find("iss").as_deref(),
            Some(self.postern.issuer()),
            "iss came back in {back}"
        );
        assert!(back.as_str().starts_with(&self.redirect_uri), "{back}");
        find("code").unwrap_or_else(|| panic!("no code in {back}"))
    }

    /// Walks the pages as a person does: signs in where asked, and allows.
    pub(crate) async fn allowed_code(&self, browser: &mut Browser<'_>, email: &str) -> String {
        self.code(&browser.allow(&self.authorize_url(&[]), email).await)
    }

    /// A whole sign-in.
    pub(crate) async fn signed_in(&self, browser: &mut Browser<'_>, email: &str) -> Tokens {
        let code = self.allowed_code(browser, email).await;
        Tokens::of(&self.redeem(&code).await)
    }

    /// Redeems a code.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        self.redeem_with(code, &[]).await
    }

    pub(crate) async fn redeem_with(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        self.ask(&changed(&self.redemption(code), changes)).await
    }

    /// Refreshes.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.refresh_with(token, &[]).await
    }

    pub(crate) async fn refresh_with(&self, token: &str, changes: &[(&str, &str)]) -> Answer {
        self.ask(&changed(&self.refreshing(token), changes)).await
    }

    /// Gives a token back.
    pub(crate) async fn revoke(&self, token: &str) -> Answer {
        self.postern
            .post("/revoke", &[("client_id", self.client), ("token", token)])
            .await
    }

    /// Asks who is signed in.
    pub(crate) async fn userinfo(&self, access_token: &str) -> Answer {
        let Some(_) = &self.key else {
            return self.userinfo_with(&format!("Bearer {access_token}"), &[]).await;
        };
        let proof = self.draft("GET", "/userinfo").for_token(access_token).sign();
        self.userinfo_with(&format!("DPoP {access_token}"), &[&proof])
            .await
    }

    /// The same with this Authorization header and these DPoP headers.
    pub(crate) async fn userinfo_with(&self, authorization: &str, proofs: &[&str]) -> Answer {
        let mut request = Request::get("/userinfo").header("authorization", authorization);
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        self.postern
            .send(request.body(Body::empty()).expect("a request"))
            .await
    }

    /// Whether an API that validates tokens by the published keys accepts this one.
    pub(crate) async fn api_accepts(&self, access_token: &str, audience: &str) -> bool {
        let jwks = self.postern.get("/jwks.json").await.body;
        let keys = postern_resource_server::KeySet::from_jwks(jwks).expect("a key set");
        let expected = postern_resource_server::Expected::new(self.postern.issuer(), audience);
        let presented = postern_resource_server::Presented::bearer(access_token);
        let now = self.postern.clock.now().plus(Lifetime::from_millis(0));
        let seconds = u64::try_from(Instant::seconds(now)).expect("after 1970");
        postern_resource_server::validate(&presented, &keys, &expected, seconds).is_ok()
    }
}

fn changed<'a>(usual: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut pairs = usual.to_vec();
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    pairs
}
