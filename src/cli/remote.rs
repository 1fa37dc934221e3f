//! A running server, asked through its admin API.

mod refused;
mod token;

use std::{error::Error as _, fmt, time::Duration};

use anyhow::{Context, anyhow, bail};
use http::{Method, StatusCode, header};
use reqwest::{Client, Response, redirect::Policy};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::RwLock;

pub(super) use self::refused::{Refused, missing};
use crate::{
    base::{id::ClientId, secret::Secret, url::Issuer},
    cli::{client_secret, failure::Usage, place::Place, world::World},
};

/// No request takes longer: the longest wait for APIs is a part of what a server allows.
const TIME_LIMIT: Duration = Duration::from_secs(90);
/// No answer is larger: a page of the largest rows.
const MOST: usize = 16 << 20;
/// What is wrong when an answer is none that this program knows.
const ANOTHER_VERSION: &str =
    "the server is another version than this program: use the postern of its version";

/// A server, and the access token for its API.
pub(super) struct Remote {
    http: Client,
    server: Issuer,
    client: ClientId,
    secret: Secret<String>,
    issuer: Issuer,
    token: RwLock<Secret<String>>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Gets a token for the API of this server.
    pub(super) async fn connect(server: Issuer, place: &Place, world: &World) -> anyhow::Result<Self> {
        let usage = |text: &str| anyhow::Error::from(Usage(text.to_owned()));
        let client = place.client_id.clone();
        let client =
            client.ok_or_else(|| usage("--server wants --client-id: as which client it is asked"))?;
        let secret = client_secret::read(place.client_secret_file.as_deref(), world)?;
        let builder = Client::builder().redirect(Policy::none()).timeout(TIME_LIMIT);
        // A server on this machine is not behind the environment's proxy.
        let builder = if server.is_https() {
            builder
        } else {
            builder.no_proxy().tls_certs_only([])
        };
        let http = builder.build().context("https cannot be used on this machine")?;
        let issuer = token::issuer(&http, &server).await?;
        let remote = Self {
            http,
            server,
            client,
            secret,
            issuer,
            token: RwLock::new(Secret::new(String::new())),
        };
        remote.renew().await?;
        Ok(remote)
    }

    /// Gets another token in the place of the one that is there.
    async fn renew(&self) -> anyhow::Result<()> {
        *self.token.write().await = self.granted().await?;
        Ok(())
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<T> {
        self.send(Method::GET, path, query, None).await
    }

    /// Does something.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> anyhow::Result<T> {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// Sends one request to the API.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let mut serializer = url::form_urlencoded::Serializer::new(String::new());
        let query = serializer.extend_pairs(query).finish();
        let mut url = self.server.at(&format!("/api/v1{path}"));
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        let mut answer = self.sent(&method, &url, body.as_ref()).await?;
        // A command may take longer than a token lives; what was refused so was not done.
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.renew().await?;
            answer = self.sent(&method, &url, body.as_ref()).await?;
        }
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, body) = read(answer).await?;
        if !status.is_success() {
            return Err(Refused::new(status, &body, challenge.as_deref()).into());
        }
        serde_json::from_slice(&body)
            .with_context(|| format!("{url} answered something else than expected; {ANOTHER_VERSION}"))
    }

    async fn sent(&self, method: &Method, url: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        let mut asked = self.http.request(method.clone(), url);
        asked = asked.bearer_auth(self.token.read().await.expose());
        if let Some(body) = body {
            asked = asked.json(body);
        }
        answered(asked.send().await, url)
    }
}

/// What was answered, or why nothing was.
fn answered(sent: reqwest::Result<Response>, url: &str) -> anyhow::Result<Response> {
    sent.map_err(|error| {
        let mut cause = error.source();
        let mut is_certificate = false;
        while let Some(source) = cause {
            is_certificate |= source.to_string().contains("certificate");
            cause = source.source();
        }
        let why = if is_certificate {
            "its certificate is not taken: have this machine trust who made it, or name a file with that one's certificate in \
             SSL_CERT_FILE"
        } else if error.is_timeout() {
            "it did not answer in time; what was asked for may have been done: look before you repeat it"
        } else {
            "it does not answer; see whether the server runs, its private listener (server.private_listen) is at this \
             address, and this machine reaches it"
        };
        anyhow!(error.without_url()).context(format!("{url}: {why}"))
    })
}

async fn read(mut answer: Response) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let (status, mut body) = (answer.status(), Vec::new());
    while let Some(chunk) = answer.chunk().await.context("the answer broke off")? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST {
            bail!("the answer is larger than anything that a server of this version says");
        }
    }
    Ok((status, body))
}
