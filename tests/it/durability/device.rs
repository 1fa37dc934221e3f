//! An app on a device: it refreshes for ever, and asks again with the same token when it gets no answer, as apps do.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use postern::base::id::DeviceSessionId;
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

use super::node::Node;
use crate::harness::Tokens;

/// What an app does before it asks again; `Retry-After` would make the tests long.
const AGAIN: Duration = Duration::from_millis(5);

/// What a device holds.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) refresh: String,
    pub(super) access: String,
}

impl Held {
    fn of(tokens: &Tokens) -> Self {
        Self {
            refresh: tokens.refresh.clone(),
            access: tokens.access.clone(),
        }
    }

    /// The token's generation, which stands before the MAC of 32 bytes.
    pub(super) fn generation(&self) -> i64 {
        let text = self.refresh.strip_prefix("pst_rt_").expect("a refresh token");
        let bytes = Base64UrlUnpadded::decode_vec(text).expect("base64url");
        let generation = &bytes[bytes.len() - 36..bytes.len() - 32];
        i64::from(u32::from_be_bytes(generation.try_into().expect("four bytes")))
    }
}

/// What came of one request.
#[derive(Debug)]
enum Came {
    /// 200 and what it says.
    Good(Value),
    /// The answer that ends a session for an app.
    Refused,
    /// No answer, or one that says to come back: why.
    Nothing(String),
}

/// Sends a request. Any other answer is a fault of the server.
async fn came(request: RequestBuilder) -> Came {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Came::Nothing(format!("{error:?}")),
    };
    let status = answer.status();
    let body = match answer.text().await {
        Ok(body) => body,
        Err(error) => return Came::Nothing(format!("{status} and then {error:?}")),
    };
    match status {
        StatusCode::OK => Came::Good(serde_json::from_str(&body).unwrap_or(Value::Null)),
        StatusCode::SERVICE_UNAVAILABLE => Came::Nothing(body),
        StatusCode::UNAUTHORIZED => Came::Refused,
        StatusCode::BAD_REQUEST if body.contains("\"invalid_grant\"") => Came::Refused,
        _ => panic!("{status} {body}"),
    }
}

/// An installation of the app `notes`.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: DeviceSessionId,
    held: Mutex<Held>,
    /// Somebody has asked for its end.
    ending: AtomicBool,
    /// The end was acknowledged.
    ended: AtomicBool,
    /// How many refreshes it got.
    pub(super) refreshed: AtomicU64,
    /// How many requests came to nothing.
    pub(super) unanswered: AtomicU64,
    /// Why the last of them did.
    trouble: Mutex<String>,
}

impl Device {
    /// One that has just signed in.
    pub(super) fn new(tokens: &Tokens) -> Self {
        Self {
            id: tokens.sid().parse().expect("a session's id"),
            held: Mutex::new(Held::of(tokens)),
            ending: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            refreshed: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            trouble: Mutex::default(),
        }
    }

    pub(super) fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How far it came: for the message of a test that fails.
    pub(super) fn state(&self) -> String {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let (refreshed, unanswered) = (&self.refreshed, &self.unanswered);
        format!(
            "{}: {refreshed:?} refreshed, {unanswered:?} unanswered, at last: {trouble}",
            self.id
        )
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Refreshes again and again until it is told to stop or its session ends. In one of four refreshes the answer is
    /// lost on its way, so the token is used again: it must give the same successor.
    pub(super) async fn lives(&self, node: &Node, stop: &AtomicBool, seed: u64) {
        let mut chance = StdRng::seed_from_u64(seed);
        while !stop.load(Ordering::SeqCst) {
            let held = self.held();
            let Some(next) = self.refresh(node, &held).await else {
                return;
            };
            if chance.next_u32().is_multiple_of(4) {
                let Some(same) = self.refresh(node, &held).await else {
                    return;
                };
                assert_eq!(
                    same.refresh, next.refresh,
                    "{}: two successors of one token",
                    self.id
                );
            }
            sleep(Duration::from_millis(u64::from(chance.next_u32() % 200))).await;
        }
    }

    /// One refresh, asked for until it is answered. Nothing when the session was ended by us.
    pub(super) async fn refresh(&self, node: &Node, held: &Held) -> Option<Held> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "notes"),
            ("refresh_token", &held.refresh),
        ];
        node.surely(self, "a refresh", async {
            loop {
                let had_ended = self.has_ended();
                match came(node.post("/token", &form)).await {
                    Came::Good(answer) => {
                        assert!(!had_ended, "{} was refreshed after its end", self.id);
                        return Some(self.keep(held, &answer));
                    }
                    Came::Refused => {
                        assert!(
                            self.ending.load(Ordering::SeqCst),
                            "{}: a forced sign-in",
                            self.id
                        );
                        return None;
                    }
                    Came::Nothing(why) => self.again(why).await,
                }
            }
        })
        .await
    }

    fn keep(&self, held: &Held, answer: &Value) -> Held {
        let text = |name: &str| answer[name].as_str().expect("a token").to_owned();
        let next = Held {
            refresh: text("refresh_token"),
            access: text("access_token"),
        };
        assert_eq!(next.generation(), held.generation() + 1, "{}: a branch", self.id);
        self.refreshed.fetch_add(1, Ordering::SeqCst);
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = next.clone();
        next
    }

    async fn again(&self, why: String) {
        self.unanswered.fetch_add(1, Ordering::SeqCst);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
        sleep(AGAIN).await;
    }

    /// Gives its session back, until that is acknowledged.
    pub(super) async fn ends(&self, node: &Node) {
        self.ending.store(true, Ordering::SeqCst);
        let held = self.held();
        node.surely(self, "the end of a session", async {
            let form = [("client_id", "notes"), ("token", &held.refresh)];
            loop {
                match came(node.post("/revoke", &form)).await {
                    Came::Good(_) => return,
                    other => self.again(format!("{other:?}")).await,
                }
            }
        })
        .await;
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Tries what somebody tries who has stolen the newest tokens of an ended session. Whether there was an answer.
    pub(super) async fn is_refused(&self, node: &Node) -> bool {
        assert!(self.has_ended());
        let held = self.held();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "notes"),
            ("refresh_token", &held.refresh),
        ];
        let refresh = came(node.post("/token", &form)).await;
        let userinfo = came(node.get("/userinfo").bearer_auth(&held.access)).await;
        for (what, came) in [("refresh", &refresh), ("userinfo", &userinfo)] {
            assert!(
                !matches!(came, Came::Good(_)),
                "{} lives after its end: {what}",
                self.id
            );
        }
        matches!((refresh, userinfo), (Came::Refused, Came::Refused))
    }

    /// Is refused, as soon as there is an answer.
    pub(super) async fn is_refused_at_last(&self, node: &Node) {
        node.surely(self, "a refusal", async {
            while !self.is_refused(node).await {
                sleep(AGAIN).await;
            }
        })
        .await;
    }

    /// Whether its access token is accepted, as soon as there is an answer.
    pub(super) async fn is_accepted(&self, node: &Node) -> bool {
        node.surely(self, "an answer", async {
            loop {
                let request = node.get("/userinfo").bearer_auth(self.held().access);
                match came(request).await {
                    Came::Nothing(why) => self.again(why).await,
                    came => return matches!(came, Came::Good(_)),
                }
            }
        })
        .await
    }
}
