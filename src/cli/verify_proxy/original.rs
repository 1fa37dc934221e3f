//! The request that the proxy asks about: its method and its path, from where only the proxy can write them.

use std::str::FromStr;

use http::{HeaderMap, Method, Uri};

/// The proxy that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proxy {
    /// `auth_request`: its configuration writes `X-Original-Method` and `X-Original-URI`.
    Nginx,
    /// `ext_authz` over HTTP: the question has the method and, behind a prefix, the path of the request.
    Envoy,
    /// Forward authentication: `X-Forwarded-Method` and `X-Forwarded-Uri`.
    Traefik,
}

impl FromStr for Proxy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "nginx" => Ok(Self::Nginx),
            "envoy" => Ok(Self::Envoy),
            "traefik" => Ok(Self::Traefik),
            _ => Err("write nginx, envoy or traefik"),
        }
    }
}

/// A request that is asked about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Original {
    pub(super) method: Method,
    /// Path and query.
    pub(super) uri: Uri,
}

/// The proxy does not say what it is told to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the question has not exactly one {0}, or it is none: see docs/verify/proxy.md for the proxy's settings"
)]
pub(super) struct Unknown(&'static str);

impl Original {
    /// From the headers of the proxy's question; none where no proxy is named, or where it tells by the question itself.
    pub(super) fn from_headers(proxy: Option<Proxy>, headers: &HeaderMap) -> Result<Option<Self>, Unknown> {
        let (method, uri) = match proxy {
            Some(Proxy::Nginx) => ("x-original-method", "x-original-uri"),
            Some(Proxy::Traefik) => ("x-forwarded-method", "x-forwarded-uri"),
            Some(Proxy::Envoy) | None => return Ok(None),
        };
        Ok(Some(Self {
            method: one(headers, method)?.parse().map_err(|_| Unknown(method))?,
            uri: path(one(headers, uri)?).ok_or(Unknown(uri))?,
        }))
    }

    /// From the question itself, of which `prefix` is the proxy's.
    pub(super) fn behind(prefix: &str, method: &Method, uri: &Uri) -> Result<Self, Unknown> {
        let whole = uri.path_and_query().map_or("", |whole| whole.as_str());
        let uri = whole.strip_prefix(prefix).and_then(path);
        Ok(Self {
            method: method.clone(),
            uri: uri.ok_or(Unknown("path"))?,
        })
    }
}

/// A client could have added another.
fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Unknown> {
    let mut sent = headers.get_all(name).iter();
    match (sent.next(), sent.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Unknown(name)),
        _ => Err(Unknown(name)),
    }
}

/// Origin form (RFC 9112 section 3.2.1) and no other: what names a host would choose whose request it was.
fn path(text: &str) -> Option<Uri> {
    let uri: Uri = text.starts_with('/').then(|| text.parse().ok()).flatten()?;
    (uri.authority().is_none() && uri.path().starts_with('/')).then_some(uri)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).parse().expect("a name"), value.parse().expect("a value")));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value): (http::HeaderName, HeaderValue)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn each_proxy_tells_in_its_own_way_and_no_other_counts() {
        let all = headers(&[
            ("x-original-method", "PUT"),
            ("x-original-uri", "/notes/1?draft=1"),
            ("x-forwarded-method", "DELETE"),
            ("x-forwarded-uri", "/other"),
        ]);
        let told = |proxy| Original::from_headers(proxy, &all).expect("told");
        let of = |method, uri: &str| Original {
            method,
            uri: uri.parse().expect("a path"),
        };
        assert_eq!(
            told(Some(Proxy::Nginx)),
            Some(of(Method::PUT, "/notes/1?draft=1"))
        );
        assert_eq!(told(Some(Proxy::Traefik)), Some(of(Method::DELETE, "/other")));
        assert_eq!(told(Some(Proxy::Envoy)), None);
        assert_eq!(told(None), None);
        let question = "/envoy/notes?x=1".parse().expect("a path");
        let behind = Original::behind("/envoy", &Method::PATCH, &question);
        assert_eq!(behind, Ok(of(Method::PATCH, "/notes?x=1")));
    }

    #[test]
    fn what_is_missing_doubled_or_no_path_is_refused() {
        let method = ("x-original-method", "GET");
        for wrong in [
            vec![],
            vec![method],
            vec![("x-original-uri", "/notes")],
            vec![method, ("x-original-uri", "/notes"), ("x-original-uri", "/other")],
            vec![method, method, ("x-original-uri", "/notes")],
            vec![method, ("x-original-uri", "https://other.example/notes")],
            vec![method, ("x-original-uri", "notes")],
            vec![method, ("x-original-uri", "*")],
            vec![method, ("x-original-uri", "")],
            vec![("x-original-method", "GET /"), ("x-original-uri", "/notes")],
        ] {
            let told = Original::from_headers(Some(Proxy::Nginx), &headers(&wrong));
            assert!(told.is_err(), "{wrong:?}: {told:?}");
        }
    }

    fn told_by_traefik(uri: &str) -> Option<Original> {
        let sent = headers(&[("x-forwarded-method", "GET"), ("x-forwarded-uri", uri)]);
        Original::from_headers(Some(Proxy::Traefik), &sent).ok().flatten()
    }

    proptest! {
        #[test]
        fn whatever_is_sent_the_path_is_a_path_and_names_no_host(
            begin in prop_oneof![Just(""), Just("/"), Just("//"), Just("/@"), Just("http://"), Just("*"), Just("?"), Just("#")],
            rest in "[ -~]{0,40}",
        ) {
            let value = format!("{begin}{rest}");
            if let Some(Original { uri, .. }) = told_by_traefik(&value) {
                prop_assert!(value.starts_with('/') && uri.path().starts_with('/'), "{}", value);
                prop_assert_eq!((uri.scheme(), uri.authority()), (None, None));
                prop_assert!(value.starts_with(&uri.to_string()), "{} is read as {}", value, uri);
            }
        }

        #[test]
        fn a_path_is_told_as_it_was_sent(value in "/([a-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2}){0,20}([?][a-z=&/?%0-9]{0,20})?") {
            let told = told_by_traefik(&value).expect("told");
            prop_assert_eq!(told.uri.to_string(), value);
        }
    }
}
