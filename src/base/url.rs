//! URLs with rules: the issuer, redirect URIs, resource indicators, places that are fetched.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use url::{Host, Url};

/// The server's public URL, which is the `iss` of everything it signs (RFC 8414 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Issuer(String);

/// Why a URL cannot be an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Not an absolute http or https URL.
    #[error("write an absolute URL such as https://id.example.com")]
    NotAUrl,
    /// Something besides scheme, host and port.
    #[error(
        "write scheme, host and port only (https://id.example.com): no path, query, fragment or user name"
    )]
    NotAnOrigin,
    /// Plain http on a host that others can reach.
    #[error("use https: plain http is for localhost, 127.0.0.1 and [::1] only")]
    PlainHttp,
}

impl Issuer {
    /// Without a slash at the end, exactly as in `iss`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether browsers reach it over TLS; decides cookie names and `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The absolute URL of `path`, which begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let url = Url::parse(text.trim()).map_err(|_| IssuerError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(IssuerError::NotAUrl);
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(IssuerError::NotAnOrigin);
        }
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() == "http" && !local {
            return Err(IssuerError::PlainHttp);
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registered redirect URI (RFC 6749 section 3.1.2, RFC 8252 section 7). Compared as text, never normalised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// The three ways by which an app gets its answer back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `com.example.app:/callback` (RFC 8252 section 7.1).
    PrivateScheme,
    /// `https://app.example/callback`, claimed by the app or served by a site (section 7.2).
    Https,
    /// `http://127.0.0.1:port/callback` (section 7.3).
    Loopback,
}

/// The rule that a redirect URI breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Not an absolute URI in plain ASCII, or longer than 1000 characters.
    #[error("it is not an absolute URI of at most 1000 ASCII characters (RFC 6749 section 3.1.2)")]
    NotAbsolute,
    /// A fragment.
    #[error("it has a fragment (#...), which a redirect URI must not have (RFC 6749 section 3.1.2)")]
    Fragment,
    /// A user name or password.
    #[error("it has a user name or password before the host; remove it")]
    UserInfo,
    /// Dot segments, backslashes or another spelling that parsers read differently.
    #[error(
        "it is not written in its plain form (lower-case scheme and host, no *, no . or .. segments, no \\)"
    )]
    NotPlain,
    /// http on a name instead of a loopback address.
    #[error(
        "http is for loopback addresses only: write http://127.0.0.1/... or http://[::1]/... (RFC 8252 sections 7.3 and 8.3)"
    )]
    PlainHttp,
    /// A private-use scheme that is no reversed domain name.
    #[error(
        "a private-use scheme is a domain name of yours in reverse, such as com.example.app:/callback (RFC 8252 section 7.1)"
    )]
    Scheme,
}

const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

impl RedirectUri {
    /// The URI as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of the three ways this is.
    pub fn kind(&self) -> RedirectKind {
        if self.0.starts_with("https:") {
            RedirectKind::Https
        } else if self.0.starts_with("http:") {
            RedirectKind::Loopback
        } else {
            RedirectKind::PrivateScheme
        }
    }

    /// The scheme with its colon: a source of `form-action`.
    pub fn scheme(&self) -> &str {
        self.0.split_inclusive(':').next().unwrap_or_default()
    }

    /// Whether `presented` is this URI: byte for byte (RFC 9700 section 2.1), but for the port of a loopback
    /// address, which the app draws anew at each sign-in (RFC 8252 section 7.3).
    pub fn matches(&self, presented: &str) -> bool {
        match (without_loopback_port(&self.0), without_loopback_port(presented)) {
            (Some(registered), Some(presented)) => registered == presented,
            _ => self.0 == presented,
        }
    }
}

/// Splits a loopback URI into its host and what follows the port.
fn without_loopback_port(uri: &str) -> Option<(&'static str, &str)> {
    let (host, rest) = LOOPBACK
        .iter()
        .find_map(|host| uri.strip_prefix(host).map(|rest| (*host, rest)))?;
    let Some(after_colon) = rest.strip_prefix(':') else {
        return Some((host, rest));
    };
    let digits = after_colon.bytes().take_while(u8::is_ascii_digit).count();
    let port: u16 = after_colon[..digits].parse().ok()?;
    (port != 0 && !after_colon.starts_with('0')).then_some((host, &after_colon[digits..]))
}

impl FromStr for RedirectUri {
    type Err = RedirectUriError;

    fn from_str(text: &str) -> Result<Self, RedirectUriError> {
        let plain = text.bytes().all(|b| b.is_ascii_graphic());
        if !plain || text.is_empty() || text.len() > 1000 {
            return Err(RedirectUriError::NotAbsolute);
        }
        if text.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::NotAbsolute)?;
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(RedirectUriError::UserInfo);
        }
        let normal = url.as_str();
        // `http://127.0.0.1` is the same as `http://127.0.0.1/` to every parser; anything else must not change.
        if normal != text && normal.strip_suffix('/') != Some(text) || text.contains('\\') {
            return Err(RedirectUriError::NotPlain);
        }
        // A wildcard matches nothing here, and whoever writes one believes that it does.
        if url.host_str().is_some_and(|host| host.contains('*')) {
            return Err(RedirectUriError::NotPlain);
        }
        match url.scheme() {
            "https" => {}
            "http" if without_loopback_port(text).is_some_and(|(_, rest)| ends_host(rest)) => {}
            "http" => return Err(RedirectUriError::PlainHttp),
            scheme if !scheme.contains('.') || scheme.starts_with('.') || scheme.ends_with('.') => {
                return Err(RedirectUriError::Scheme);
            }
            _ => {}
        }
        Ok(Self(text.to_owned()))
    }
}

fn ends_host(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['/', '?'])
}

fn authority(uri: &str) -> &str {
    let after = uri.split_once("://").map_or("", |(_, rest)| rest);
    after.split(['/', '?']).next().unwrap_or_default()
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identifier of an API that accepts our access tokens: an `aud` (RFC 8707 section 2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Resource(String);

/// Why a text cannot name an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a resource is an absolute URI without fragment, at most 500 characters (RFC 8707 section 2)")]
pub struct ResourceError;

impl Resource {
    /// The URI, compared as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Resource {
    type Err = ResourceError;

    fn from_str(text: &str) -> Result<Self, ResourceError> {
        let plain = text.len() <= 500 && text.bytes().all(|b| b.is_ascii_graphic());
        if !plain || text.contains('#') || Url::parse(text).is_err() {
            return Err(ResourceError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An https URL of somebody else's that the server fetches or posts to. Where its host may lie is judged when it is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HttpsUrl(String);

/// Why a text is no URL that may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an https URL without user name and fragment, at most 1000 characters")]
pub struct HttpsUrlError;

impl HttpsUrl {
    /// The URL in its normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HttpsUrl {
    type Err = HttpsUrlError;

    fn from_str(text: &str) -> Result<Self, HttpsUrlError> {
        let plain = text.len() <= 1000 && text.bytes().all(|b| b.is_ascii_graphic()) && !text.contains('\\');
        let url = Url::parse(text).ok().filter(|_| plain).ok_or(HttpsUrlError)?;
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if url.scheme() != "https" || url.host().is_none() || !bare || authority(text).contains('@') {
            return Err(HttpsUrlError);
        }
        Ok(Self(url.into()))
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A web origin (RFC 6454): what a browser says of the page that a request comes from, letter for letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct WebOrigin(String);

/// Why a text is no origin whose pages may call us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write scheme, host and port as a browser does: https://app.example, or http://localhost:3000 on this machine; no path, \
     no slash at the end, no *"
)]
pub struct WebOriginError;

impl WebOrigin {
    /// As a browser writes it (RFC 6454 section 6.2).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebOrigin {
    type Err = WebOriginError;

    fn from_str(text: &str) -> Result<Self, WebOriginError> {
        // Where plain http is taken is the same for pages as for this server, and so is what an origin consists of.
        let read: Issuer = text.parse().map_err(|_| WebOriginError)?;
        if text.len() > 300 || read.as_str() != text || text.contains('*') {
            return Err(WebOriginError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from_text {
    ($($name:ident)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

from_text!(Issuer RedirectUri Resource HttpsUrl WebOrigin);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_writes() {
        for good in [
            "https://app.example",
            "https://app.example:8443",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:80",
        ] {
            let read = good.parse::<WebOrigin>().map(|origin| origin.to_string());
            // Port 80 is the one that http has without saying so.
            let expected = if good.ends_with(":80") {
                Err(WebOriginError)
            } else {
                Ok(good.to_owned())
            };
            assert_eq!(read, expected);
        }
        for bad in [
            "",
            "*",
            "null",
            "https://*",
            "https://app.example/",
            "https://App.example",
            "http://app.example",
            " https://app.example",
            "https://a@app.example",
            "app.example",
            "file://",
        ] {
            assert_eq!(bad.parse::<WebOrigin>(), Err(WebOriginError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_no_origin_or_one_letter_for_letter(text in "(https|http|null|ftp)?(://)?[ -~]{0,40}") {
            if let Ok(origin) = text.parse::<WebOrigin>() {
                let read = Url::parse(&text).expect("a URL");
                prop_assert_eq!(read.origin().ascii_serialization(), origin.as_str());
                prop_assert_eq!(origin.as_str(), &text);
                prop_assert!(!text.contains('*'));
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_no_redirect_uri_or_fits_itself(
            text in "(https|http|com.example|javascript|data)?:(//)?(127.0.0.1|\\[::1\\]|app.example)?[ -~]{0,30}",
            other in "[ -~]{0,10}",
        ) {
            let is_loopback = without_loopback_port(&text).is_some();
            if let Ok(uri) = text.parse::<RedirectUri>() {
                prop_assert_eq!(uri.as_str(), &text);
                prop_assert!(uri.matches(&text));
                prop_assert!(is_loopback || other.is_empty() || !uri.matches(&format!("{text}{other}")), "{text}{other}");
                prop_assert!(!text.contains('#') && !text.starts_with("javascript:") && !text.starts_with("data:"));
                let read = Url::parse(&text).expect("a URL");
                prop_assert!(read.scheme() != "http" || is_loopback);
            }
            let _ = (text.parse::<HttpsUrl>(), text.parse::<Resource>(), text.parse::<Issuer>());
        }
    }

    #[test]
    fn a_loopback_redirect_may_change_its_port_and_nothing_else() {
        let registered: RedirectUri = "http://127.0.0.1/callback".parse().expect("valid");
        assert!(registered.matches("http://127.0.0.1:49152/callback"));
        assert!(registered.matches("http://127.0.0.1/callback"));
        for other in [
            "http://127.0.0.1:49152/callback/",
            "http://127.0.0.1:49152/callback?x=1",
            "http://127.0.0.1:49152/Callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:1@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://[::1]:49152/callback",
            "http://localhost:49152/callback",
            "https://127.0.0.1:49152/callback",
        ] {
            assert!(!registered.matches(other), "{other}");
        }
    }

    #[test]
    fn a_bad_redirect_uri_is_refused_with_the_rule_it_breaks() {
        use RedirectUriError::{Fragment, NotAbsolute, NotPlain, PlainHttp, Scheme, UserInfo};
        for (uri, rule) in [
            ("/callback", NotAbsolute),
            ("https://app.example/ü", NotAbsolute),
            ("https://app.example/#x", Fragment),
            ("https://me@app.example/", UserInfo),
            ("https://app.example/a/../b", NotPlain),
            ("HTTPS://app.example/", NotPlain),
            ("http://app.example/", PlainHttp),
            ("http://localhost/callback", PlainHttp),
            ("http://127.0.0.1.evil.example/", PlainHttp),
            ("javascript:alert(1)", Scheme),
            ("notes:/callback", Scheme),
        ] {
            assert_eq!(uri.parse::<RedirectUri>(), Err(rule), "{uri}");
        }
        for uri in [
            "com.example.app:/cb",
            "https://app.example/cb?x=1",
            "http://[::1]:8000/cb",
            "http://127.0.0.1/",
        ] {
            assert!(uri.parse::<RedirectUri>().is_ok(), "{uri}");
        }
    }

    #[test]
    fn an_issuer_is_an_origin_and_plain_http_stays_at_home() {
        assert_eq!(
            "https://id.example.com/".parse::<Issuer>().map(|i| i.0),
            Ok("https://id.example.com".into())
        );
        assert_eq!(
            "http://id.example.com".parse::<Issuer>(),
            Err(IssuerError::PlainHttp)
        );
        assert_eq!(
            "https://id.example.com/x".parse::<Issuer>(),
            Err(IssuerError::NotAnOrigin)
        );
        assert!("http://localhost:8080".parse::<Issuer>().is_ok());
    }
}
