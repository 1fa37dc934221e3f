//! A running server, asked through its admin API.

use std::{fmt, time::Duration};

use anyhow::{Context, anyhow, bail};
use http::{Method, StatusCode, header};
use reqwest::{Client, Response, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    base::{id::ClientId, secret::Secret, url::Issuer},
    cli::{client_secret, failure::Usage, place::Place, world::World},
};

/// No request takes longer: the longest wait for APIs is a part of what a server allows.
const TIME_LIMIT: Duration = Duration::from_secs(90);
/// No answer is larger: a page of the largest rows.
const MOST: usize = 16 << 20;

/// A server, and the access token for its API.
pub(super) struct Remote {
    http: Client,
    server: Issuer,
    client: ClientId,
    token: Secret<String>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// The part of the API's own document that says where tokens come from.
#[derive(Deserialize)]
struct Document {
    components: Components,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Components {
    security_schemes: SecuritySchemes,
}

#[derive(Deserialize)]
struct SecuritySchemes {
    machine: Machine,
}

#[derive(Deserialize)]
struct Machine {
    flows: Flows,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flows {
    client_credentials: ClientCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientCredentials {
    token_url: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

/// An error of the token endpoint (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct NotGranted {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// An error of the API (RFC 9457).
#[derive(Deserialize)]
struct Refused {
    title: String,
    #[serde(default)]
    detail: Option<String>,
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
        let mut remote = Self {
            http,
            server,
            client,
            token: Secret::new(String::new()),
        };
        remote.token = remote.granted(&secret).await?;
        Ok(remote)
    }

    /// Client credentials (RFC 6749 section 4.4), at the place that the API names.
    async fn granted(&self, secret: &Secret<String>) -> anyhow::Result<Secret<String>> {
        let url = self.server.at("/api/v1/openapi.json");
        let answer = self.answered(self.http.get(&url).send().await, &url)?;
        let (status, body) = read(answer).await?;
        let elsewhere = || {
            anyhow!(
                "{url} is not the admin API: --server is the URL of the private listener (server.private_url)"
            )
        };
        if status == StatusCode::NOT_FOUND {
            return Err(elsewhere());
        }
        if status != StatusCode::OK {
            return Err(refused(status, &body, None).context(format!("{url} answered {status}")));
        }
        let document: Document = serde_json::from_slice(&body).map_err(|_| elsewhere())?;
        let url = document
            .components
            .security_schemes
            .machine
            .flows
            .client_credentials
            .token_url;
        // The same rule that holds for the server: the secret is sent there.
        let is_safe = url
            .rsplit_once('/')
            .is_some_and(|(origin, _)| origin.parse::<Issuer>().is_ok());
        if !is_safe {
            bail!("the server names {url} for tokens, which is no https address: its public_url is wrong");
        }
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let asked = self
            .http
            .post(&url)
            .basic_auth(encode(self.client.as_str()), Some(encode(secret.expose())))
            .form(&[("grant_type", "client_credentials")]);
        let (status, body) = read(self.answered(asked.send().await, &url)?).await?;
        if status == StatusCode::OK {
            let granted: Granted = serde_json::from_slice(&body).context("the token endpoint's answer")?;
            return Ok(Secret::new(granted.access_token));
        }
        let client = &self.client;
        match serde_json::from_slice::<NotGranted>(&body) {
            Ok(not) if not.error == "invalid_client" => bail!(
                "the server does not know the client {client} by this secret: it is wrong or over, or the client does not \
                 authenticate with client_secret_basic"
            ),
            Ok(not) => bail!(
                "the server gives {client} no token: {} {}",
                not.error,
                not.error_description
            ),
            Err(_) => bail!("{url} answered {status}"),
        }
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
        let mut asked = self.http.request(method, &url).bearer_auth(self.token.expose());
        if let Some(body) = body {
            asked = asked.json(&body);
        }
        let answer = self.answered(asked.send().await, &url)?;
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, body) = read(answer).await?;
        if !status.is_success() {
            return Err(refused(status, &body, challenge.as_deref()));
        }
        serde_json::from_slice(&body)
            .with_context(|| format!("{url} answered something else than expected: it is another version"))
    }

    fn answered(&self, sent: reqwest::Result<Response>, url: &str) -> anyhow::Result<Response> {
        sent.map_err(reqwest::Error::without_url).with_context(|| {
            let server = &self.server;
            format!("{url} does not answer; is {server} where the server runs, and is server.private_listen set there?")
        })
    }
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

fn refused(status: StatusCode, body: &[u8], challenge: Option<&str>) -> anyhow::Error {
    let scope = challenge.and_then(|challenge| {
        let (_, rest) = challenge.split_once("scope=\"")?;
        Some(rest.split_once('"')?.0)
    });
    if let (StatusCode::FORBIDDEN, Some(scope)) = (status, scope) {
        return anyhow!(
            "the client may not do this: it needs the scope {scope} (postern client set ID --scope ...)"
        );
    }
    match serde_json::from_slice::<Refused>(body) {
        Ok(Refused {
            title,
            detail: Some(detail),
        }) => anyhow!("the server refused: {title}: {detail}"),
        Ok(Refused { title, detail: None }) => anyhow!("the server refused: {title}"),
        Err(_) => anyhow!("the server answered {status}"),
    }
}
