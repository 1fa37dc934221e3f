//! Cookie names, and the flow cookie: 128 random bits, one per browser, not stored. Every pending request and CSRF
//! token contains its digest, so what was made for one browser does nothing in another.

use base64ct::{Base64UrlUnpadded, Encoding};
use cookie::{Cookie, SameSite, time::Duration};
use http::{HeaderMap, HeaderValue, header};

use crate::{
    base::{digest::Digest, url::Issuer},
    flows::Provider,
};

/// The names. `__Host-` makes the browser refuse the cookie from anywhere but this very host over TLS; plain http on
/// loopback cannot have it and uses other names.
#[derive(Debug, Clone, Copy)]
pub(super) struct CookieNames {
    /// The browser session.
    pub(super) session: &'static str,
    /// The flow.
    pub(super) flow: &'static str,
    secure: bool,
}

impl CookieNames {
    /// The names for a server at this URL.
    pub(super) fn new(issuer: &Issuer) -> Self {
        if issuer.is_https() {
            Self {
                session: "__Host-postern",
                flow: "__Host-postern-flow",
                secure: true,
            }
        } else {
            Self {
                session: "postern-dev",
                flow: "postern-flow-dev",
                secure: false,
            }
        }
    }

    /// The flow cookie that came with a request.
    pub(super) fn flow_of(&self, headers: &HeaderMap) -> Option<Flow> {
        let all = headers
            .get_all(header::COOKIE)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        let mut cookies = all.flat_map(Cookie::split_parse).filter_map(Result::ok);
        let value = cookies
            .find(|cookie| cookie.name() == self.flow)?
            .value()
            .to_owned();
        let mut bytes = [0; 16];
        let length = Base64UrlUnpadded::decode(&value, &mut bytes).ok()?.len();
        (length == 16).then_some(Flow { value })
    }

    /// The flow cookie of a first page: the one that came, renewed, or a new one.
    pub(super) fn start_flow(&self, provider: &Provider, headers: &HeaderMap) -> Flow {
        self.flow_of(headers).unwrap_or_else(|| Flow {
            value: Base64UrlUnpadded::encode_string(&provider.entropy.bytes::<16>()),
        })
    }

    /// Takes the session cookie back. What tower-sessions sends for it lacks `Secure`, and without that a browser takes
    /// nothing for a `__Host-` name.
    pub(super) fn clear_session(&self, headers: &mut HeaderMap) {
        let cookie = Cookie::build((self.session, ""))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(Duration::ZERO);
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            headers.append(header::SET_COOKIE, value);
        }
    }

    /// Sets the flow cookie on an answer.
    pub(super) fn set_flow(&self, provider: &Provider, flow: &Flow, headers: &mut HeaderMap) {
        let life = provider.lifetimes.pending_request.seconds();
        let cookie = Cookie::build((self.flow, flow.value.clone()))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(life));
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

/// A browser's flow.
#[derive(Clone)]
pub(super) struct Flow {
    value: String,
}

impl Flow {
    /// What sealed values contain.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.value.as_bytes())
    }
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flow")
    }
}
