//! The app's HTTP client: no redirects, no proxy, nothing larger than what is expected, and not for ever.

use std::time::Duration;

use anyhow::{Context, bail};
use http::StatusCode;
use oauth2::{HttpRequest, HttpResponse};
use reqwest::{Client, Response, redirect::Policy};
use serde::de::DeserializeOwned;

/// The largest answer that is read.
const MAX_BODY: usize = 256 * 1024;
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The client; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Http(Client);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The request did not arrive, or its answer did not.
    #[error(transparent)]
    Network(#[from] reqwest::Error),
    /// The answer has parts that make none.
    #[error(transparent)]
    Malformed(#[from] http::Error),
    /// The answer is larger than expected.
    #[error("the answer is larger than {MAX_BODY} bytes")]
    TooLarge,
}

impl Http {
    /// A client.
    pub(super) fn new() -> anyhow::Result<Self> {
        // A proxy of the environment would be asked for addresses of this machine.
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIME_LIMIT)
            .build();
        Ok(Self(client.context("the demo's HTTP client cannot be made")?))
    }

    /// What the `oauth2` crate wants of a client.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.execute(request.try_into()?).await?;
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        Ok(answer.body(capped(response).await?)?)
    }

    /// A JSON document.
    pub(super) async fn json<T: DeserializeOwned>(&self, url: &str) -> anyhow::Result<T> {
        let (status, body) = self.get(url, None).await?;
        if status != StatusCode::OK {
            bail!("{url} answered {status}");
        }
        serde_json::from_slice(&body)
            .with_context(|| format!("{url} did not answer with the JSON that is expected"))
    }

    /// Status and body of a GET, with a bearer token.
    pub(super) async fn get(&self, url: &str, token: Option<&str>) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let mut request = self.0.get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let asked = async {
            let response = request.send().await?;
            Ok::<_, HttpError>((response.status(), capped(response).await?))
        };
        asked.await.with_context(|| format!("{url} cannot be read"))
    }
}

async fn capped(mut response: Response) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
