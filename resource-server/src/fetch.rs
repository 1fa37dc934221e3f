//! One bounded request: no redirects, a time limit, a cap on the body that is counted while it arrives.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Url};

/// Why a document of the issuer could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection, no answer in time, or a broken one. For an https address: without the feature `tls`.
    #[error("no answer")]
    NoAnswer(#[source] Box<dyn Error + Send + Sync>),
    /// The status is not 200. A redirect is not followed.
    #[error("the answer's status is {0}")]
    Status(StatusCode),
    /// More bytes than such a document may have.
    #[error("the answer has more than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// Not what this address should answer.
    #[error("the answer is malformed")]
    Malformed(#[source] serde_json::Error),
}

/// A document, and how long its sender lets us keep it.
pub(crate) struct Fetched {
    pub(crate) body: Vec<u8>,
    pub(crate) max_age: Option<Duration>,
}

/// A client for one issuer, which keeps as many connections as are said when it needs them no more.
pub(crate) fn client(issuer: &Url, time_limit: Duration, kept: usize) -> Result<Client, FetchError> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .timeout(time_limit)
        .pool_max_idle_per_host(kept)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")));
    // A loopback issuer is not behind the environment's proxy, and needs no authorities, of which a machine may have none.
    let builder = if issuer.scheme() == "http" {
        without_authorities(builder.no_proxy())
    } else {
        builder
    };
    builder.build().map_err(no_answer)
}

#[cfg(feature = "tls")]
fn without_authorities(builder: ClientBuilder) -> ClientBuilder {
    builder.tls_certs_only([])
}

#[cfg(not(feature = "tls"))]
fn without_authorities(builder: ClientBuilder) -> ClientBuilder {
    builder
}

pub(crate) async fn fetch(request: RequestBuilder) -> Result<Fetched, FetchError> {
    let mut response = request.send().await.map_err(no_answer)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let max_age = max_age(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Fetched { body, max_age })
}

pub(crate) fn no_answer(error: reqwest::Error) -> FetchError {
    FetchError::NoAnswer(error.into())
}

/// `Cache-Control: max-age=600` (RFC 9111 section 5.2.2.1).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let (_, seconds) = directives
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))?;
    seconds.trim_matches('"').parse().ok().map(Duration::from_secs)
}

const MAX_BODY_BYTES: usize = 256 * 1024;
