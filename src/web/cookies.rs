//! The cookies. The flow cookie is 128 random bits, one per browser, not stored: every pending request and CSRF token
//! contains its digest, so what was made for one browser does nothing in another. The known-browser cookie is sealed.

use base64ct::{Base64UrlUnpadded, Encoding};
use cookie::{Cookie, SameSite, time::Duration};
use http::{HeaderMap, HeaderValue, header};

use crate::{
    base::{digest::Digest, time::Lifetime, url::Issuer},
    flows::{
        Provider,
        sign_in::{KnownBrowser, Person},
    },
};

/// The names. `__Host-` makes the browser refuse the cookie from anywhere but this very host over TLS; plain http on
/// loopback cannot have it and uses other names.
#[derive(Debug, Clone, Copy)]
pub(super) struct CookieNames {
    /// The browser session.
    pub(super) session: &'static str,
    /// The flow.
    pub(super) flow: &'static str,
    /// Who signed in before in this browser.
    pub(super) known_browser: &'static str,
    /// The session at the console.
    pub(super) admin: &'static str,
    /// A sign-in to the console under way.
    pub(super) admin_flow: &'static str,
    secure: bool,
}

impl CookieNames {
    /// The names for a server at this URL.
    pub(super) fn new(issuer: &Issuer) -> Self {
        if issuer.is_https() {
            Self {
                session: "__Host-postern",
                flow: "__Host-postern-flow",
                known_browser: "__Host-postern-known",
                admin: "__Host-postern-admin",
                admin_flow: "__Host-postern-admin-flow",
                secure: true,
            }
        } else {
            Self {
                session: "postern-dev",
                flow: "postern-flow-dev",
                known_browser: "postern-known-dev",
                admin: "postern-admin-dev",
                admin_flow: "postern-admin-flow-dev",
                secure: false,
            }
        }
    }

    /// The flow cookie that came with a request.
    pub(super) fn flow_of(&self, headers: &HeaderMap) -> Option<Flow> {
        let value = value_of(headers, self.flow)?;
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

    /// Sets the flow cookie on an answer.
    pub(super) fn set_flow(&self, provider: &Provider, flow: &Flow, headers: &mut HeaderMap) {
        let life = provider.lifetimes.pending_request;
        self.set(self.flow, flow.value.clone(), life, headers);
    }

    /// Who signed in before in the browser that sent a request.
    pub(super) async fn known_browser_of(
        &self,
        provider: &Provider,
        headers: &HeaderMap,
    ) -> Option<KnownBrowser> {
        KnownBrowser::open(provider, &value_of(headers, self.known_browser)?).await
    }

    /// Makes the browser that sent `request` known to somebody who has just signed in.
    pub(super) async fn set_known_browser(
        &self,
        provider: &Provider,
        request: &HeaderMap,
        person: &Person,
        headers: &mut HeaderMap,
    ) {
        let before = self.known_browser_of(provider, request).await;
        let sealed = KnownBrowser::remember(provider, before, person);
        self.set(
            self.known_browser,
            sealed,
            provider.lifetimes.known_browser,
            headers,
        );
    }

    /// Takes the session cookie back. With all its attributes: a browser ignores a `__Host-` cookie without `Secure`,
    /// also one that only says that it is over.
    pub(super) fn clear_session(&self, headers: &mut HeaderMap) {
        self.set(self.session, String::new(), Lifetime::from_secs(0), headers);
    }

    pub(super) fn set(&self, name: &'static str, value: String, life: Lifetime, headers: &mut HeaderMap) {
        let cookie = Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(life.seconds()))
            .build();
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

pub(super) fn value_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let found = cookies.find(|cookie| cookie.name() == name)?;
    Some(found.value().to_owned())
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
