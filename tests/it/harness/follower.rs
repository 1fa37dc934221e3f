//! An API that follows the revocation stream, and the stream as it reads it.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, Response},
};
use base64ct::{Base64, Encoding};
use futures_util::{FutureExt, StreamExt};
use postern::domain::client::{ClientKind, ClientSettings};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Answer, Postern, ProofKey, form_post};

/// A running copy of a service.
pub(crate) struct Follower<'a> {
    pub(crate) postern: &'a Postern,
    pub(crate) id: &'static str,
    pub(crate) secret: String,
    pub(crate) instance: &'static str,
    pub(crate) token: String,
    /// What its tokens are bound to, if it has one.
    pub(crate) key: Option<Arc<ProofKey>>,
}

/// An open stream.
pub(crate) struct Stream {
    body: BodyDataStream,
    read: String,
}

/// A server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Message {
    /// What is revoked: kind and id.
    pub(crate) fn revoked(&self) -> Vec<(String, String)> {
        let all = self.data["revocations"].as_array();
        let all = all.unwrap_or_else(|| panic!("no revocations: {self:?}"));
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        all.iter()
            .map(|one| (text(&one["kind"]), text(&one["id"])))
            .collect()
    }

    pub(crate) fn asks(&self) -> bool {
        self.data["acknowledge"] == true
    }

    pub(crate) fn polled_at(&self) -> i64 {
        self.data["polled_at"].as_i64().expect("a time")
    }
}

impl<'a> Follower<'a> {
    /// A new service that may follow, with a token.
    pub(crate) async fn new(postern: &'a Postern, id: &'static str) -> Self {
        let mut settings = ClientSettings::new(ClientKind::Service);
        settings.scope = "revocations read".parse().expect("scopes");
        let registered = postern.register(id, settings).await;
        let secret = registered.secret.expect("one with a secret");
        let secret = secret.secret.expose().to_owned();
        let mut follower = Self {
            postern,
            id,
            secret,
            instance: "one",
            token: String::new(),
            key: None,
        };
        follower.token = follower.new_token(&[]).await;
        follower
    }

    /// The same with a token that is bound to a key of its own; it proves the key with each request.
    pub(crate) async fn bound(mut self) -> Self {
        self.key = Some(Arc::new(ProofKey::new()));
        self.token = self.new_token(&[]).await;
        self
    }

    /// A proof for a request to a path (RFC 9449 section 4.2), which presents a token if there is one.
    pub(crate) fn proof(&self, key: &ProofKey, method: &str, path: &str, token: Option<&str>) -> String {
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let url = format!("{}{path}", self.postern.issuer());
        let draft = key.draft(method, &url, self.postern.clock.now().seconds());
        match token {
            Some(token) => draft.for_token(token).sign(),
            None => draft.sign(),
        }
    }

    /// Another copy of the same service, with the same token.
    pub(crate) fn copy(&self, instance: &'static str) -> Self {
        Self {
            instance,
            secret: self.secret.clone(),
            token: self.token.clone(),
            key: self.key.clone(),
            ..*self
        }
    }

    /// The same at another node.
    pub(crate) fn at<'b>(&self, postern: &'b Postern) -> Follower<'b> {
        Follower {
            postern,
            id: self.id,
            instance: self.instance,
            secret: self.secret.clone(),
            token: self.token.clone(),
            key: self.key.clone(),
        }
    }

    /// Sends a form with its secret.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut request = form_post(path, form);
        let basic = Base64::encode_string(format!("{}:{}", self.id, self.secret).as_bytes());
        let basic = format!("Basic {basic}").parse().expect("a header");
        request.headers_mut().insert("authorization", basic);
        if let Some(key) = &self.key {
            let proof = self.proof(key, "POST", path, None).parse().expect("a header");
            request.headers_mut().insert("dpop", proof);
        }
        self.postern.send(request).await
    }

    pub(crate) async fn new_token(&self, more: &[(&str, &str)]) -> String {
        let form = [&[("grant_type", "client_credentials")], more].concat();
        let answer = self.post("/token", &form).await;
        let token = answer.json()["access_token"].as_str().map(str::to_owned);
        token.unwrap_or_else(|| panic!("{answer:?}"))
    }

    fn request(&self, method: &str, path: &str, body: Body) -> Request<Body> {
        let request = Request::builder().method(method).uri(path);
        let request = match &self.key {
            Some(key) => request
                .header("authorization", format!("DPoP {}", self.token))
                .header("dpop", self.proof(key, method, path, Some(&self.token))),
            None => request.header("authorization", format!("Bearer {}", self.token)),
        };
        request
            .header("content-type", "application/json")
            .body(body)
            .expect("a request")
    }

    fn path(&self) -> String {
        format!(
            "/revocations?instance={}&down=refuse&down_after=30",
            self.instance
        )
    }

    /// Opens the stream, or is refused. The node polls meanwhile, as it does by itself.
    pub(crate) async fn try_follow(&self) -> Result<Stream, Answer> {
        self.postern.poll().await;
        let opening = self
            .postern
            .open(self.request("GET", &self.path(), Body::empty()));
        tokio::pin!(opening);
        let response: Response<Body> = loop {
            tokio::select! {
                biased;
                response = &mut opening => break response,
                () = tokio::task::yield_now() => self.postern.poll().await,
            }
        };
        if response.status() != 200 {
            return Err(Answer::of(response).await);
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Ok(Stream {
            body: response.into_body().into_data_stream(),
            read: String::new(),
        })
    }

    /// The answer to a request for the stream that is refused without any poll.
    pub(crate) async fn try_follow_now(&self) -> Answer {
        self.postern
            .send(self.request("GET", &self.path(), Body::empty()))
            .await
    }

    pub(crate) async fn follow(&self) -> Stream {
        match self.try_follow().await {
            Ok(stream) => stream,
            Err(answer) => panic!("{answer:?}"),
        }
    }

    /// Opens the stream and reads the whole beginning.
    pub(crate) async fn followed(&self) -> Stream {
        let mut stream = self.follow().await;
        stream.beginning().await;
        stream
    }

    pub(crate) async fn acknowledge(&self, polled_at: i64) -> Answer {
        let body = json!({ "instance": self.instance, "polled_at": polled_at }).to_string();
        let request = self.request("POST", "/revocations/acknowledge", body.into());
        self.postern.send(request).await
    }

    pub(crate) async fn leave(&self) -> Answer {
        let path = format!("/revocations/instances/{}", self.instance);
        self.postern
            .send(self.request("DELETE", &path, Body::empty()))
            .await
    }

    /// Does what a good copy does, until it is dropped; the node polls meanwhile.
    pub(crate) async fn goes_on(&self, stream: &mut Stream) {
        loop {
            self.postern.poll().await;
            while let Some(message) = stream.ready() {
                if message.asks() {
                    let answer = self.acknowledge(message.polled_at()).await;
                    assert_eq!(answer.status, 204, "{answer:?}");
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Stream {
    /// The next message; nothing at the end.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        let next = timeout(Duration::from_secs(20), self.read());
        next.await.expect("a message or the end")
    }

    async fn read(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.read.split_once("\n\n") {
                let lines: Vec<&str> = message.split('\n').collect();
                let [event, data] = lines.as_slice() else {
                    panic!("not two lines: {lines:?}");
                };
                let event = event.strip_prefix("event: ").expect("an event").to_owned();
                let data = data.strip_prefix("data: ").expect("data");
                let data = serde_json::from_str(data).expect("JSON");
                self.read = rest.to_string();
                return Some(Message { event, data });
            }
            let bytes = self.body.next().await?.expect("the body goes on");
            self.read += std::str::from_utf8(&bytes).expect("text");
        }
    }

    /// The next message, if it has come already.
    pub(crate) fn ready(&mut self) -> Option<Message> {
        self.read().now_or_never().flatten()
    }

    /// Reads from the snapshot to the end of it: what is revoked, and the message that ends it.
    pub(crate) async fn beginning(&mut self) -> (Vec<(String, String)>, Message) {
        let first = self.next().await.expect("a snapshot");
        assert_eq!(first.event, "snapshot");
        let mut revoked = Vec::new();
        loop {
            let message = self.next().await.expect("the rest of the snapshot");
            if message.event == "complete" {
                assert_eq!(first.data, json!({ "count": revoked.len() }));
                assert!(message.asks());
                return (revoked, message);
            }
            assert_eq!(message.event, "revoked");
            let some = message.revoked();
            assert!((1..=500).contains(&some.len()), "{}", some.len());
            revoked.extend(some);
        }
    }

    /// The next message that tells of revocations, whatever comes before it.
    pub(crate) async fn addition(&mut self) -> Vec<(String, String)> {
        loop {
            let message = self.next().await.expect("an addition");
            if message.event == "revoked" {
                return message.revoked();
            }
        }
    }

    /// It ends, whatever comes before.
    pub(crate) async fn ends(&mut self) {
        while self.next().await.is_some() {}
    }
}
