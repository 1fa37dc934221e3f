//! What the server within the test knows, and how it answers.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use postern_mobile_core::{HttpRequest, Input, parsers};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ISSUER, Instead, Rules, answer, no};

type Fields = BTreeMap<String, String>;

#[derive(Default)]
pub(super) struct State {
    pub(super) rules: Rules,
    /// How many names were given.
    pub(super) last: u32,
    pub(super) person: String,
    pub(super) pushed: BTreeMap<String, Fields>,
    pub(super) codes: BTreeMap<String, (Fields, String)>,
    pub(super) device_codes: Vec<String>,
    /// Refresh tokens: of which session, for whom, and their successor.
    pub(super) refresh: BTreeMap<String, (u32, String, Option<String>)>,
    pub(super) ended: Vec<u32>,
    pub(super) challenges: Vec<String>,
    pub(super) asked: Vec<String>,
    pub(super) instead: Option<Instead>,
}

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

pub(super) fn fields(text: &str) -> Fields {
    parsers::query(text).unwrap_or_default().into_iter().collect()
}

impl State {
    pub(super) fn name(&mut self, kind: &str) -> String {
        self.last += 1;
        format!("canary-{kind}-{:040}", self.last)
    }

    pub(super) fn document(&self) -> Input {
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
        if self.rules.device {
            document["device_authorization_endpoint"] = format!("{base}/device").into();
        }
        answer(200, &document)
    }

    pub(super) fn begin_device(&mut self) -> Input {
        let code = self.name("device-code");
        self.device_codes.push(code.clone());
        let link = format!("{}/link", self.rules.base);
        answer(
            200,
            &json!({ "device_code": code, "user_code": "ABCD", "verification_uri": link, "expires_in": 600 }),
        )
    }

    pub(super) fn push(&mut self, request: &HttpRequest) -> Input {
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

    pub(super) fn token(&mut self, request: &HttpRequest) -> Input {
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
            "urn:ietf:params:oauth:grant-type:device_code" => {
                let at = self
                    .device_codes
                    .iter()
                    .position(|code| code == field("device_code"));
                let Some(at) = at else {
                    return no("invalid_grant");
                };
                self.device_codes.remove(at);
                let (session, person) = (self.last, self.person.clone());
                self.grant(session, &person, None)
            }
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
            "access_token": self.name("access") + &"x".repeat(self.rules.padding),
            "token_type": if self.rules.bound { "DPoP" } else { "Bearer" },
            "expires_in": 3600,
            "refresh_token": refresh,
            "id_token": id_token,
        });
        answer(200, &body)
    }
}
