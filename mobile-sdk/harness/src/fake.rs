//! A server within the test, for what the real one never does: it knows RFC 6749 and what its rules say, and every secret of
//! its has `canary` in it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{Header, HttpRequest, HttpResponse, Input, parsers};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::device::{App, Device, config};

/// Where it is.
pub const ISSUER: &str = "http://localhost:1";

/// What this server does.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Rules {
    /// The predecessor of a refresh token is answered with the same successor.
    pub predecessor: bool,
    /// A repeated predecessor ends the session.
    pub reuse_ends: bool,
    /// Tokens are bound.
    pub bound: bool,
    /// It wants evidence with each request.
    pub attestation: bool,
    /// Where its endpoints are.
    pub base: String,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            predecessor: true,
            reuse_ends: false,
            bound: true,
            attestation: false,
            base: ISSUER.to_owned(),
        }
    }
}

type Instead = Box<dyn FnMut(&str, &HttpRequest) -> Option<Input> + Send>;
type Fields = BTreeMap<String, String>;

#[derive(Default)]
struct State {
    rules: Rules,
    /// How many names were given.
    last: u32,
    person: String,
    pushed: BTreeMap<String, Fields>,
    codes: BTreeMap<String, (Fields, String)>,
    /// Refresh tokens: of which session, for whom, and their successor.
    refresh: BTreeMap<String, (u32, String, Option<String>)>,
    ended: Vec<u32>,
    challenges: Vec<String>,
    asked: Vec<String>,
    instead: Option<Instead>,
}

/// The server.
#[derive(Clone)]
pub struct Fake(Arc<Mutex<State>>);

/// The hash of a key (RFC 7638), of a proof that is signed with it and made for this request.
fn proven(request: &HttpRequest) -> Option<String> {
    let proof = header(request, "DPoP")?;
    let mut parts = proof.split('.');
    let (head, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let read = |part: &str| -> Option<Value> {
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).ok()?).ok()
    };
    let jwk = read(head)?["jwk"].clone();
    let (x, y) = (jwk["x"].as_str()?, jwk["y"].as_str()?);
    let mut point = vec![4];
    point.extend(Base64UrlUnpadded::decode_vec(x).ok()?);
    point.extend(Base64UrlUnpadded::decode_vec(y).ok()?);
    let signed = format!("{head}.{claims}");
    let signature = Base64UrlUnpadded::decode_vec(signature).ok()?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &signature)
        .ok()?;
    let claims = read(claims)?;
    (claims["htm"] == request.method && claims["htu"] == request.url).then_some(())?;
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Some(digest(&jwk))
}

fn digest(text: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(text))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|header| header.name == name);
    found.map(|header| header.value.text())
}

fn fields(text: &str) -> Fields {
    parsers::query(text).unwrap_or_default().into_iter().collect()
}

/// An answer in JSON.
pub fn answer(status: u16, body: &Value) -> Input {
    answer_with(status, &[], body)
}

/// The same with headers.
pub fn answer_with(status: u16, headers: &[(&str, &str)], body: &Value) -> Input {
    let headers = headers.iter().map(|(name, value)| Header {
        name: (*name).to_owned(),
        value: (*value).into(),
    });
    Input::Http {
        response: HttpResponse {
            status,
            headers: headers.collect(),
            body: body.to_string().into(),
        },
    }
}

/// A well-formed no.
pub fn no(error: &str) -> Input {
    answer(400, &json!({ "error": error }))
}

impl Default for Fake {
    fn default() -> Self {
        Self::new(Rules::default())
    }
}

impl Fake {
    /// A server with these rules.
    pub fn new(rules: Rules) -> Self {
        Self(Arc::new(Mutex::new(State {
            rules,
            person: "alice".to_owned(),
            ..State::default()
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the rules.
    pub fn rules(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.state().rules);
    }

    /// Who sits before the browser from now on.
    pub fn person(&self, name: &str) {
        name.clone_into(&mut self.state().person);
    }

    /// Answers some requests in another way from now on; the first argument is the endpoint's path.
    pub fn instead(&self, answer: impl FnMut(&str, &HttpRequest) -> Option<Input> + Send + 'static) {
        self.state().instead = Some(Box::new(answer));
    }

    /// As before.
    pub fn as_ever(&self) {
        self.state().instead = None;
    }

    /// How often an endpoint was asked.
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.iter().filter(|asked| *asked == path).count()
    }

    /// Ends all sessions.
    pub fn end_all(&self) {
        let mut state = self.state();
        state.ended = state.refresh.values().map(|(session, ..)| *session).collect();
    }

    /// How many sessions have been ended.
    pub fn ended(&self) -> usize {
        let mut ended = self.state().ended.clone();
        ended.sort_unstable();
        ended.dedup();
        ended.len()
    }

    /// A device with an app for this server.
    pub fn device(&self) -> Arc<Device> {
        self.device_with(|_| {})
    }

    /// The same with another configuration.
    pub fn device_with(&self, change: impl FnOnce(&mut postern_mobile_core::Config)) -> Arc<Device> {
        let mut config = config(ISSUER);
        change(&mut config);
        let device = Device::new(config);
        let server = self.clone();
        device.wire(move |request| server.send(request));
        device
    }

    /// And with somebody signed in.
    pub fn signed_in(&self) -> Arc<Device> {
        let device = self.device();
        self.sign_in(&device.app());
        device
    }

    /// Signs the person in.
    pub fn sign_in(&self, app: &App) -> String {
        let back = self.browse(&app.begin());
        match app.run(app.core.handle_redirect(back.as_str().into())) {
            Ok(postern_mobile_core::Outcome::SignedIn { account }) => account,
            other => panic!("{other:?}"),
        }
    }

    /// The person opens this URL and says yes: where the browser goes.
    pub fn browse(&self, url: &str) -> String {
        let mut state = self.state();
        let asked = fields(url.split_once('?').expect("a query").1);
        let request = match asked.get("request_uri") {
            Some(uri) => state.pushed.remove(uri).expect("pushed"),
            None => asked,
        };
        let code = state.name("code");
        let back = format!(
            "{}?code={code}&state={}",
            request["redirect_uri"], request["state"]
        );
        let person = state.person.clone();
        state.codes.insert(code, (request, person));
        back
    }

    /// Answers a request.
    pub fn send(&self, request: &HttpRequest) -> Input {
        let mut state = self.state();
        let there = request.url.strip_prefix(state.rules.base.as_str());
        let here = there.filter(|rest| rest.starts_with('/'));
        let path = here.map_or_else(
            || request.url.splitn(4, '/').nth(3).unwrap_or_default(),
            |rest| rest.trim_start_matches('/'),
        );
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let here = here.is_some();
        state.asked.push(path.clone());
        if let Some(mut instead) = state.instead.take() {
            let answer = instead(&path, request);
            state.instead = Some(instead);
            if let Some(answer) = answer {
                return answer;
            }
        }
        match path.as_str() {
            ".well-known/openid-configuration" => state.document(),
            _ if !here => answer(404, &json!({})),
            "par" => state.push(request),
            "token" => state.token(request),
            "revoke" => {
                let token = fields(request.body.text()).remove("token").unwrap_or_default();
                if let Some((session, ..)) = state.refresh.get(&token) {
                    let session = *session;
                    state.ended.push(session);
                }
                answer(200, &json!({}))
            }
            "challenge" => {
                let challenge = state.name("challenge");
                state.challenges.push(challenge.clone());
                answer(200, &json!({ "attestation_challenge": challenge }))
            }
            _ => answer(404, &json!({})),
        }
    }
}

impl State {
    fn name(&mut self, kind: &str) -> String {
        self.last += 1;
        format!("canary-{kind}-{:040}", self.last)
    }

    fn document(&self) -> Input {
        let base = &self.rules.base;
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"),
            "pushed_authorization_request_endpoint": format!("{base}/par"),
            "revocation_endpoint": format!("{base}/revoke"),
            "end_session_endpoint": format!("{base}/end"),
            "code_challenge_methods_supported": ["S256"],
            "dpop_signing_alg_values_supported": ["ES256"],
        });
        if self.rules.attestation {
            document["challenge_endpoint"] = format!("{base}/challenge").into();
        }
        answer(200, &document)
    }

    fn push(&mut self, request: &HttpRequest) -> Input {
        if let Err(refused) = self.attested(request, None) {
            return refused;
        }
        let uri = self.name("request");
        self.pushed.insert(uri.clone(), fields(request.body.text()));
        answer(201, &json!({ "request_uri": uri, "expires_in": 60 }))
    }

    /// Evidence of the test's attestor: it names a challenge, which counts once, and the key.
    fn attested(&mut self, request: &HttpRequest, key: Option<&str>) -> Result<(), Input> {
        if !self.rules.attestation {
            return Ok(());
        }
        let evidence = header(request, "OAuth-Client-Attestation-PoP").unwrap_or_default();
        let (challenge, jkt) = evidence.split_once('/').unwrap_or_default();
        let at = self.challenges.iter().position(|open| open == challenge);
        let Some(at) = at else {
            return Err(no("use_attestation_challenge"));
        };
        self.challenges.remove(at);
        if header(request, "OAuth-Client-Attestation").is_none() || key.is_some_and(|key| key != jkt) {
            return Err(no("invalid_client_attestation"));
        }
        Ok(())
    }

    fn token(&mut self, request: &HttpRequest) -> Input {
        let key = proven(request);
        if self.rules.bound && key.is_none() {
            return no("invalid_dpop_proof");
        }
        if let Err(refused) = self.attested(request, key.as_deref()) {
            return refused;
        }
        let asked = fields(request.body.text());
        let field = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        match field("grant_type") {
            "authorization_code" => {
                let Some((request, person)) = self.codes.remove(field("code")) else {
                    return no("invalid_grant");
                };
                let bound = request.get("dpop_jkt");
                if digest(field("code_verifier")) != request["code_challenge"]
                    || bound.is_some_and(|bound| Some(bound) != key.as_ref())
                {
                    return no("invalid_grant");
                }
                let session = self.last;
                self.grant(session, &person, request.get("nonce"))
            }
            "refresh_token" => self.refresh(field("refresh_token")),
            _ => {
                let token = self.name("exchanged");
                let kind = if self.rules.bound { "DPoP" } else { "Bearer" };
                answer(
                    200,
                    &json!({ "access_token": token, "token_type": kind, "expires_in": 60 }),
                )
            }
        }
    }

    fn refresh(&mut self, token: &str) -> Input {
        let Some((session, person, successor)) = self.refresh.get(token).cloned() else {
            return no("invalid_grant");
        };
        if self.ended.contains(&session) {
            return no("invalid_grant");
        }
        match successor {
            Some(successor) if self.rules.predecessor => {
                let used = self.refresh.get(&successor).is_some_and(|next| next.2.is_some());
                if used {
                    return no("invalid_grant");
                }
                self.tokens(&person, &successor, None)
            }
            Some(_) => {
                if self.rules.reuse_ends {
                    self.ended.push(session);
                }
                no("invalid_grant")
            }
            None => {
                let successor = self.name("refresh");
                if let Some(sent) = self.refresh.get_mut(token) {
                    sent.2 = Some(successor.clone());
                }
                self.refresh
                    .insert(successor.clone(), (session, person.clone(), None));
                self.tokens(&person, &successor, None)
            }
        }
    }

    fn grant(&mut self, session: u32, person: &str, nonce: Option<&String>) -> Input {
        let token = self.name("refresh");
        self.refresh
            .insert(token.clone(), (session, person.to_owned(), None));
        self.tokens(person, &token, nonce)
    }

    fn tokens(&mut self, person: &str, refresh: &str, nonce: Option<&String>) -> Input {
        let mut claims =
            json!({ "iss": ISSUER, "aud": "app", "sub": person, "iat": 0, "exp": 9_999_999_999_u64 });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        let id_token = format!(
            "{}.{}.{}",
            Base64UrlUnpadded::encode_string(br#"{"alg":"ES256"}"#),
            Base64UrlUnpadded::encode_string(claims.to_string().as_bytes()),
            self.name("signature"),
        );
        let body = json!({
            "access_token": self.name("access"),
            "token_type": if self.rules.bound { "DPoP" } else { "Bearer" },
            "expires_in": 3600,
            "refresh_token": refresh,
            "id_token": id_token,
        });
        answer(200, &body)
    }
}
