//! The app's HTTP client: no redirects, no proxy, and not for ever.

use std::time::Duration;

use anyhow::{Context, bail};
use http::StatusCode;
use oauth2::{HttpRequest, HttpResponse};
use reqwest::{Client, redirect::Policy};
use serde::de::DeserializeOwned;

const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The client; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Http(Client);

impl Http {
    /// A client.
    pub(super) fn new() -> anyhow::Result<Self> {
        // A proxy of the environment would be asked for addresses of this machine.
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            // It talks plain http to this machine, which may have no authorities.
            .tls_certs_only([])
            .timeout(TIME_LIMIT)
            .build();
        Ok(Self(client.context("the demo's HTTP client cannot be made")?))
    }

    /// What the `oauth2` crate wants of a client.
    pub(super) async fn send(&self, request: HttpRequest) -> reqwest::Result<HttpResponse> {
        let response = self.0.execute(request.try_into()?).await?;
        let mut answer = HttpResponse::default();
        *answer.status_mut() = response.status();
        answer.headers_mut().clone_from(response.headers());
        *answer.body_mut() = response.bytes().await?.into();
        Ok(answer)
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
            reqwest::Result::Ok((response.status(), response.bytes().await?.into()))
        };
        asked.await.with_context(|| format!("{url} cannot be read"))
    }
}
