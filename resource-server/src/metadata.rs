//! What an issuer says of itself: its metadata (RFC 8414, OpenID Connect Discovery 1.0), read and checked.

use reqwest::{Client, Url};
use serde::Deserialize;

use crate::fetch::{FetchError, fetch};
use crate::keys::KeySetError;
use crate::public_url::PublicUrlError;

/// Why an issuer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// Not an address that tokens may be trusted from.
    #[error("the issuer must be an https address without query and fragment (http only on loopback)")]
    Issuer,
    /// The metadata could not be read.
    #[error("the issuer's metadata could not be read")]
    Metadata(#[source] FetchError),
    /// The metadata is not what RFC 8414 section 2 describes.
    #[error("the issuer's metadata is malformed")]
    MalformedMetadata(#[source] serde_json::Error),
    /// The metadata is another issuer's (RFC 8414 section 3.3).
    #[error("the metadata names another issuer: {found:?}")]
    IssuerMismatch {
        /// The issuer that it names.
        found: String,
    },
    /// The keys are not at an address that they may be trusted from.
    #[error("jwks_uri must be an https address (http only beside a loopback issuer)")]
    JwksUri,
    /// The metadata has no usable address for something that was asked for.
    #[error("the metadata has no {0} that is an https address (http only beside a loopback issuer)")]
    Missing(&'static str),
    /// The keys could not be read.
    #[error("the issuer's keys could not be read")]
    Keys(#[source] FetchError),
    /// The keys are not a JWK set.
    #[error("the issuer's keys are malformed")]
    MalformedKeys(#[from] KeySetError),
    /// The address of the API is none.
    #[error("the API's public URL cannot be used")]
    PublicUrl(#[from] PublicUrlError),
    /// The machine has no randomness to name this instance with.
    #[error("the machine gives no random bytes")]
    NoRandomness,
}

/// What we need of it.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    jwks_uri: String,
    token_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    /// A member of Postern's own.
    revocation_stream_endpoint: Option<String>,
}

impl Metadata {
    pub(crate) async fn read(client: &Client, issuer: &str, url: &Url) -> Result<Self, DiscoverError> {
        let [openid, oauth] = metadata_urls(url);
        let fetched = match fetch(client.get(openid)).await {
            // Not an OpenID provider, but maybe an authorization server.
            Err(FetchError::Status(_)) => fetch(client.get(oauth)).await,
            answer => answer,
        };
        let body = fetched.map_err(DiscoverError::Metadata)?.body;
        let metadata: Self = serde_json::from_slice(&body).map_err(DiscoverError::MalformedMetadata)?;
        if metadata.issuer == issuer {
            Ok(metadata)
        } else {
            Err(DiscoverError::IssuerMismatch {
                found: metadata.issuer,
            })
        }
    }

    pub(crate) fn jwks_uri(&self, issuer: &Url) -> Result<Url, DiscoverError> {
        trustworthy(&self.jwks_uri, issuer).ok_or(DiscoverError::JwksUri)
    }

    pub(crate) fn token_endpoint(&self, issuer: &Url) -> Result<Url, DiscoverError> {
        named("token_endpoint", self.token_endpoint.as_deref(), issuer)
    }

    pub(crate) fn introspection_endpoint(&self, issuer: &Url) -> Result<Url, DiscoverError> {
        named(
            "introspection_endpoint",
            self.introspection_endpoint.as_deref(),
            issuer,
        )
    }

    pub(crate) fn revocation_stream_endpoint(&self, issuer: &Url) -> Result<Url, DiscoverError> {
        let sent = self.revocation_stream_endpoint.as_deref();
        named("revocation_stream_endpoint", sent, issuer)
    }
}

fn named(name: &'static str, sent: Option<&str>, issuer: &Url) -> Result<Url, DiscoverError> {
    sent.and_then(|sent| trustworthy(sent, issuer))
        .ok_or(DiscoverError::Missing(name))
}

fn trustworthy(text: &str, issuer: &Url) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    is_trustworthy(&url, issuer.scheme() == "http").then_some(url)
}

/// The issuer as an address, if it is one that may be asked (RFC 8414 section 2).
pub(crate) fn issuer_url(issuer: &str) -> Result<Url, DiscoverError> {
    match Url::parse(issuer) {
        Ok(url) if is_trustworthy(&url, true) && url.query().is_none() => Ok(url),
        _ => Err(DiscoverError::Issuer),
    }
}

/// OpenID Connect Discovery appends to the issuer's path (section 4), RFC 8414 puts its own before it
/// (section 3.1).
fn metadata_urls(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: &str| {
        let mut url = issuer.clone();
        url.set_path(path);
        url
    };
    [
        at(&format!("{path}/.well-known/openid-configuration")),
        at(&format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

/// Over https, or in plain text where nobody listens.
fn is_trustworthy(url: &Url, loopback: bool) -> bool {
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    plain && (url.scheme() == "https" || (loopback && url.scheme() == "http" && is_loopback(url)))
}

fn is_loopback(url: &Url) -> bool {
    // A URL's host has the brackets of an IPv6 address.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_are_issuers() {
        for good in [
            "https://id.example.com",
            "https://id.example.com/a/",
            "http://127.0.0.1:1",
            "http://[::1]",
        ] {
            assert!(issuer_url(good).is_ok(), "{good}");
        }
        let bad = [
            "http://id.example.com",
            "https://a.example?q",
            "https://a.example#f",
            "file:///etc",
            "",
            "x",
        ];
        for bad in bad
            .iter()
            .chain(&["https://u:p@a.example", "http://127.0.0.1.a.example"])
        {
            assert!(issuer_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_two_metadata_addresses() {
        let urls = |issuer| {
            issuer_url(issuer)
                .map(|url| metadata_urls(&url).map(String::from))
                .unwrap()
        };
        assert_eq!(
            urls("https://a.example/t1/"),
            [
                "https://a.example/t1/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/t1",
            ]
        );
        assert_eq!(
            urls("https://a.example")[1],
            "https://a.example/.well-known/oauth-authorization-server"
        );
    }
}
