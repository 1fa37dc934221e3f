//! Requests that this server makes to places that somebody else named: a client's keys, its
//! logout endpoint. Whoever names a place must not be able to make the server reach what only the server can reach (server-
//! side request forgery, RFC 9700 section 4.11 and RFC 9126 section 7.1).
//!
//! So: https only, no redirects, no proxy, addresses of the public internet only, and the connection goes to the very
//! address that was checked, whatever the name means a moment later.

use std::{
    fmt, fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use http::{
    HeaderMap, Method, StatusCode,
    header::{self, CONTENT_TYPE},
};
use reqwest::{
    Certificate, Client, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use tokio::{net::lookup_host, sync::OnceCell};
use url::{Host, Url};

use crate::base::{
    network::{Networks, is_public},
    time::Lifetime,
    url::HttpsUrl,
};

/// What a fetch may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many bytes the answer may have.
    pub most: usize,
    /// How long all of it may take.
    pub time: Lifetime,
}

/// What a place says to what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It has it (2xx).
    Success,
    /// It has not. A redirect is not followed.
    Failure(StatusCode),
}

/// An answer with the status 200.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its body.
    pub body: Vec<u8>,
    /// How long it says that it stays the same (RFC 9111 section 5.2.2.1).
    pub max_age: Option<Lifetime>,
}

/// Why there is no answer. For the log: whoever named the place is told no more than that it did not work.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The name has no address that may be reached.
    #[error("its address is not one of the public internet; see outbound.allow")]
    Forbidden,
    /// No connection, no answer in time, or a broken one.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The status is not 200. A redirect is not followed.
    #[error("the answer's status is {0}")]
    Status(StatusCode),
    /// The answer is too large.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// This server cannot make such requests.
    #[error("requests cannot be made: {0}")]
    Unusable(String),
}

/// Makes the requests. The certificates of the system are read with the first one.
pub struct Fetcher {
    allowed: Arc<Networks>,
    certificates: Option<PathBuf>,
    client: OnceCell<Client>,
}

impl Fetcher {
    /// Reaches the public internet and the networks `allowed`; trusts the authorities of the system and those in the PEM
    /// file `certificates`.
    pub fn new(allowed: Networks, certificates: Option<PathBuf>) -> Self {
        Self {
            allowed: Arc::new(allowed),
            certificates,
            client: OnceCell::new(),
        }
    }

    /// Reads a document.
    pub async fn get(&self, url: &HttpsUrl, bounds: Bounds) -> Result<Fetched, FetchError> {
        let request = self.request(Method::GET, url, bounds.time).await?;
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let max_age = max_age(response.headers());
        let mut body = Vec::new();
        // Counted while it arrives: what a header says of its length is not believed.
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > bounds.most {
                return Err(FetchError::TooLarge(bounds.most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { body, max_age })
    }

    /// Sends a form. The body of the answer is not read.
    pub async fn post_form(&self, url: &HttpsUrl, form: String, time: Lifetime) -> Result<Heard, FetchError> {
        let request = self.request(Method::POST, url, time).await?;
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        Ok(if status.is_success() {
            Heard::Success
        } else {
            Heard::Failure(status)
        })
    }

    async fn request(
        &self,
        method: Method,
        url: &HttpsUrl,
        time: Lifetime,
    ) -> Result<RequestBuilder, FetchError> {
        let url = Url::parse(url.as_str()).map_err(|error| FetchError::NoAnswer(error.to_string()))?;
        // A name is judged when it is resolved, an address here: it is not.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        if literal.is_some_and(|address| !may_reach(&self.allowed, address)) {
            return Err(FetchError::Forbidden);
        }
        let client = self.client().await?;
        Ok(client.request(method, url).timeout(time.to_std()))
    }

    async fn client(&self) -> Result<&Client, FetchError> {
        let made = self.client.get_or_try_init(async || {
            let (allowed, certificates) = (Arc::clone(&self.allowed), self.certificates.clone());
            let made = tokio::task::spawn_blocking(move || build(allowed, certificates)).await;
            made.map_err(|error| FetchError::Unusable(error.to_string()))?
        });
        made.await
    }
}

fn build(allowed: Arc<Networks>, certificates: Option<PathBuf>) -> Result<Client, FetchError> {
    let unusable = |error: &dyn fmt::Display| FetchError::Unusable(error.to_string());
    let more = match certificates {
        None => Vec::new(),
        Some(file) => {
            let pem =
                fs::read(&file).map_err(|error| unusable(&format_args!("{}: {error}", file.display())))?;
            Certificate::from_pem_bundle(&pem).map_err(|error| unusable(&error))?
        }
    };
    Client::builder()
        .https_only(true)
        .redirect(Policy::none())
        // A proxy would resolve the name itself, and reach what it can reach.
        .no_proxy()
        .referer(false)
        .dns_resolver(Guarded(allowed))
        .tls_certs_merge(more)
        .connect_timeout(CONNECT)
        // Long times pass between two requests to one place; a kept connection would be dead by then.
        .pool_max_idle_per_host(0)
        .user_agent(concat!("postern/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| unusable(&error))
}

fn max_age(headers: &HeaderMap) -> Option<Lifetime> {
    let lines = headers.get_all(header::CACHE_CONTROL).into_iter();
    let words = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let mut words = words.map(|word| word.trim().to_ascii_lowercase());
    words.find_map(|word| match word.as_str() {
        "no-store" | "no-cache" => Some(Lifetime::from_secs(0)),
        word => {
            let seconds: u32 = word.strip_prefix("max-age=")?.parse().ok()?;
            Some(Lifetime::from_secs(seconds.into()))
        }
    })
}

const CONNECT: Duration = Duration::from_secs(5);

fn may_reach(allowed: &Networks, address: IpAddr) -> bool {
    is_public(address) || allowed.contains(address)
}

/// Resolves names to addresses that may be reached, and to no others. What it gives is what is connected to.
struct Guarded(Arc<Networks>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.0);
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found
                .filter(|address| may_reach(&allowed, address.ip()))
                .collect();
            if good.is_empty() {
                return Err(Box::new(NotPublic).into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// A name that has no address which may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
struct NotPublic;

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
fn failed(error: reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut told = String::new();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return FetchError::Forbidden;
        }
        told = error.to_string();
        cause = error.source();
    }
    // The innermost cause says most; those around it repeat the URL.
    FetchError::NoAnswer(told)
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> Option<i64> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                header::CACHE_CONTROL,
                HeaderValue::from_str(line).expect("a header"),
            );
        }
        max_age(&headers).map(Lifetime::seconds)
    }

    #[test]
    fn the_first_word_about_time_counts() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["public, Max-Age=3600"]), Some(3600));
        assert_eq!(of(&["public", "max-age=60"]), Some(60));
        assert_eq!(of(&["no-cache"]), Some(0));
        assert_eq!(of(&["no-store, max-age=60"]), Some(0));
        for none in [
            "max-age",
            "max-age=",
            "max-age=-1",
            "max-age=1.5",
            "max-age=99999999999",
            "s-maxage=60",
        ] {
            assert_eq!(of(&[none]), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_time_or_none(line in "[ -~]{0,60}") {
            prop_assert!(of(&[&line]).is_none_or(|seconds| seconds >= 0));
        }
    }
}
