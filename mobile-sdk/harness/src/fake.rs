//! A server within the test, for what the real one never does: it knows RFC 6749 and what its rules say, and every secret of
//! its has `canary` in it.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postern_mobile_core::{Header, HttpRequest, HttpResponse, Input};
use serde_json::{Value, json};

use self::state::{State, fields};
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
    /// It has the device grant, where the person says yes at once.
    pub device: bool,
    /// How much longer its access tokens are than they need to be.
    pub padding: usize,
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
            device: false,
            padding: 0,
            base: ISSUER.to_owned(),
        }
    }
}

type Instead = Box<dyn FnMut(&str, &HttpRequest) -> Option<Input> + Send>;

/// The server.
#[derive(Clone)]
pub struct Fake(Arc<Mutex<State>>);

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

    /// How many sessions it has that nobody has ended.
    pub fn open(&self) -> usize {
        let state = self.state();
        let mut open: Vec<u32> = state.refresh.values().map(|(session, ..)| *session).collect();
        open.retain(|session| !state.ended.contains(session));
        open.sort_unstable();
        open.dedup();
        open.len()
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
            "device" if state.rules.device => state.begin_device(),
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
