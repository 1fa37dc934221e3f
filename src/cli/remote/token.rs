//! The access token for the API, by client credentials.

use anyhow::{Context, anyhow, bail};
use http::StatusCode;
use reqwest::Client;
use serde::Deserialize;

use super::{ANOTHER_VERSION, Refused, Remote, answered, read};
use crate::{
    base::{secret::Secret, url::Issuer},
    flows::admin::api::AUDIENCE,
};

/// The token endpoint, below the public URL.
const ENDPOINT: &str = "/token";

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

/// Where the tokens for the API of a server come from, as the API says: the server's public URL.
pub(super) async fn issuer(http: &Client, server: &Issuer) -> anyhow::Result<Issuer> {
    let url = server.at("/api/v1/openapi.json");
    let (status, body) = read(answered(http.get(&url).send().await, &url)?).await?;
    let elsewhere = || {
        anyhow!(
            "{url} is not the admin API: --server is the URL of the private listener (server.private_url). If it is, \
             {ANOTHER_VERSION}"
        )
    };
    if status != StatusCode::OK {
        let refused = Refused::new(status, &body, None);
        return Err(if refused.is_of_the_api() && status != StatusCode::NOT_FOUND {
            anyhow::Error::from(refused).context(format!("{url} answered {status}"))
        } else {
            elsewhere().context(format!("{status}"))
        });
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
    let issuer = url.strip_suffix(ENDPOINT).and_then(|issuer| issuer.parse().ok());
    issuer.ok_or_else(|| {
        anyhow!("the server names {url} for tokens, which is no https address: its public_url is wrong")
    })
}

impl Remote {
    /// Client credentials (RFC 6749 section 4.4).
    pub(super) async fn granted(&self) -> anyhow::Result<Secret<String>> {
        let (url, client) = (&self.issuer.at(ENDPOINT), &self.client);
        let audience = self.issuer.at(AUDIENCE);
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let asked = self
            .http
            .post(url)
            .basic_auth(encode(client.as_str()), Some(encode(self.secret.expose())))
            .form(&[("grant_type", "client_credentials"), ("resource", &audience)]);
        let (status, body) = read(answered(asked.send().await, url)?).await?;
        if status == StatusCode::OK {
            let granted: Granted = serde_json::from_slice(&body)
                .with_context(|| format!("{url} answered something else than a token; {ANOTHER_VERSION}"))?;
            return Ok(Secret::new(granted.access_token));
        }
        match serde_json::from_slice::<NotGranted>(&body) {
            Ok(not) if not.error == "invalid_client" => bail!(
                "the server does not know the client {client} by this secret: it is wrong or over, or the client does not \
                 authenticate with client_secret_basic; see `postern client secret list {client}` beside the server"
            ),
            Ok(not) if not.error == "invalid_target" => bail!(
                "the client {client} is not registered for the admin API: postern client set {client} --resource {audience}, \
                 beside the server"
            ),
            Ok(not) => bail!(
                "the server gives {client} no token: {} {}",
                not.error,
                not.error_description
            ),
            Err(_) => {
                bail!("{url} answered {status}; see whether the server's public_url leads to the server")
            }
        }
    }
}
