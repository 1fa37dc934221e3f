//! What the follower asks the issuer: a token of its own, the stream, and about tokens when the stream is down.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use base64ct::{Base64UrlUnpadded, Encoding};
use http::{StatusCode, header};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::polls::millis;
use super::view::WhenDown;
use crate::clock;
use crate::fetch::{FetchError, fetch, no_answer};

/// Who we are for the issuer (RFC 6749 section 2.3.1).
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

pub(crate) struct Endpoints {
    pub(crate) token: Url,
    pub(crate) stream: Url,
    /// Only who introspects needs it.
    pub(crate) introspection: Option<Url>,
}

/// The issuer, as one instance of an API sees it.
pub(crate) struct Issuer {
    client: Client,
    endpoints: Endpoints,
    credentials: Credentials,
    /// Names this process, so that the issuer knows who has acknowledged what.
    instance: String,
    token: Mutex<Option<OwnToken>>,
    /// When introspection failed the last time, in milliseconds since the machine started.
    failed_at: AtomicU64,
}

#[derive(Clone)]
pub(crate) struct OwnToken {
    text: String,
    /// When a new one is needed: before it ends.
    pub(crate) due: Duration,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Introspection {
    active: bool,
}

impl Issuer {
    pub(crate) fn new(
        client: Client,
        endpoints: Endpoints,
        credentials: Credentials,
    ) -> Result<Self, Unspecified> {
        let mut instance = [0; 16];
        aws_lc_rs::rand::fill(&mut instance)?;
        Ok(Self {
            client,
            endpoints,
            credentials,
            instance: Base64UrlUnpadded::encode_string(&instance),
            token: Mutex::new(None),
            failed_at: AtomicU64::new(0),
        })
    }

    /// Our own access token, which is good for a while yet.
    pub(crate) async fn token(&self) -> Result<OwnToken, FetchError> {
        let mut held = self.token.lock().await;
        let now = clock::since_boot();
        if let Some(token) = held.as_ref().filter(|token| now < token.due) {
            return Ok(token.clone());
        }
        let form = [("grant_type", "client_credentials"), ("scope", SCOPE)];
        let request = self.client.post(self.endpoints.token.clone()).form(&form);
        let body = fetch(self.as_client(request)).await?.body;
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(FetchError::Malformed)?;
        let life = Duration::from_secs(answer.expires_in.unwrap_or(DEFAULT_LIFE));
        let token = OwnToken {
            text: answer.access_token,
            due: now + life / 5 * 4,
        };
        *held = Some(token.clone());
        Ok(token)
    }

    /// The stream, which has begun.
    pub(crate) async fn open(
        &self,
        token: &OwnToken,
        when_down: WhenDown,
        after: Duration,
    ) -> Result<Response, FetchError> {
        let down = match when_down {
            WhenDown::Introspect => "introspect",
            WhenDown::Refuse => "refuse",
            WhenDown::Accept => "accept",
        };
        let mut url = self.endpoints.stream.clone();
        url.query_pairs_mut()
            .append_pair("instance", &self.instance)
            .append_pair("down", down)
            .append_pair("down_after", &after.as_secs().to_string());
        let request = (self.client.get(url).bearer_auth(&token.text))
            .header(header::ACCEPT, "text/event-stream")
            // It ends with the token; what says nothing for six seconds is given up long before.
            .timeout(LONGEST_STREAM);
        let answer = tokio::time::timeout(TIME_LIMIT, request.send()).await;
        let response = answer
            .map_err(|error| FetchError::NoAnswer(error.into()))?
            .map_err(no_answer)?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(self.refused(status).await),
        }
    }

    /// Says that requests are judged by all that a poll saw which began then.
    pub(crate) async fn acknowledge(&self, polled_at: u64) -> Result<(), FetchError> {
        let said = serde_json::json!({ "instance": self.instance, "polled_at": polled_at });
        let request = self.client.post(self.below("acknowledge")).json(&said);
        self.tell(request).await
    }

    /// Says that this process ends, so that nobody waits for it.
    pub(crate) async fn leave(&self) -> Result<(), FetchError> {
        let url = self.below(&format!("instances/{}", self.instance));
        self.tell(self.client.delete(url)).await
    }

    /// Whether the issuer says that a token is good (RFC 7662). Who has just failed is not asked again at once: requests
    /// must not queue up for an issuer that is gone.
    pub(crate) async fn is_active(&self, token: &str) -> Result<bool, FetchError> {
        let url = self.endpoints.introspection.clone();
        let url = url.ok_or(FetchError::Status(StatusCode::NOT_FOUND))?;
        let now = millis(clock::since_boot());
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        if failed_at != 0 && now.saturating_sub(failed_at) < millis(BETWEEN_FAILURES) {
            return Err(FetchError::Status(StatusCode::SERVICE_UNAVAILABLE));
        }
        let form = [("token", token), ("token_type_hint", "access_token")];
        let request = self.client.post(url).form(&form).timeout(INTROSPECTION_LIMIT);
        let asked = fetch(self.as_client(request)).await;
        let asked =
            asked.and_then(|answer| serde_json::from_slice(&answer.body).map_err(FetchError::Malformed));
        let failed_at = if asked.is_ok() {
            0
        } else {
            millis(clock::since_boot())
        };
        self.failed_at.store(failed_at, Ordering::Relaxed);
        asked.map(|Introspection { active }| active)
    }

    async fn tell(&self, request: RequestBuilder) -> Result<(), FetchError> {
        let token = self.token().await?;
        let response = request.bearer_auth(token.text).send().await.map_err(no_answer)?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(self.refused(status).await),
        }
    }

    /// A token that the issuer does not take is not shown again.
    async fn refused(&self, status: StatusCode) -> FetchError {
        if status == StatusCode::UNAUTHORIZED {
            *self.token.lock().await = None;
        }
        FetchError::Status(status)
    }

    /// `client_secret_basic` (RFC 6749 section 2.3.1): both are form-encoded first.
    fn as_client(&self, request: RequestBuilder) -> RequestBuilder {
        let Credentials { client_id, secret } = &self.credentials;
        request.basic_auth(form_encoded(client_id), Some(form_encoded(secret)))
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.endpoints.stream.clone();
        let own = url.path().trim_end_matches('/');
        let whole = format!("{own}/{path}");
        url.set_path(&whole);
        url
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("client_id", &self.credentials.client_id)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

fn form_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            encoded + &char::from(byte).to_string()
        }
        _ => encoded + &format!("%{byte:02X}"),
    })
}

const SCOPE: &str = "revocations";
/// Of a token whose issuer does not say, in seconds.
const DEFAULT_LIFE: u64 = 60;
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(5);
const INTROSPECTION_LIMIT: Duration = Duration::from_secs(2);
const BETWEEN_FAILURES: Duration = Duration::from_secs(1);
const LONGEST_STREAM: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_form_encoded() {
        assert_eq!(form_encoded("pst_cs_aB-9.x"), "pst_cs_aB-9.x");
        assert_eq!(
            form_encoded("https://a b:c~ü"),
            "https%3A%2F%2Fa%20b%3Ac%7E%C3%BC"
        );
    }
}
